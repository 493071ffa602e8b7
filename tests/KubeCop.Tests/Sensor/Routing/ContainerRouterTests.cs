using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Sensor;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Decoding;
using KubeCop.Sensor.Routing;
using KubeCop.Testing.Sensor;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Sensor.Routing;

public sealed class ContainerRouterTests
{
    private const ulong Cgroup = 77;

    private readonly FakeKernel _kernel = new();
    private readonly FakeDiscovery _discovery = new();
    private readonly FakeGrain _grain = new();
    private readonly FakeTimeProvider _time = new();
    private readonly ContainerRouter _router;

    public ContainerRouterTests() =>
        _router = new ContainerRouter(
            _kernel,
            _discovery,
            _ => _grain,
            new SensorOptions { BatchSize = 16, StagedBatches = 2 },
            _time,
            static () => { },
            NullLogger<ContainerRouter>.Instance);

    [Fact]
    public void Events_BeforeTheContainerIsKnown_ArriveInOrderOnceItIs()
    {
        Created();
        Open("/first");
        Open("/second");
        Settle();
        Assert.Empty(_grain.Paths);

        Recognise();
        Open("/third");
        Settle();

        Assert.Equal(["start c1", "ingest"], _grain.Calls);
        Assert.Equal(["/first", "/second", "/third"], _grain.Paths);
        Assert.Equal(Cgroup, _kernel.Watched[Cgroup]);
    }

    [Fact]
    public void Exec_InUnknownCgroup_AsksAgain()
    {
        Created();
        Answer(new DiscoveryResult(Cgroup, null, IsNoContainer: false));
        Settle();

        _router.Consume(RecordBuilder.Exec(Cgroup, "/bin/sh", "/bin/sh", "/", "sh"));

        Assert.Equal(2, _discovery.Asked.Count);
    }

    [Fact]
    public void ForksAndExits_GoWithTheNextOtherEvent()
    {
        Created();
        Recognise();
        Settle();

        _router.Consume(RecordBuilder.Fork(Cgroup));
        Settle();
        Assert.Equal(["start c1"], _grain.Calls);

        Open("/x");
        Settle();
        Assert.Equal(["start c1", "ingest"], _grain.Calls);
        Assert.Equal(["", "/x"], _grain.Paths);
    }

    [Fact]
    public void ForksAndExits_AloneGoWithinASecond()
    {
        Created();
        Recognise();
        Settle();
        _router.Consume(RecordBuilder.Exit(Cgroup));
        Settle();

        _router.Expire();
        Settle();

        Assert.Equal(["start c1", "ingest"], _grain.Calls);
    }

    [Fact]
    public void ForksAndExits_OfAFullBatchGoAtOnce()
    {
        Created();
        Recognise();
        Settle();
        for (var i = 0; i < 16; i++)
        {
            Assert.Equal(["start c1"], _grain.Calls);
            _router.Consume(RecordBuilder.Fork(Cgroup));
            Settle();
        }

        Assert.Equal(["start c1", "ingest"], _grain.Calls);
    }

    [Fact]
    public void ContainerEnded_ItsLastExitGoesBeforeTheStop()
    {
        Created();
        Recognise();
        Settle();
        _router.Consume(RecordBuilder.Exit(Cgroup));
        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupEmpty, Cgroup, "/c1"));
        Settle();

        Assert.Equal(["start c1", "ingest", "stop"], _grain.Calls);
    }

    [Fact]
    public void Record_ThatCannotBeRead_IsCountedAndItsContainerTold()
    {
        Created();
        Recognise();
        Settle();
        var record = RecordBuilder.Open(Cgroup, "/etc/passwd");
        _router.Consume(record.AsSpan(0, record.Length - 1));
        Open("/x");
        Settle();

        Assert.Equal([new LossCount(EventKind.Open, "unreadable", 1)], _router.Unreadable.AsLosses(LossCount.Unreadable));
        Assert.Equal(["/x"], _grain.Paths);
        Assert.Equal(1, _grain.LostBefore);
    }

    [Fact]
    public void Cgroup_Made_IsAskedForWithItsMaker()
    {
        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupCreated, Cgroup, "/c1", "/bundles/c1"));

        Assert.Equal(("/c1", new CgroupMaker("loop", "/bundles/c1")), (_discovery.Asked[0].Path, _discovery.Asked[0].Maker));
    }

    [Fact]
    public void Exec_WhileAnAnswerIsUnderWay_AsksAgainWhenThatSaysNothing()
    {
        Created();
        _router.Consume(RecordBuilder.Exec(Cgroup, "/bin/sh", "/bin/sh", "/", "sh"));
        Assert.Single(_discovery.Asked);

        Answer(new DiscoveryResult(Cgroup, null, IsNoContainer: false));
        Settle();

        Assert.Equal(2, _discovery.Asked.Count);
    }

    [Theory]
    [InlineData(EventFlags.Entered, 2)]
    [InlineData(EventFlags.None, 0)]
    public void Cgroup_RemovedUnrecognised_IsAskedForOnceMoreAndARuntimesEventsAreCounted(EventFlags flags, int counted)
    {
        CreatedAndUnknown();
        _router.Consume(RecordBuilder.Exec(Cgroup, flags, "/bin/true", "/bin/true", "/", "true"));
        Open("/x");
        Answer(new DiscoveryResult(Cgroup, null, IsNoContainer: false));
        Settle();
        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupRemoved, Cgroup, "/c1"));
        Assert.Equal((3, 0), (_discovery.Asked.Count, _router.Unrecognised.Total));

        Answer(new DiscoveryResult(Cgroup, null, IsNoContainer: false));
        Settle();

        Assert.Equal(counted, _router.Unrecognised.Total);
        Assert.Equal([Cgroup], _kernel.Ignored);
    }

    [Fact]
    public void Cgroup_ThatIsNoContainer_IsIgnored()
    {
        Created();
        Answer(new DiscoveryResult(Cgroup, null, IsNoContainer: true));
        Settle();

        Assert.Equal([Cgroup], _kernel.Ignored);
        Assert.Empty(_grain.Calls);
    }

    [Fact]
    public void Cgroup_NotRecognisedInTime_IsAskedForOnceMoreThenRests()
    {
        CreatedAndUnknown();
        Open("/x");
        _time.Advance(TimeSpan.FromSeconds(11));

        _router.Expire();
        Answer(new DiscoveryResult(Cgroup, null, IsNoContainer: false));
        Settle();

        Assert.Equal(2, _discovery.Asked.Count);
        Assert.Equal([Cgroup], _kernel.Rested);
        Assert.Empty(_kernel.Ignored);
    }

    [Fact]
    public void Container_StartedLongAfterItsCgroup_IsWatchedFromItsFirstExec()
    {
        CreatedAndUnknown();
        _time.Advance(TimeSpan.FromSeconds(11));
        _router.Expire();
        Answer(new DiscoveryResult(Cgroup, null, IsNoContainer: false));
        Settle();

        _router.Consume(RecordBuilder.Exec(Cgroup, "/bin/late", "/bin/late", "/", "late"));
        Recognise();
        Settle();

        Assert.Equal(["/bin/late"], _grain.Paths);
        Assert.Equal(Cgroup, _kernel.Watched[Cgroup]);
    }

    [Fact]
    public void BusyGrain_GetsOneCallAtATime_AndTheRestIsDroppedAndCounted()
    {
        Created();
        Recognise();
        Settle();
        _grain.Hold = new TaskCompletionSource();
        Open("/held");
        Settle();

        for (var index = 0; index < 100; index++)
        {
            Open($"/{index}");
            Settle();
        }

        // One batch is on its way, two are staged, one is being filled: 3 × 16 events have room.
        Assert.Equal(52, _router.Dropped.Of(EventKind.Open));
        Assert.Equal(52, _router.Containers[Cgroup].Dropped.Of(EventKind.Open));
        Assert.Equal(2, _grain.Calls.Count);

        _grain.Release();
        Settle();
        Open("/after");
        Settle();

        Assert.Equal(["/held", .. Enumerable.Range(0, 48).Select(static index => $"/{index}"), "/after"], _grain.Paths);
        Assert.Equal(52, _grain.LostBefore);
    }

    [Fact]
    public void FailedIngest_IsCountedAndTheNextBatchTellsOfIt()
    {
        Created();
        Recognise();
        Settle();
        _grain.FailNext = true;
        Open("/lost");
        Settle();
        Open("/kept");
        Settle();

        Assert.Equal(["/kept"], _grain.Paths);
        Assert.Equal([new LossCount(EventKind.Open, "grain_busy", 1)], _router.Containers[Cgroup].Dropped.AsLosses(LossCount.GrainBusy));
        Assert.Equal(1, _grain.LostBefore);
    }

    [Fact]
    public void EndedContainer_IsStoppedAfterItsLastEventAndForgotten()
    {
        Created();
        Recognise();
        Open("/last");
        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupEmpty, Cgroup, "/c1"));
        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupRemoved, Cgroup, "/c1"));
        Settle();

        Assert.Equal(["start c1", "ingest", "stop"], _grain.Calls);
        Assert.Empty(_router.Containers);
        Assert.Equal(["c1"], _discovery.Forgotten);
        Assert.True(_router.IsIdle);
    }

    [Fact]
    public void EndedContainer_WhoseRemovalWasLost_IsStoppedBySweeps()
    {
        Created();
        Recognise();
        Settle();
        _kernel.Unknown.Add(Cgroup);

        // Once is not enough: the record may be on its way.
        _time.Advance(TimeSpan.FromSeconds(11));
        _router.Expire();
        Assert.Single(_router.Containers);
        _time.Advance(TimeSpan.FromSeconds(11));
        _router.Expire();
        Settle();

        Assert.Equal(["start c1", "stop"], _grain.Calls);
        Assert.Empty(_router.Containers);
        Assert.Equal([Cgroup], _kernel.Gone);
    }

    [Fact]
    public void EndedContainer_ThatLostEventsJustBefore_ItsGrainIsToldBeforeItStops()
    {
        Created();
        Recognise();
        Settle();
        _kernel.Lost = 7;

        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupEmpty, Cgroup, "/c1"));
        Settle();

        Assert.Equal(["start c1", "ingest", "stop"], _grain.Calls);
        Assert.Equal(7, _grain.LostBefore);
    }

    [Fact]
    public void ContainerThatEndedBeforeItWasKnown_IsStartedFedAndStopped()
    {
        Created();
        Open("/only");
        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupEmpty, Cgroup, "/c1"));
        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupRemoved, Cgroup, "/c1"));
        Recognise();
        Settle();

        Assert.Equal(["start c1", "ingest", "stop"], _grain.Calls);
        Assert.Equal(["/only"], _grain.Paths);
    }

    [Fact]
    public void ContainerStartedAgain_LivesAgain()
    {
        Created();
        Recognise();
        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupEmpty, Cgroup, "/c1"));
        Settle();

        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupPopulated, Cgroup, "/c1"));
        Open("/again");
        Settle();

        Assert.Equal(["start c1", "stop", "start c1", "ingest"], _grain.Calls);
        Assert.Single(_router.Containers);
    }

    [Fact]
    public void NestedCgroup_BelongsToItsContainer()
    {
        const ulong Nested = 78;
        Created();
        _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupCreated, Nested, "/c1/inner"));
        Recognise();
        Answer(new DiscoveryResult(Nested, Description(), IsNoContainer: false));
        Settle();

        Assert.Equal(Cgroup, _kernel.Watched[Nested]);
        Assert.Single(_router.Containers);
    }

    private static ContainerDescription Description() => new()
    {
        Id = "c1",
        Name = "c1",
        Runtime = "runc",
        Node = "node",
        Workload = new WorkloadKey("default", "Container", "c1"),
        Origin = ContainerOrigin.Started,
        SeenAt = DateTimeOffset.UnixEpoch,
        CgroupId = Cgroup,
        CgroupPath = "/c1",
        Revision = "r",
    };

    private void Created() => _router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupCreated, Cgroup, "/c1"));

    private void CreatedAndUnknown()
    {
        Created();
        Answer(new DiscoveryResult(Cgroup, null, IsNoContainer: false));
        Settle();
    }

    private void Open(string path) => _router.Consume(RecordBuilder.Open(Cgroup, path));

    private void Recognise() => Answer(new DiscoveryResult(Cgroup, Description(), IsNoContainer: false));

    private void Answer(DiscoveryResult result) => _discovery.Results.Enqueue(result);

    private void Settle()
    {
        do
        {
            _router.Settle();
        }
        while (_router.HasWork);
    }

    private sealed class FakeKernel : IKernelCgroups
    {
        public Dictionary<ulong, ulong> Watched { get; } = [];

        public List<ulong> Ignored { get; } = [];

        public List<ulong> Rested { get; } = [];

        public void Watch(ulong cgroupId, ulong containerCgroupId) => Watched[cgroupId] = containerCgroupId;

        public void Rest(ulong cgroupId) => Rested.Add(cgroupId);

        public void Ignore(ulong cgroupId) => Ignored.Add(cgroupId);

        public long Lost { get; set; }

        public List<ulong> Gone { get; } = [];

        public long TakeLost(ulong cgroupId)
        {
            var lost = Lost;
            Lost = 0;
            return lost;
        }

        public void Removed(ulong cgroupId) => Gone.Add(cgroupId);

        public List<ulong> Forgotten { get; } = [];

        public void ForgetAll(ulong cgroupId) => Forgotten.Add(cgroupId);

        public HashSet<ulong> Unknown { get; } = [];

        public bool Knows(ulong cgroupId) => !Unknown.Contains(cgroupId);

        public void Sweep()
        {
        }
    }

    private sealed class FakeDiscovery : IContainerDiscovery
    {
        public List<DiscoveryRequest> Asked { get; } = [];

        public Queue<DiscoveryResult> Results { get; } = new();

        public List<string> Forgotten { get; } = [];

        public bool HasResults => Results.Count > 0;

        public void Ask(DiscoveryRequest request) => Asked.Add(request);

        public bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out DiscoveryResult? result) => Results.TryDequeue(out result);

        public void Forget(ContainerDescription container) => Forgotten.Add(container.Id);
    }

    /// <summary>Completes calls at once unless told otherwise.</summary>
    private sealed class FakeGrain : IContainerGrain
    {
        public List<string> Calls { get; } = [];

        public List<string> Paths { get; } = [];

        public long LostBefore { get; private set; }

        public TaskCompletionSource? Hold { get; set; }

        public bool FailNext { get; set; }

        public Task StartAsync(ContainerDescription container)
        {
            Calls.Add($"start {container.Id}");
            return Task.CompletedTask;
        }

        public Task IngestAsync(EventBatch batch)
        {
            Calls.Add("ingest");
            if (FailNext)
            {
                FailNext = false;
                return Task.FromException(new InvalidOperationException("grain"));
            }

            foreach (var one in batch.Events)
            {
                Paths.Add(one.Path);
            }

            LostBefore += batch.LostBefore;
            return Hold?.Task ?? Task.CompletedTask;
        }

        public Task StopAsync()
        {
            Calls.Add("stop");
            return Task.CompletedTask;
        }

        public Task FlushAsync() => Task.CompletedTask;

        public Task RebindAsync() => Task.CompletedTask;

        public Task<ContainerStatus?> GetStatusAsync() => Task.FromResult<ContainerStatus?>(null);

        public void Release()
        {
            var held = Hold;
            Hold = null;
            held!.SetResult();
        }
    }
}

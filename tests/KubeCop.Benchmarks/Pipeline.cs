using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Containers;
using KubeCop.Host.Bindings;
using KubeCop.Sensor;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Decoding;
using KubeCop.Sensor.Routing;
using KubeCop.Testing.Sensor;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Benchmarks;

/// <summary>Router and monitors as in the program, on one thread and without Orleans between them; all containers are guarded by one profile.</summary>
internal sealed class Pipeline
{
    /// <summary>Cgroup of the first container; the others follow.</summary>
    public const ulong FirstCgroup = 1000;

    private readonly CountingDispatcher _alerts = new();

    /// <param name="containers">How many.</param>
    /// <param name="execs">What the profile knows of programs.</param>
    /// <param name="opens">Of files.</param>
    public Pipeline(int containers, IReadOnlyList<ExecEntry> execs, IReadOnlyList<OpenEntry> opens)
    {
        var profile = new CompiledProfile(new ContainerProfile
        {
            Name = "container",
            Revision = "revision",
            State = ProfileState.Final,
            Version = 1,
            Generation = 1,
            LearningStartedAt = DateTimeOffset.UnixEpoch,
            CompletesAt = DateTimeOffset.UnixEpoch,
            IsPartial = false,
            Execs = execs,
            Opens = opens,
        });
        Router = new ContainerRouter(
            new NoKernel(),
            new KnownContainers(),
            container => new MonitorGrain(container, profile, _alerts),
            new SensorOptions(),
            TimeProvider.System,
            static () => { },
            NullLogger<ContainerRouter>.Instance);
        for (var container = 0; container < containers; container++)
        {
            Router.Consume(RecordBuilder.Cgroup(RecordKind.CgroupCreated, FirstCgroup + (ulong)container, $"/c{container}"));
        }

        Router.Settle();
    }

    public ContainerRouter Router { get; }

    public long Alerts => _alerts.Count;

    /// <summary>What the first of them says.</summary>
    public string? FirstAlert => _alerts.First;

    /// <summary>A container grain without Orleans around it.</summary>
    private sealed class MonitorGrain : IContainerGrain
    {
        private readonly ContainerMonitor _monitor;

        public MonitorGrain(ContainerDescription container, CompiledProfile profile, IAlertDispatcher alerts)
        {
            _monitor = new ContainerMonitor(
                new NodeRules(new FixedRules(DefaultBinding.Rules), new RuleCounters()),
                alerts,
                new NoRepeatFilter(),
                new BootClock(),
                TimeProvider.System,
                new LearningOptions(),
                new AlertOptions(),
                NullLogger<ContainerMonitor>.Instance);
            _monitor.Describe(container);
            var slot = new ProfileSlot(container.Name, container.Revision, Partial: false);
            _monitor.Assign(new ProfileAssignment { Slot = slot, Generation = 1, State = ProfileState.Final, CompletesAt = DateTimeOffset.UnixEpoch });
            _monitor.Guard(profile);
        }

        public Task StartAsync(ContainerDescription container) => Task.CompletedTask;

        public Task IngestAsync(EventBatch batch)
        {
            _monitor.Ingest(batch);
            return Task.CompletedTask;
        }

        public Task StopAsync() => Task.CompletedTask;

        public Task FlushAsync() => Task.CompletedTask;

        public Task RebindAsync() => Task.CompletedTask;

        public Task<ContainerStatus?> GetStatusAsync() => Task.FromResult<ContainerStatus?>(null);
    }

    private sealed class KnownContainers : IContainerDiscovery
    {
        private readonly Queue<DiscoveryResult> _results = new();

        public bool HasResults => _results.Count > 0;

        public void Ask(DiscoveryRequest request) => _results.Enqueue(new DiscoveryResult(
            request.CgroupId,
            new ContainerDescription
            {
                Id = request.Path[1..],
                Name = request.Path[1..],
                Runtime = "runc",
                Node = "node",
                Workload = new WorkloadKey("default", "Container", request.Path[1..]),
                Origin = ContainerOrigin.Started,
                SeenAt = request.SeenAt,
                CgroupId = request.CgroupId,
                CgroupPath = request.Path,
                Revision = "revision",
            },
            IsNoContainer: false));

        public bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out DiscoveryResult? result) => _results.TryDequeue(out result);

        public void Forget(ContainerDescription container)
        {
        }
    }

    private sealed class NoKernel : IKernelCgroups
    {
        public bool Knows(ulong cgroupId) => true;

        public long TakeLost(ulong cgroupId) => 0;

        public void ForgetAll(ulong cgroupId)
        {
        }

        public void Removed(ulong cgroupId)
        {
        }

        public void Sweep()
        {
        }

        public void Watch(ulong cgroupId, ulong containerCgroupId)
        {
        }

        public void Rest(ulong cgroupId)
        {
        }

        public void Ignore(ulong cgroupId)
        {
        }
    }

    private sealed class CountingDispatcher : IAlertDispatcher
    {
        public long Count { get; private set; }

        public string? First { get; private set; }

        public void Dispatch(Alert alert)
        {
            Count++;
            First ??= alert.Message;
        }
    }

    private sealed class BootClock : IKernelClock
    {
        private static readonly DateTimeOffset Boot = DateTimeOffset.UtcNow;

        public DateTimeOffset ToUtc(long bootNanoseconds) => Boot.AddTicks(bootNanoseconds / TimeSpan.NanosecondsPerTick);
    }
}

using System.Collections.Concurrent;
using System.Reflection;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Sensor.Journal;
using KubeCop.Testing.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using static KubeCop.Tests.Sensor.Journal.JournalFixture;

namespace KubeCop.Tests.Sensor.Journal;

public sealed class JournalReplayServiceTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Start_SendsWhatWasLeftToItsWorkloadsAndAcknowledgesIt()
    {
        Leave(40);
        using var journal = Open(_directory.Path);
        var workloads = new Workloads(_ => null);
        using var replay = await StartAsync(journal, workloads);
        await replay.ExecuteTask!;
        Assert.Equal(Enumerable.Range(0, 40).Select(static number => (Key(number).GrainKey, $"/{number}")).Order(), workloads.Merged.Order());
        await UntilAsync(() => Files(_directory.Path).Length == 0, "the journal is empty");
    }

    [Fact]
    public async Task Start_WhenOneWorkloadFails_SendsTheOthersAndTriesItAgainLater()
    {
        Leave(20);
        using var journal = Open(_directory.Path);
        var broken = true;
        var failures = 0;
        var workloads = new Workloads(key =>
        {
            var fails = Volatile.Read(ref broken) && key == Key(3).GrainKey;
            failures += fails ? 1 : 0;
            return fails ? new IOException("out of order") : null;
        });
        using var replay = await StartAsync(journal, workloads);
        await UntilAsync(() => journal.GetStatus().Unacknowledged == 1, "all others are acknowledged");
        Assert.False(replay.ExecuteTask!.IsCompleted);
        Assert.Equal("/3", TextOf(Assert.Single(journal.ReadUnacknowledged())));

        await PassTimeUntilAsync(() => Volatile.Read(ref failures) > 2, "it is tried again");
        Volatile.Write(ref broken, false);
        await PassTimeUntilAsync(() => replay.ExecuteTask.IsCompleted, "the replay is complete");
        await replay.ExecuteTask;
        Assert.Equal(20, workloads.Merged.Count);
    }

    [Fact]
    public async Task Start_ManyLeftForOneWorkload_SendsThemTogetherAndStoresThemOnce()
    {
        using (var before = Open(_directory.Path))
        {
            for (var number = 0; number < 2500; number++)
            {
                before.Append(Key(0), Delta($"/{number}"));
            }
        }

        using var journal = Open(_directory.Path);
        var workloads = new Workloads(static _ => null);
        using var replay = await StartAsync(journal, workloads);
        await replay.ExecuteTask!;

        Assert.Equal(2500, workloads.Merged.Distinct().Count());
        Assert.Single(workloads.Stores);
        Assert.Equal(0, journal.GetStatus().Unacknowledged);
    }

    [Fact]
    public async Task Start_WorkloadLostBeforeItHasStored_IsToldAgain()
    {
        Leave(1);
        using var journal = Open(_directory.Path);
        var workloads = new Workloads(static _ => null) { LosesFirst = true };
        using var replay = await StartAsync(journal, workloads);

        await PassTimeUntilAsync(() => replay.ExecuteTask!.IsCompleted, "the replay is complete");

        Assert.Equal(2, workloads.Merged.Count);
        Assert.Equal(0, journal.GetStatus().Unacknowledged);
    }

    [Fact]
    public async Task Stop_WhileAWorkloadFails_EndsTheReplay()
    {
        Leave(1);
        using var journal = Open(_directory.Path);
        using var replay = await StartAsync(journal, new Workloads(static _ => new IOException("out of order")));
        await replay.StopAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        Assert.Equal(1, journal.GetStatus().Unacknowledged);
    }

    private static WorkloadKey Key(int number) => new("default", "Deployment", $"shop-{number}");

    private void Leave(int count)
    {
        using var journal = Open(_directory.Path);
        for (var number = 0; number < count; number++)
        {
            journal.Append(Key(number), Delta($"/{number}"));
        }
    }

    private async Task<JournalReplayService> StartAsync(BehaviourJournal journal, Workloads workloads)
    {
        var silo = new CurrentSilo();
        silo.Attach(workloads.Factory);
        var replay = new JournalReplayService(journal, silo, new RuntimeWorkloads(), _time, NullLogger<JournalReplayService>.Instance);
        await replay.StartAsync(TestContext.Current.CancellationToken);
        return replay;
    }

    private Task PassTimeUntilAsync(Func<bool> condition, string what) => UntilAsync(
        () =>
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            return condition();
        },
        what);

    /// <summary>Workload grains that note what is merged into them, or fail as they are told.</summary>
    private sealed class Workloads
    {
        private readonly Func<string, Exception?> _failure;
        private readonly Guid _activation = Guid.NewGuid();

        public Workloads(Func<string, Exception?> failure)
        {
            _failure = failure;
            Factory = Proxy.Of<IGrainFactory>((_, arguments) => Proxy.Of<IWorkloadGrain>((method, given) =>
                method.Name == nameof(IWorkloadGrain.OfferAsync) ? Merge((string)arguments[0]!, (ProfileDelta)given[0]!) : Store((string)arguments[0]!)));
        }

        public IGrainFactory Factory { get; }

        public ConcurrentBag<(string Workload, string Text)> Merged { get; } = [];

        public ConcurrentBag<string> Stores { get; } = [];

        /// <summary>The first to be asked what it has stored is another activation than had merged it.</summary>
        public bool LosesFirst { get; init; }

        private Task<DeltaReceipt> Merge(string workload, ProfileDelta delta)
        {
            if (_failure(workload) is { } failure)
            {
                return Task.FromException<DeltaReceipt>(failure);
            }

            foreach (var item in delta.Items)
            {
                Merged.Add((workload, ((OpenItem)item.Item).Path));
            }

            return Task.FromResult(new DeltaReceipt(LosesFirst || Merged.Count % 2 == 0 ? DeltaOutcome.Stored : DeltaOutcome.Discarded, _activation, Merged.Count));
        }

        private Task<long?> Store(string workload)
        {
            Stores.Add(workload);
            return Task.FromResult(LosesFirst && Stores.Count == 1 ? null : (long?)Merged.Count);
        }
    }

    /// <summary>Answers every call of an interface; only the one the replay makes comes.</summary>
    private class Proxy : DispatchProxy
    {
        private Func<MethodInfo, object?[], object?> _answer = null!;

        public static T Of<T>(Func<MethodInfo, object?[], object?> answer)
            where T : class
        {
            var proxy = Create<T, Proxy>();
            ((Proxy)(object)proxy)._answer = answer;
            return proxy;
        }

        protected override object? Invoke(MethodInfo? targetMethod, object?[]? args) => _answer(targetMethod!, args!);
    }
}

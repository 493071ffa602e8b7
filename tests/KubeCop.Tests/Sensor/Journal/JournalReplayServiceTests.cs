using System.Collections.Concurrent;
using System.Reflection;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
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
        var replay = new JournalReplayService(journal, workloads.Factory, _time, NullLogger<JournalReplayService>.Instance);
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

        public Workloads(Func<string, Exception?> failure)
        {
            _failure = failure;
            Factory = Proxy.Of<IGrainFactory>((_, arguments) => Proxy.Of<IWorkloadGrain>((_, delta) => Merge((string)arguments[0]!, (ProfileDelta)delta[0]!)));
        }

        public IGrainFactory Factory { get; }

        public ConcurrentBag<(string Workload, string Text)> Merged { get; } = [];

        private Task<DeltaOutcome> Merge(string workload, ProfileDelta delta)
        {
            if (_failure(workload) is { } failure)
            {
                return Task.FromException<DeltaOutcome>(failure);
            }

            Merged.Add((workload, ((OpenItem)delta.Items[0].Item).Path));
            return Task.FromResult(Merged.Count % 2 == 0 ? DeltaOutcome.Stored : DeltaOutcome.Discarded);
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

using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Workloads;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Journal;

/// <summary>
/// Sends what an earlier run left in the journal to its workloads, until each has acknowledged it. Runs once, after the start; a workload
/// that cannot be reached is asked again later, without holding up the others. Each workload writes once, whatever was left for it.
/// </summary>
public sealed partial class JournalReplayService(
    BehaviourJournal journal, CurrentSilo silo, IPodWorkloads pods, TimeProvider time, ILogger<JournalReplayService> logger) : BackgroundService
{
    private const int Concurrency = 8;
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var pause = FirstPause; !await ReplayAsync(stoppingToken); pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            await Task.Delay(pause, time, stoppingToken);
        }
    }

    /// <returns>Whether all is acknowledged.</returns>
    private async Task<bool> ReplayAsync(CancellationToken stoppingToken)
    {
        var replayed = 0;
        var failed = 0;
        Exception? failure = null;
        var options = new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = stoppingToken };
        var entries = journal.ReadUnacknowledged().Select(Describe).ToLookup(static entry => entry.Delta.Unregistered is { AwaitsOwner: true });
        failed = entries[true].Count();
        await Parallel.ForEachAsync(entries[false].GroupBy(static entry => entry.Workload), options, async (left, _) =>
        {
            var acknowledged = 0;
            try
            {
                acknowledged = await SendAsync(left.Key, left);
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                failure = error;
            }

            Interlocked.Add(ref replayed, acknowledged);
            Interlocked.Add(ref failed, left.Count() - acknowledged);
        });

        if (replayed > 0)
        {
            LogInformationReplayed(replayed);
        }

        if (failed > 0)
        {
            LogWarningFailed(failed, failure);
        }

        return failed == 0;
    }

    // Of a container whose workload nobody knew then.
    private JournalEntry Describe(JournalEntry entry) =>
        entry.Delta.Unregistered is { AwaitsOwner: true } container && pods.Describe(container) is var known
            ? entry with { Workload = known.Workload, Delta = entry.Delta with { Unregistered = known } }
            : entry;

    /// <summary>Has a workload merge all that is left for it, then store that in one write.</summary>
    /// <returns>How many are acknowledged.</returns>
    private async Task<int> SendAsync(WorkloadKey key, IEnumerable<JournalEntry> left)
    {
        var offered = new List<(JournalEntry Entry, DeltaReceipt Receipt)>();
        foreach (var container in left.GroupBy(static entry => entry.Delta.Replicas))
        {
            for (var entries = container.ToArray(); entries.Length > 0;)
            {
                var (delta, count) = ProfileDelta.UniteFirst(entries.Select(static entry => entry.Delta));
                var receipt = await silo.CallAsync(grains => grains.GetGrain<IWorkloadGrain>(key.GrainKey).OfferAsync(delta));
                offered.AddRange(entries[..count].Select(entry => (entry, receipt)));
                entries = entries[count..];
            }
        }

        var acknowledged = 0;
        foreach (var activation in offered.GroupBy(static one => one.Receipt.Activation))
        {
            var stored = await silo.CallAsync(grains => grains.GetGrain<IWorkloadGrain>(key.GrainKey).StoreAsync(activation.Key, hurry: true));
            // Discarded is an acknowledgement too: the workload will never want it.
            foreach (var (entry, _) in activation.Where(one => one.Receipt.Outcome == DeltaOutcome.Discarded || (one.Receipt.Outcome == DeltaOutcome.Stored && one.Receipt.Change <= stored)))
            {
                journal.Acknowledge(entry.Sequence);
                acknowledged++;
            }
        }

        return acknowledged;
    }

    [LoggerMessage(LogLevel.Information, "Replayed {Count} deltas that an earlier run had left in the journal")]
    private partial void LogInformationReplayed(int count);

    [LoggerMessage(LogLevel.Warning, "{Count} deltas of an earlier run could not be sent to their workloads yet; trying again")]
    private partial void LogWarningFailed(int count, Exception? error);
}

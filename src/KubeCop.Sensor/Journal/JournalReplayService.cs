using KubeCop.Grains.Abstractions.Workloads;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Journal;

/// <summary>
/// Sends what an earlier run left in the journal to its workloads, until each has acknowledged it. Runs once, after the start; a workload
/// that cannot be reached is asked again later, without holding up the others.
/// </summary>
public sealed partial class JournalReplayService(BehaviourJournal journal, IGrainFactory grains, TimeProvider time, ILogger<JournalReplayService> logger)
    : BackgroundService
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
        await Parallel.ForEachAsync(journal.ReadUnacknowledged(), options, async (entry, _) =>
        {
            try
            {
                // Discarded is an acknowledgement too: the workload will never want it.
                await grains.GetGrain<IWorkloadGrain>(entry.Workload.GrainKey).MergeAsync(entry.Delta);
                journal.Acknowledge(entry.Sequence);
                Interlocked.Increment(ref replayed);
            }
            catch (Exception error) when (!stoppingToken.IsCancellationRequested)
            {
                Interlocked.Increment(ref failed);
                failure = error;
            }
        });

        if (replayed > 0)
        {
            LogInformationReplayed(replayed);
        }

        if (failed > 0)
        {
            LogWarningFailed(failed, failure!);
        }

        return failed == 0;
    }

    [LoggerMessage(LogLevel.Information, "Replayed {Count} deltas that an earlier run had left in the journal")]
    private partial void LogInformationReplayed(int count);

    [LoggerMessage(LogLevel.Warning, "{Count} deltas of an earlier run could not be sent to their workloads yet; trying again")]
    private partial void LogWarningFailed(int count, Exception error);
}

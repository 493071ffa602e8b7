using KubeCop.Core.Malware;
using KubeCop.Grains.Abstractions.Scanning;
using KubeCop.Grains.Placement;
using Microsoft.Extensions.Logging;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace KubeCop.Grains.Scanning;

/// <summary>
/// The schedule of a node's scans and how far they came. The scan itself runs in the process (<see cref="IMalwareScanner"/>) and goes on when the silo
/// ends; after a restart of the process it is continued from its position, which is stored from time to time: what was scanned since is known to be
/// clean, or is scanned again.
/// </summary>
[NodePlacement, GrainDirectory(NodeGrainDirectory.Name), Immovable]
internal sealed partial class ScannerGrain(
    [PersistentState("scanner", GrainStorage.Name)] IPersistentState<ScannerState> state,
    IMalwareScanner scanner,
    TimeProvider time,
    StorageWarnings warnings,
    ILogger<ScannerGrain> logger) : Grain, IScannerGrain
{
    /// <summary>How often it looks.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan StorePeriod = TimeSpan.FromSeconds(30);

    /// <summary>After a scan that failed, until it goes on: it has waited for the scanner before it did.</summary>
    private static readonly TimeSpan PauseAfterFailure = TimeSpan.FromMinutes(1);

    private long _storedAt;
    private bool _isStored = true;

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        _storedAt = time.GetTimestamp();
        if (scanner.IsEnabled)
        {
            this.RegisterGrainTimer(TickAsync, new GrainTimerCreationOptions(Period, Period) { KeepAlive = true });
        }

        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        See();
        return _isStored ? Task.CompletedTask : StoreAsync();
    }

    public Task KeepAsync() => Task.CompletedTask;

    public async Task<bool> StartAsync(string[] paths)
    {
        See();
        var begins = scanner.IsEnabled && Begin(from: null, paths);
        if (begins)
        {
            await StoreAsync();
        }

        return begins;
    }

    public async Task<bool> CancelAsync()
    {
        var cancels = scanner.Cancel();
        See();
        await StoreAsync();
        return cancels;
    }

    public Task<ScannerStatus> GetStatusAsync()
    {
        See();
        return Task.FromResult(new ScannerStatus
        {
            IsEnabled = scanner.IsEnabled,
            Report = state.State.Report,
            NextAt = scanner.Schedule.IsOnDemand ? null : state.State.NextAt,
            Skipped = state.State.Skipped,
        });
    }

    private async Task TickAsync()
    {
        var wasRunning = state.State.Report?.State == MalwareScanState.Running;
        See();
        var now = time.GetUtcNow();
        var isRunning = scanner.Report?.State == MalwareScanState.Running;
        var begins = false;
        if (!isRunning && Unfinished(now) is { } unfinished)
        {
            begins = Begin(unfinished.Position, unfinished.Paths);
        }
        else if (IsDue(now))
        {
            begins = !isRunning && Begin(from: null, paths: []);
            state.State = state.State with { NextAt = NextAfter(now), Skipped = state.State.Skipped + (begins ? 0 : 1) };
            _isStored = false;
        }

        if (!_isStored && (begins || (wasRunning && !isRunning) || time.GetElapsedTime(_storedAt) >= StorePeriod))
        {
            await StoreAsync();
        }
    }

    private bool IsDue(DateTimeOffset now)
    {
        if (scanner.Schedule.IsOnDemand)
        {
            return false;
        }

        // Later than it can be: the settings say another time than before the restart, or the clock was ahead.
        var isKnown = state.State.NextAt is { } known && known <= scanner.Schedule.NextAfter(now, delay: 1);
        if (!isKnown && (state.State.NextAt is not null || !scanner.Schedule.BeginsAtOnce))
        {
            state.State = state.State with { NextAt = NextAfter(now) };
            _isStored = false;
        }

        return state.State.NextAt is { } next ? now >= next : scanner.Schedule.BeginsAtOnce;
    }

    /// <summary>The scan that did not come to its end, in this process or the one before, and may go on.</summary>
    private MalwareScanReport? Unfinished(DateTimeOffset now) => state.State.Report switch
    {
        // Nobody runs it any more: the process ended.
        { State: MalwareScanState.Running } lost => lost,
        { State: MalwareScanState.Failed, EndedAt: { } ended } failed when now - ended >= PauseAfterFailure => failed,
        _ => null,
    };

    private bool Begin(MalwareScanPosition? from, IReadOnlyList<string> paths)
    {
        if (!scanner.TryStart(Guid.CreateVersion7(time.GetUtcNow()), from, paths))
        {
            return false;
        }

        See();
        return true;
    }

    /// <summary>Takes over what the scanner tells.</summary>
    private void See()
    {
        if (scanner.Report is { } report && report != state.State.Report)
        {
            state.State = state.State with { Report = report };
            _isStored = false;
        }
    }

    private DateTimeOffset? NextAfter(DateTimeOffset now) => scanner.Schedule.NextAfter(now, Random.Shared.NextDouble());

    private async Task StoreAsync()
    {
        _storedAt = time.GetTimestamp();
        try
        {
            await state.WriteStateAsync();
            _isStored = true;
        }
        catch (Exception exception)
        {
            // The schedule goes on from memory; it is tried again.
            if (warnings.IsDue("state of malware scans", out var failures))
            {
                LogWarningNotStored(StorageWarnings.ReasonOf(exception), failures);
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "How far the malware scan has come could not be stored; after a restart it begins further back. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogWarningNotStored(string reason, int failures);
}

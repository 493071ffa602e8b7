using KubeCop.Core.Profiles;
using KubeCop.Grains.Abstractions.Mirroring;
using KubeCop.Grains.Abstractions.Workloads;
using Microsoft.Extensions.Logging;
using Orleans.Concurrency;

namespace KubeCop.Grains.Mirroring;

/// <summary>
/// Tells workloads of changes. Two of them may live for a moment: a workload that is told twice looks once. How far they were told is stored
/// from time to time; after a loss some are told again.
/// </summary>
[Reentrant]
internal sealed partial class ProfileWatchGrain(
    [PersistentState("profile-watch", GrainStorage.Name)] IPersistentState<ProfileWatchState> state,
    IProfileChanges changes,
    StorageWarnings warnings,
    ILogger<ProfileWatchGrain> logger) : Grain, IProfileWatchGrain
{
    /// <summary>Workloads that are being told at one time.</summary>
    private const int Concurrency = 16;

    private static readonly TimeSpan StorePeriod = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _telling = [];
    private Task _following = Task.CompletedTask;
    private string _position = "";

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (changes.Exists)
        {
            _position = state.State.Position;
            Follow();
            this.RegisterGrainTimer(StoreAsync, new GrainTimerCreationOptions(StorePeriod, StorePeriod) { KeepAlive = true });
        }

        return Task.CompletedTask;
    }

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        await _following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        await StoreAsync();
        _stop.Dispose();
    }

    public Task KeepAsync()
    {
        Follow();
        return Task.CompletedTask;
    }

    private void Follow()
    {
        if (_following.Exception is { } failure)
        {
            LogErrorNotFollowed(failure);
        }

        if (_following.IsCompleted && changes.Exists && !_stop.IsCancellationRequested)
        {
            _following = FollowAsync();
        }
    }

    private async Task FollowAsync()
    {
        await foreach (var change in changes.WatchAsync(_position, _stop.Token))
        {
            if (change.Workload is { } workload)
            {
                if (_telling.Count == Concurrency)
                {
                    _telling.Remove(await Task.WhenAny(_telling));
                }

                _telling.Add(TellAsync(workload.GrainKey, change.Version));
            }

            _telling.RemoveAll(static task => task.IsCompleted);
            _position = change.Position;
        }
    }

    private async Task TellAsync(string workload, string version)
    {
        try
        {
            await GrainFactory.GetGrain<IWorkloadGrain>(workload).MirrorChangedAsync(version);
        }
        catch (Exception exception)
        {
            // It looks by itself when it is there again.
            if (warnings.IsDue($"changes of {workload}", out var failures))
            {
                LogWarningNotTold(workload, StorageWarnings.ReasonOf(exception), failures);
            }
        }
    }

    private async Task StoreAsync()
    {
        if (_position == state.State.Position)
        {
            return;
        }

        try
        {
            state.State = new ProfileWatchState { Position = _position };
            await state.WriteStateAsync();
        }
        catch (Exception exception)
        {
            // Another activation's position is as good, and without any everything is told again.
            if (warnings.IsDue("position of the watch of profiles", out var failures))
            {
                LogWarningNotStored(StorageWarnings.ReasonOf(exception), failures);
            }

            await state.ReadStateAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Changes of ApplicationProfiles could not be followed; it is begun anew.")]
    private partial void LogErrorNotFollowed(Exception exception);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Workload} could not be told that its ApplicationProfile has changed; it looks by itself later. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogWarningNotTold(string workload, string reason, int failures);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "How far changes of ApplicationProfiles were told could not be stored; some may be told again. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogWarningNotStored(string reason, int failures);
}

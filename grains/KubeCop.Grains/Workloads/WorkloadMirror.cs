using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using Microsoft.Extensions.Logging;

namespace KubeCop.Grains.Workloads;

/// <summary>
/// Shows a workload's profile to people and takes what they change of it. Each write replaces exactly the version that was looked at last, so
/// that no change of theirs is overwritten unseen. Belongs to one grain: not for several threads.
/// </summary>
/// <param name="changed">Called when something of the learning has changed here.</param>
internal sealed partial class WorkloadMirror(
    WorkloadKey workload, WorkloadLearning learning, IProfileMirror mirror, StorageWarnings warnings, Action changed, TimeProvider time, ILogger logger)
{
    /// <summary>Between two writes of what is learned, unless containers are to be told of it too.</summary>
    private static readonly TimeSpan Spacing = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>How often what is there is looked at although nobody has told of a change.</summary>
    private static readonly TimeSpan Reconciliation = TimeSpan.FromMinutes(10);

    private CoalescedWrite? _passes;
    private Backoff _retry;
    private bool _mustLook = true;
    private bool _isDue;
    private bool _isPassing;
    private bool _isToGo;
    private long _lookedAt;

    /// <summary>The version somebody told of while a pass was under way; it may be the one that pass has made.</summary>
    private string? _told;

    /// <summary>There is something to do that has not been done.</summary>
    public bool IsUnfinished => _isDue || _passes is { IsPending: true };

    private CoalescedWrite Passes => _passes ??= new CoalescedWrite(PassAsync, Spacing, time);

    /// <summary>Something that is shown may have changed.</summary>
    /// <param name="hurry">Now rather than in its time.</param>
    public void Show(bool hurry)
    {
        if (!mirror.Shows(workload))
        {
            return;
        }

        _isDue = true;
        Go(hurry);
    }

    /// <summary>What was shown last may not be what there is; nobody is in a hurry to know.</summary>
    public void ShowSoon() => _isDue = mirror.Shows(workload);

    /// <summary>Somebody may have changed what is there.</summary>
    /// <param name="version">Which there is now; empty for none, null when that is not known.</param>
    public void Look(string? version)
    {
        if (version is not null && _isPassing)
        {
            _told = version;
        }
        else if (version is null || version != learning.Mirror?.Version)
        {
            // Who tells of it has heard from where it is: what failed before has to wait no longer.
            _retry.Succeeded();
            _mustLook = true;
            Show(hurry: true);
        }
    }

    /// <summary>Looks from time to time, should news have been lost. To be called while the workload is in use.</summary>
    public void Reconcile()
    {
        if (_lookedAt != 0 && time.GetElapsedTime(_lookedAt) > Reconciliation)
        {
            _mustLook = true;
            Show(hurry: false);
        }
    }

    /// <summary>Ends when what somebody may have given this workload has been looked for once; faults when it could not be.</summary>
    public Task FirstLookAsync() => learning.Mirror is not null || !mirror.Shows(workload) || !_retry.IsDue(time) ? Task.CompletedTask : Passes.WriteAsync();

    /// <summary>Takes away what is shown, if the workload is not needed any more then. Faults when that could not be done.</summary>
    public Task RemoveAsync()
    {
        if (!mirror.Shows(workload) || learning.Mirror is { Version.Length: 0 })
        {
            return Task.CompletedTask;
        }

        _mustLook = _isToGo = true;
        return Passes.WriteAsync();
    }

    /// <summary>Tries again what failed, when its time has come.</summary>
    public void Tick()
    {
        if (_isDue)
        {
            Go(hurry: false);
        }
    }

    private void Go(bool hurry)
    {
        if (_retry.IsDue(time) && (hurry || !Passes.IsPending))
        {
            // Should it fail, the next tick tries again.
            (hurry ? Passes.WriteAsync() : Passes.WriteSoonAsync()).Ignore();
        }
    }

    private async Task PassAsync()
    {
        (_isDue, _isPassing) = (false, true);
        (var isToGo, _isToGo) = (_isToGo, false);
        try
        {
            using var patience = new CancellationTokenSource(Timeout, time);
            if (_mustLook || learning.Mirror is null)
            {
                (_mustLook, _lookedAt) = (false, time.GetTimestamp());
                if (!Take(await mirror.ReadAsync(workload, patience.Token)))
                {
                    _isDue = true;
                    return;
                }
            }

            await (isToGo && learning.IsUnneeded ? HideAsync(patience.Token) : ShowAsync(patience.Token));
            _retry.Succeeded();
            (var told, _told) = (_told, null);
            if (told is not null && told != learning.Mirror!.Version)
            {
                _mustLook = true;
                Show(hurry: true);
            }
        }
        catch (Exception exception)
        {
            // What is there is unknown now: the write may have been made all the same.
            _mustLook = _isDue = true;
            if (exception is not MirrorChangedException)
            {
                _retry.Failed(time);
                if (warnings.IsDue($"mirror of {workload}", out var failures))
                {
                    LogWarningNotShown(workload, StorageWarnings.ReasonOf(exception), failures);
                }
            }

            throw;
        }
        finally
        {
            _isPassing = false;
        }
    }

    private async Task ShowAsync(CancellationToken cancellationToken)
    {
        if (learning.IsUnneeded || learning.Shown(time.GetUtcNow()) is not { } shown)
        {
            return;
        }

        var items = ProfileEdits.HashesOf(shown.Profile.Containers);
        var digest = ProfileEdits.DigestOf(shown, items);
        var before = learning.Mirror!;
        if (digest != before.Digest)
        {
            var version = await mirror.WriteAsync(shown, before.Version, cancellationToken);
            learning.Mirror = new MirrorState { Version = version, Items = items, Digest = digest, OwnerUid = shown.Object?.Uid };
            changed();
        }
    }

    private async Task HideAsync(CancellationToken cancellationToken)
    {
        if (learning.Mirror is { Version: { Length: > 0 } version })
        {
            await mirror.DeleteAsync(workload, version, cancellationToken);
            learning.Mirror = MirrorState.Nothing;
        }
    }

    /// <returns>False when nothing is to be shown for a while: an object that is deleted with its workload would be deleted again at once.</returns>
    private bool Take(MirroredProfile? found)
    {
        var (before, now) = (learning.Mirror, time.GetUtcNow());
        if (before is not null && before.Version == (found?.Version ?? ""))
        {
            return true;
        }

        var isDeleted = found is null && before is { Version.Length: > 0 };
        if (found is null)
        {
            if (isDeleted)
            {
                LogInformationDeleted(workload);
                learning.Deleted(now);
            }

            learning.Mirror = MirrorState.Nothing;
        }
        else
        {
            if (!found.IsOwn)
            {
                Edit(found, before, now);
            }
            else if (before is null && learning.Restore(found, now))
            {
                LogInformationRestored(workload);
            }

            if (before?.OwnerUid is { } owner && owner != found.OwnerUid)
            {
                learning.Disown(owner);
            }

            learning.Mirror = new MirrorState { Version = found.Version, Items = ProfileEdits.HashesOf(found.Containers), Digest = 0, OwnerUid = found.OwnerUid };
        }

        changed();
        return !isDeleted;
    }

    private void Edit(MirroredProfile found, MirrorState? before, DateTimeOffset now)
    {
        if (found.IsFinal && before is not { Version.Length: > 0 } && !learning.IsGuarding)
        {
            LogInformationGiven(workload);
            learning.Import(found.Containers, now);
            return;
        }

        foreach (var (container, added, removed) in ProfileEdits.Between(learning.Shown(now)?.Profile.Containers ?? [], before?.Items ?? [], found.Containers))
        {
            LogInformationEdited(workload, container, added.Count, removed.Count);
            learning.Overlay(container, added, removed, now);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The ApplicationProfile of {Workload} was edited: of container {Container} {Added} things are allowed more, {Removed} not any more.")]
    private partial void LogInformationEdited(WorkloadKey workload, string container, int added, int removed);

    [LoggerMessage(Level = LogLevel.Information, Message = "{Workload} has an ApplicationProfile that somebody gave; it guards from now on.")]
    private partial void LogInformationGiven(WorkloadKey workload);

    [LoggerMessage(Level = LogLevel.Information, Message = "Nothing is stored of {Workload}; what its ApplicationProfile says guards from now on.")]
    private partial void LogInformationRestored(WorkloadKey workload);

    [LoggerMessage(Level = LogLevel.Information, Message = "The ApplicationProfile of {Workload} was deleted: what it did normally is learned anew.")]
    private partial void LogInformationDeleted(WorkloadKey workload);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The ApplicationProfile of {Workload} could not be read or written; the profile itself holds, and it is tried again. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogWarningNotShown(WorkloadKey workload, string reason, int failures);
}

using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Namespaces;
using KubeCop.Grains.Abstractions.Workloads;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.Storage;
using Orleans.Utilities;

namespace KubeCop.Grains.Workloads;

/// <summary>
/// Stores <see cref="WorkloadLearning"/>, completes it on time and tells the silos' caches. Reentrant, so that merges which arrive during
/// a write are served together by the next one; all changes of the state are made without an await in between.
/// </summary>
[Reentrant]
internal sealed partial class WorkloadGrain : Grain, IWorkloadGrain, IGrainMigrationParticipant
{
    /// <summary>While it learns it stays, and looks whether the clock was set.</summary>
    private static readonly TimeSpan KeepAlivePeriod = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan RetryPeriod = TimeSpan.FromSeconds(1);

    /// <summary>A profile that cannot be stored guards all the same when it should have done so for this long.</summary>
    private static readonly TimeSpan CompletionPatience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan IndexPatience = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan MirrorPatience = TimeSpan.FromSeconds(1);

    private const string UnstoredKey = "kubecop.unstored";

    private readonly IPersistentState<WorkloadState> _state;
    private readonly StorageWarnings _warnings;
    private readonly TimeProvider _time;
    private readonly SteppedClock _clock;
    private readonly ILogger<WorkloadGrain> _logger;
    private readonly WorkloadKey _workload;
    private readonly WorkloadLearning _learning;
    private readonly ObserverManager<IProfileObserver> _observers;
    private readonly CoalescedWrite _write;
    private readonly WorkloadMirror _mirror;
    private readonly Guid _activation = Guid.NewGuid();
    private IGrainTimer? _timer;
    private Backoff _retry;
    private Backoff _indexRetry;
    private long _storedChanges;
    private long _reportedRefused;
    private bool _registered;

    /// <summary>Somebody has asked this activation for more than to end a day.</summary>
    private bool _isNeeded;
    private bool _indexed;

    /// <summary>Ends when the index does not list it any more, if it was to be taken out.</summary>
    private Task _unlisted = Task.CompletedTask;

    /// <summary>What an activation on another silo handed over is not in grain storage.</summary>
    private bool _unstoredOnArrival;

    public WorkloadGrain(
        [PersistentState("workload", GrainStorage.Name)] IPersistentState<WorkloadState> state,
        IOptions<LearningOptions> options,
        IProfileMirror mirror,
        StorageWarnings warnings,
        TimeProvider time,
        ILogger<WorkloadGrain> logger)
    {
        (_state, _warnings, _time, _clock, _logger) = (state, warnings, time, new SteppedClock(time), logger);
        _workload = WorkloadKey.Parse(this.GetPrimaryKeyString());
        _learning = new WorkloadLearning(_workload, options.Value);
        _observers = new ObserverManager<IProfileObserver>(ProfileSubscription.Lease, logger) { GetDateTime = () => DateTime.UnixEpoch + time.GetElapsedTime(0) };
        _write = new CoalescedWrite(WriteAsync, ProfileWrites.Spacing, time);
        _mirror = new WorkloadMirror(_workload, _learning, mirror, warnings, OnMirrored, time, logger);
    }

    /// <summary>The time. When the clock was set since it was asked for last, the learning moves with it.</summary>
    private DateTimeOffset Now
    {
        get
        {
            var now = _clock.Look(out var step);
            if (step != TimeSpan.Zero && _learning.ClockSet(step, now))
            {
                LogClockSet(_workload, step);
            }

            return now;
        }
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        if (_state.State.Schema > WorkloadState.CurrentSchema)
        {
            throw new InvalidOperationException(
                $"The stored profile of {_workload} has schema {_state.State.Schema}; this KubeCop understands {WorkloadState.CurrentSchema}. "
                + "Update this node, or remove the stored profile to learn it again.");
        }

        _learning.Load(_state.State, Now);
        // The index may have been lost.
        _registered = _state.State.Slots.Count > 0;
        _storedChanges = _unstoredOnArrival ? -1 : _learning.Changes;
        if (_registered)
        {
            // What was stored last may not have been shown.
            _mirror.ShowSoon();
        }

        Schedule();
        return Task.CompletedTask;
    }

    // A grain that moves takes its state along as it is in memory, also what could not be stored: nobody may be told that it is.
    void IGrainMigrationParticipant.OnDehydrate(IDehydrationContext dehydrationContext) => dehydrationContext.TryAddValue(UnstoredKey, !IsStored);

    void IGrainMigrationParticipant.OnRehydrate(IRehydrationContext rehydrationContext) =>
        _unstoredOnArrival = rehydrationContext.TryGetValue<bool>(UnstoredKey, out var unstored) && unstored;

    public override async Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        try
        {
            await StoreAsync();
        }
        catch (Exception e)
        {
            // Never left out: it was the last try.
            LogNotStored(_workload, StorageWarnings.ReasonOf(e), 1);
        }
    }

    public async Task<ProfileAssignment> RegisterAsync(ContainerDescription container)
    {
        _isNeeded = true;

        // What somebody has given this workload is to guard its first container already; but nobody waits for it for long.
        await _mirror.FirstLookAsync().WaitAsync(MirrorPatience, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        var assignment = _learning.Register(container, Now);
        _registered = true;
        Announce();
        Schedule();
        var indexing = IndexAsync();
        // Deltas name the slot, so it must survive whatever they survive; and a container is to be known for one that was seen from its start.
        await StoreAsync();
        // A silo that stops right now must not leave a profile that no list shows; but an index that is away holds up nobody for long.
        await indexing.WaitAsync(IndexPatience, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        return assignment;
    }

    public async Task<DeltaReceipt> OfferAsync(ProfileDelta delta)
    {
        _isNeeded = true;
        if (delta.Unregistered is { } container)
        {
            var assignment = await RegisterAsync(container);
            delta = delta with { Slot = assignment.Slot, Generation = assignment.Generation, Unregistered = null };
        }

        if (delta.Generation > _learning.Generation)
        {
            // Another activation has started a newer learning: the conflict brings it here.
            await _write.WriteAsync();
        }

        var outcome = _learning.Merge(delta, Now);
        Announce();
        if (_learning.Refused is var refused && refused > _reportedRefused)
        {
            _reportedRefused = refused;
            LogRefused(_workload, refused);
        }

        StoreSoon();
        return new DeltaReceipt(outcome, _activation, _learning.Changes);
    }

    public async Task<long?> StoreAsync(Guid activation, bool hurry)
    {
        if (activation != _activation)
        {
            return null;
        }

        // Nobody waits here for a write that is not due: that would keep the grain from moving to another silo.
        if (hurry)
        {
            await StoreAsync();
        }

        return _storedChanges;
    }

    public Task<ContainerProfile?> GetContainerProfileAsync(ProfileSlot slot, long knownVersion)
    {
        _isNeeded = true;
        _learning.Use(slot, Now);
        StoreSoon();
        _mirror.Reconcile();
        var profile = _learning.Find(slot) ?? (slot == ProfileSlot.Unlisted(slot.ContainerName) ? null : _learning.Gone(slot, Now));
        return Task.FromResult(profile?.Version != knownVersion ? profile : null);
    }

    public Task<ApplicationProfile?> GetProfileAsync() => Task.FromResult(_learning.ToProfile(Now));

    public Task<SiloAddress> SubscribeAsync(IProfileObserver observer)
    {
        _isNeeded = true;
        _observers.Subscribe(observer, observer);
        return Task.FromResult(GrainContext.Address.SiloAddress!);
    }

    public async Task<AllowOutcome> AllowAsync(string containerName, IReadOnlyList<BehaviourItem> items)
    {
        var outcome = _learning.Allow(containerName, items, Now);
        Announce();
        await StoreWhatIsInForceAsync();
        return outcome;
    }

    public async Task<bool> RelearnAsync()
    {
        var isKnown = _learning.Relearn(Now);
        Announce();
        Schedule();
        await StoreWhatIsInForceAsync();
        return isKnown;
    }

    public async Task ImportAsync(IReadOnlyList<ContainerProfile> containers)
    {
        _learning.Import(containers, Now);
        _registered = true;
        Announce();
        Schedule();
        var indexing = IndexAsync();
        await StoreWhatIsInForceAsync();
        await indexing.WaitAsync(IndexPatience, _time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    public Task MirrorChangedAsync(string? version)
    {
        _isNeeded = true;
        _mirror.Look(version);
        Schedule();
        return Task.CompletedTask;
    }

    public async Task<bool> EndDayAsync()
    {
        _learning.EndDay();
        var isToGo = _learning.IsEmpty && !_state.RecordExists;
        if (_learning.IsUnneeded)
        {
            await _mirror.RemoveAsync();

            // Since then a container may have come, or what people changed be seen.
            isToGo = _learning.IsUnneeded;
        }

        if (isToGo)
        {
            await ForgetAsync();
        }
        else
        {
            StoreSoon();
        }

        if (!_isNeeded)
        {
            // All workloads are asked, also those that nobody thinks of any more: they must not all stay.
            DeactivateOnIdle();
        }

        return _learning.IsEmpty && !_state.RecordExists;
    }

    private async Task ForgetAsync()
    {
        if (!_learning.IsEmpty)
        {
            LogForgotten(_workload);
        }

        _learning.Forget(Now);
        Announce();
        (_registered, _indexed) = (false, false);
        await StoreAsync();
        if (_learning.IsEmpty)
        {
            _unlisted = GrainFactory.GetGrain<INamespaceIndexGrain>(_workload.Namespace).RemoveAsync(_workload.GrainKey);
            await _unlisted;
        }
    }

    private async Task StoreWhatIsInForceAsync()
    {
        try
        {
            await StoreAsync();
        }
        catch (Exception e)
        {
            Schedule();
            throw new NotStoredYetException(StorageWarnings.ReasonOf(e));
        }
    }

    private bool IsStored => _storedChanges == _learning.Changes;

    private Task StoreAsync() => IsStored ? Task.CompletedTask : _write.WriteAsync();

    // Should it fail, the timer tries again.
    private void StoreSoon()
    {
        if (!IsStored)
        {
            _write.WriteSoonAsync().Ignore();
        }
    }

    private async Task WriteAsync()
    {
        for (var attempt = 1; ; attempt++)
        {
            var changes = _learning.Changes;

            // Complete once that is stored: who has been told so learns no more, and this activation may be lost with what it only meant to do.
            var due = _learning.Due(Now);
            _state.State = _learning.ToState(due);
            try
            {
                await PersistAsync();
                _storedChanges = changes;
                _retry.Succeeded();
                _learning.Complete(due, Now);
                Announce();
                return;
            }
            catch (InconsistentStateException e) when (attempt < 5)
            {
                LogConflict(_workload, e);
                await _state.ReadStateAsync();
                _learning.Unite(_state.State, Now);
                Announce();
            }
            catch (InconsistentStateException e)
            {
                // As itself it would end this activation, and with it what only its memory holds.
                throw new OrleansException($"The profile of {_workload} was changed by others {attempt} times while it was being stored.", e);
            }
            catch
            {
                // What another silo would get of this grain is not complete either.
                _state.State = _learning.ToState();
                throw;
            }
            finally
            {
                Schedule();
            }
        }
    }

    // Of what nobody has anything of nothing is stored, unless it is known to have been deleted.
    private Task PersistAsync() =>
        !_learning.IsEmpty || (_state.RecordExists && !_learning.IsForgotten) ? _state.WriteStateAsync()
        : _state.RecordExists ? _state.ClearStateAsync()
        : Task.CompletedTask;

    private async Task OnTimerAsync()
    {
        _mirror.Tick();
        if (_indexRetry.IsDue(_time))
        {
            _ = IndexAsync();
        }

        // What containers learned is stored in its time.
        var isDue = _learning.NextCompletion <= Now;
        if (_retry.IsDue(_time) && (isDue || !_write.IsPending))
        {
            try
            {
                await (isDue ? _write.WriteAsync() : StoreAsync());
            }
            catch (Exception e)
            {
                _retry.Failed(_time);
                _learning.Complete(Now - CompletionPatience);
                Announce();
                if (_warnings.IsDue(_workload.ToString(), out var failures))
                {
                    LogNotStored(_workload, StorageWarnings.ReasonOf(e), failures);
                }
            }
        }

        Schedule();
    }

    // One timer serves completion, retries and keep-alive: it is due at the next of these, and at rest there is none.
    private void Schedule()
    {
        var completion = _learning.NextCompletion is { } at ? at - Now : (TimeSpan?)null;
        var unfinished = _storedChanges != _learning.Changes || (_registered && !_indexed) || _mirror.IsUnfinished;
        if (completion is null && !unfinished)
        {
            _timer?.Dispose();
            _timer = null;
            return;
        }

        var due = unfinished ? RetryPeriod : KeepAlivePeriod;
        if (completion < due)
        {
            due = completion > TimeSpan.Zero ? completion.Value : _write.IsPending || !_retry.IsDue(_time) ? RetryPeriod : TimeSpan.Zero;
        }

        if (_timer is null)
        {
            _timer = this.RegisterGrainTimer(OnTimerAsync, new GrainTimerCreationOptions(due, RetryPeriod) { KeepAlive = true });
        }
        else
        {
            _timer.Change(due, RetryPeriod);
        }
    }

    // The mirror has changed what is learned, or what is known of what it shows.
    private void OnMirrored()
    {
        _registered |= _learning.IsGuarding;
        Announce();
        StoreSoon();
        Schedule();
    }

    private void Announce()
    {
        var announcements = _learning.TakeAnnouncements();
        _mirror.Show(hurry: announcements.Count > 0);
        foreach (var profile in announcements)
        {
            // One-way: ends when it is handed over; the caches also ask by themselves.
            _observers.Notify(observer => observer.ProfileChangedAsync(_workload, profile)).Ignore();
        }
    }

    private async Task IndexAsync()
    {
        if (_indexed || !_registered)
        {
            return;
        }

        await _unlisted.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        try
        {
            await GrainFactory.GetGrain<INamespaceIndexGrain>(_workload.Namespace).AddAsync(_workload.GrainKey);
            await GrainFactory.GetGrain<INamespaceIndexGrain>(INamespaceIndexGrain.AllNamespaces).AddAsync(_workload.Namespace);
            _indexed = true;
        }
        catch (Exception e)
        {
            _indexRetry.Failed(_time);
            if (_warnings.IsDue($"index of {_workload.Namespace}", out var failures))
            {
                LogNotIndexed(_workload, StorageWarnings.ReasonOf(e), failures);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The clock was set by {Step}; the end of learning {Workload} moves with it.")]
    private partial void LogClockSet(WorkloadKey workload, TimeSpan step);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The profile of {Workload} could not be stored; it is kept in memory and tried again. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogNotStored(WorkloadKey workload, string reason, int failures);

    [LoggerMessage(Level = LogLevel.Information, Message = "No container of {Workload} was there for long (KubeCop:Learning:ForgetAfter): its profile is forgotten.")]
    private partial void LogForgotten(WorkloadKey workload);

    [LoggerMessage(Level = LogLevel.Information, Message = "The stored profile of {Workload} was changed by another activation; both are united.")]
    private partial void LogConflict(WorkloadKey workload, Exception exception);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Workload} could not be added to the index of its namespace; lists miss it until the next try. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogNotIndexed(WorkloadKey workload, string reason, int failures);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The profile of {Workload} is full: {Refused} additions were refused. KubeCop:Learning:MaxEntriesPerKind sets the limit.")]
    private partial void LogRefused(WorkloadKey workload, long refused);
}

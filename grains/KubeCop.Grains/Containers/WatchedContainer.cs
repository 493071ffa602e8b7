using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Profiles;
using KubeCop.Grains.Workloads;
using Microsoft.Extensions.Logging;

namespace KubeCop.Grains.Containers;

/// <summary>
/// A container that is watched: connects its monitor with its workload's profile, that is, registers, sends what is learned, hands over what
/// guards. It belongs to the process and not to a silo, so it goes on with all it knows when the silo ends and another one begins, and detects
/// while there is none.
/// <para>One thing is done at a time, in turns as a grain has them, and between two awaits of one turn there may be others: a slow workload or
/// storage never holds up events. The monitor itself is only used without an await in between.</para>
/// </summary>
internal sealed partial class WatchedContainer(
    string id,
    WatchedContainers containers,
    CurrentSilo silo,
    IBehaviourJournal journal,
    ProfileCache profiles,
    IPodWorkloads pods,
    StorageWarnings warnings,
    TimeProvider time,
    ILogger logger) : IContainerGrain
{
    /// <summary>How long stop and flush wait for storage. SIGTERM has 5 s for everything.</summary>
    private static readonly TimeSpan FlushBound = TimeSpan.FromSeconds(3);

    /// <summary>How long a container that has registered waits for its profile before it learns without.</summary>
    private static readonly TimeSpan ProfilePatience = TimeSpan.FromSeconds(1);

    /// <summary>How long a container waits for its workload before it goes by the profile that this node has kept.</summary>
    private static readonly TimeSpan RegisterPatience = TimeSpan.FromSeconds(0.25);

    /// <summary>How long an ended container that could not hand over everything goes on trying.</summary>
    private static readonly TimeSpan Lingering = TimeSpan.FromHours(1);

    private readonly TaskFactory _turns = new(new ConcurrentExclusiveSchedulerPair(TaskScheduler.Default).ExclusiveScheduler);
    private readonly DeltaOutbox _outbox = new(journal, silo, warnings, time, logger);
    private ContainerMonitor? _monitor;

    /// <summary>As its runtime describes it.</summary>
    private ContainerDescription? _reported;
    private ContainerDescription? _container;
    private long _describedAt;
    private Task _registering = Task.CompletedTask;
    private Backoff _retry;
    private ProfileAssignment? _assignment;

    /// <summary>The assignment is what the kept profile says: the workload has not answered.</summary>
    private bool _isByKept;
    private ProfileWatch? _watch;
    private ProfileSnapshot? _applied;
    private CompiledProfile? _guarding;
    private long? _stoppedAt;
    private volatile bool _isTicking;

    public string Id { get; } = id;

    /// <summary>What it does with events now; null while it does not know. From any thread, without a turn.</summary>
    public ProfileAssignment? Assignment => Volatile.Read(ref _assignment);

    private DateTimeOffset Now => time.GetUtcNow();

    private ContainerMonitor Monitor => _monitor ??= containers.Begin(this);

    public Task StartAsync(ContainerDescription container) => _turns.StartNew(() => Start(container));

    public Task IngestAsync(EventBatch batch) => _turns.StartNew(() => Ingest(batch));

    public Task StopAsync() => _turns.StartNew(StopInTurnsAsync).Unwrap();

    public Task FlushAsync() => _turns.StartNew(FlushInTurnsAsync).Unwrap();

    public Task RebindAsync() => _turns.StartNew(() =>
    {
        if (_container is not null)
        {
            DescribeAnew();
            Monitor.Tick();
        }
    });

    public Task<ContainerStatus?> GetStatusAsync() => _turns.StartNew(GetStatus);

    /// <summary>Does what is due, unless that is being done. To be called about once a second.</summary>
    public void Tick()
    {
        if (!_isTicking)
        {
            _isTicking = true;
            _turns.StartNew(() =>
            {
                try
                {
                    OnTick();
                }
                catch (Exception exception)
                {
                    LogErrorTickFailed(exception, Id);
                }
                finally
                {
                    _isTicking = false;
                }
            });
        }
    }

    /// <summary>There is another silo: what could not be done without one, or was asked of the one before, is done now.</summary>
    public void Resume() => _turns.StartNew(() =>
    {
        if (_container is not null)
        {
            _retry.Succeeded();
            Register();
            _outbox.Resume();
        }
    });

    /// <summary>The process ends: sends all summaries.</summary>
    public Task CompleteAsync() => _turns.StartNew(() => _monitor?.Complete());

    private void Start(ContainerDescription container)
    {
        (_reported, _stoppedAt) = (container, null);
        Describe();
    }

    private void DescribeAnew()
    {
        if (_reported is not null && (_describedAt != pods.Version || _container is { AwaitsOwner: true }))
        {
            Describe();
        }
    }

    private void Describe()
    {
        _describedAt = pods.Version;
        var container = pods.Describe(_reported!);
        var isElsewhere = _container is { } known
            && (known.Workload != container.Workload || known.Name != container.Name || known.Revision != container.Revision);
        if (isElsewhere)
        {
            // What was learned so far belongs where it was learned, or to the workload that is known only now.
            Collect();
            _outbox.Describe(container);
            (_assignment, _isByKept) = (null, false);
        }

        _container = container;
        Monitor.Describe(container);
        Register();
        Collect();
    }

    private void Ingest(EventBatch batch)
    {
        var monitor = Monitor;
        ApplyProfile();
        monitor.Ingest(batch);
        Collect();
    }

    private async Task StopInTurnsAsync()
    {
        _stoppedAt = time.GetTimestamp();
        Monitor.Tick();
        await HandOverAsync();
        EndWhenDone();
    }

    private async Task FlushInTurnsAsync()
    {
        if (_container is not null && !await HandOverAsync())
        {
            throw new TimeoutException(
                $"What container {Id} learned was not stored within {FlushBound.TotalSeconds:0} s; it is in this node's journal and will be sent again.");
        }
    }

    private ContainerStatus? GetStatus()
    {
        if (_container is null)
        {
            return null;
        }

        var monitor = Monitor;
        var isLearning = _assignment is null or { State: ProfileState.Learning };
        return new ContainerStatus
        {
            Container = _container,
            ProfileState = _assignment?.State ?? ProfileState.Learning,
            RemainingSeconds = isLearning && _assignment is not null ? WorkloadLearning.RemainingSeconds(_assignment.CompletesAt, Now) : 0,
            Events = monitor.Events,
            EventsByKind = monitor.EventsByKind,
            EventsLost = monitor.EventsLost,
            EventsUnjudged = monitor.EventsUnjudged,
            CompleteSince = monitor.LossSeenAt ?? _container.SeenAt,
            Alerts = monitor.Alerts,
            Processes = monitor.Processes,
            ProcessesForgotten = monitor.ProcessesDropped,
            ProfileVersion = _applied?.Profile.Version ?? 0,
            DeltasUnstored = _outbox.Count,
        };
    }

    private void OnTick()
    {
        if (_monitor is not { } monitor)
        {
            return;
        }

        DescribeAnew();
        Register();
        ApplyProfile();
        monitor.Tick();
        Collect(withLost: true);
        if (_outbox.IsEmpty)
        {
            monitor.HandedOver();
        }

        _outbox.Send(hurry: monitor.AwaitsRoom);
        EndWhenDone();
    }

    private void Register()
    {
        if (_container is { AwaitsOwner: false } && (_assignment is null || _isByKept) && _registering.IsCompleted && _retry.IsDue(time))
        {
            _registering = RegisterAsync(_container);
        }
    }

    private async Task RegisterAsync(ContainerDescription container)
    {
        try
        {
            var registered = silo.CallAsync(grains => grains.GetGrain<IWorkloadGrain>(container.Workload.GrainKey).RegisterAsync(container));
            await ((Task)registered).WaitAsync(RegisterPatience, time)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (!registered.IsCompletedSuccessfully)
            {
                await GoByKeptAsync(container);
            }

            var assignment = await registered;
            _retry.Succeeded();
            var watch = profiles.Watch(container.Workload, assignment.Slot);

            // What a new revision does first is to be judged by the profile of the one before; events wait here meanwhile.
            await watch.LoadAsync().WaitAsync(ProfilePatience, time)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (container != _container)
            {
                watch.Dispose();
                return;
            }

            _watch?.Dispose();
            // That a profile is gone may be known from before this registration; what was kept is from before in any case.
            var isOld = watch.Snapshot is { IsKept: true } || (watch.Snapshot is { Profile.State: ProfileState.Gone } gone && gone.Profile.Version <= assignment.Version);
            (_watch, _applied, _isByKept) = (watch, isOld ? watch.Snapshot : null, false);
            if (watch.Snapshot is null || isOld)
            {
                Follow(assignment, watch.Guarding);
            }

            ApplyProfile();
        }
        catch (Exception e)
        {
            _retry.Failed(time);
            if (warnings.IsDue(container.Workload.ToString(), out var failures))
            {
                LogNotRegistered(container.Id, container.Workload, StorageWarnings.ReasonOf(e), failures);
            }
        }
    }

    /// <summary>
    /// Has the profile that this node kept guard a container whose workload does not answer. Only one that is complete: what it says of its
    /// containers holds until the workload says otherwise. Without one, events wait.
    /// </summary>
    private async Task GoByKeptAsync(ContainerDescription container)
    {
        var fromStart = new ProfileSlot(container.Name, container.Revision, Partial: false);
        ProfileSlot[] slots = container.Type == ContainerType.Ephemeral ? [ProfileSlot.Unlisted(container.Name)]
            : container.Origin == ContainerOrigin.Started ? [fromStart]
            : [fromStart, fromStart with { Partial = true }];
        foreach (var slot in slots)
        {
            if (_assignment is not null || container != _container)
            {
                return;
            }

            var watch = profiles.Watch(container.Workload, slot);
            await watch.LookUpKeptAsync();
            if (_assignment is null && container == _container && watch is { Snapshot: { } snapshot, Guarding: { } guarding })
            {
                _watch?.Dispose();
                (_watch, _applied, _isByKept) = (watch, snapshot, true);
                Follow(LearnedSlot.AssignmentOf(snapshot.Profile), guarding);
                LogByKept(Id, container.Workload);
                return;
            }

            watch.Dispose();
        }
    }

    private void Follow(ProfileAssignment assignment, CompiledProfile? guarding)
    {
        // What was learned so far belongs where it was learned.
        Collect();
        (_assignment, _guarding) = (assignment, guarding);
        Monitor.Assign(assignment, guarding);
        Collect();
    }

    // Its profile tells a container everything that registering told it first: the slot (a partial one may have yielded), the state, the end.
    private void ApplyProfile()
    {
        if (_watch is { Snapshot: { } snapshot, Guarding: var guarding } && (snapshot != _applied || guarding != _guarding))
        {
            _applied = snapshot;
            if (snapshot.Profile.State == ProfileState.Gone)
            {
                // Its workload has forgotten it, or does not know it.
                Collect();
                (_assignment, _isByKept) = (null, false);
                Monitor.Unassign();
                Register();
                return;
            }

            Follow(LearnedSlot.AssignmentOf(snapshot.Profile), guarding);
        }
    }

    private void Collect(bool withLost = false)
    {
        if (_assignment is null)
        {
            // Held back until the workload has answered, which its storage may delay: until then the journal has to have it.
            if (_container is not null && Monitor.TakeUnassigned() is { Count: > 0 } seen)
            {
                _outbox.AddUnregistered(_container, seen);
            }

            return;
        }

        var learned = Monitor.TakeLearned();
        if (Monitor.TakeUndecided() is { Count: > 0 } undecided)
        {
            learned = [.. learned, .. undecided];
        }

        var lost = learned.Count > 0 || (withLost && _assignment.State == ProfileState.Learning) ? Monitor.TakeLost() : 0;
        if (learned.Count > 0 || lost > 0)
        {
            _outbox.Add(_container!, _assignment, learned, lost);
        }
    }

    private async Task<bool> HandOverAsync()
    {
        _retry.Succeeded();
        Register();
        using var timeout = new CancellationTokenSource(FlushBound, time);
        await Task.WhenAny(_registering, Task.Delay(Timeout.Infinite, timeout.Token));
        Collect(withLost: true);
        return await _outbox.DrainAsync(FlushBound) && _assignment is not null && !_isByKept;
    }

    private void EndWhenDone()
    {
        if (_stoppedAt is not { } stoppedAt)
        {
            return;
        }

        // Events after the end of learning are judged when the final profile comes, which is due any moment.
        var awaitsVerdict = _assignment is { State: ProfileState.Learning } && Now >= _assignment.CompletesAt;
        var isDone = _container is null || (_assignment is not null && _outbox.IsEmpty && !awaitsVerdict);
        if (isDone || time.GetElapsedTime(stoppedAt) > Lingering)
        {
            if (!isDone)
            {
                LogNotHandedOver(_container!.Id, _container.Workload);
            }

            End();
        }
    }

    // Started again, it begins with nothing.
    private void End()
    {
        _monitor?.Complete();
        _watch?.Dispose();
        (_monitor, _reported, _container, _assignment, _watch, _applied, _guarding, _stoppedAt, _isByKept) = (null, null, null, null, null, null, null, null, false);
        containers.Ended(this);
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Container {Container} could not register with {Workload}; its events are kept and it tries again. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogNotRegistered(string container, WorkloadKey workload, string reason, int failures);

    [LoggerMessage(Level = LogLevel.Error, Message = "What is due for container {Container} could not be done; it is tried again with the next second")]
    private partial void LogErrorTickFailed(Exception exception, string container);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Workload} does not answer; container {Container} is guarded by the profile that this node has kept.")]
    private partial void LogByKept(string container, WorkloadKey workload);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Container {Container} of {Workload} has ended and could not hand over everything; what it learned is in this node's journal.")]
    private partial void LogNotHandedOver(string container, WorkloadKey workload);
}

using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Placement;
using KubeCop.Grains.Profiles;
using KubeCop.Grains.Workloads;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace KubeCop.Grains.Containers;

/// <summary>
/// Connects a container's monitor with its workload's profile: registers, sends what is learned, hands over what guards. Reentrant, so
/// that a slow workload grain or storage never holds up events; the monitor itself is only used without an await in between.
/// </summary>
[NodePlacement, GrainDirectory(NodeGrainDirectory.Name), Immovable, Reentrant]
internal sealed partial class ContainerGrain : Grain, IContainerGrain
{
    private static readonly TimeSpan TickPeriod = TimeSpan.FromSeconds(1);

    /// <summary>How long stop and flush wait for storage. SIGTERM has 5 s for everything.</summary>
    private static readonly TimeSpan FlushBound = TimeSpan.FromSeconds(3);

    /// <summary>How long a container that has registered waits for its profile before it learns without.</summary>
    private static readonly TimeSpan ProfilePatience = TimeSpan.FromSeconds(1);

    /// <summary>How long an ended container that could not hand over everything goes on trying.</summary>
    private static readonly TimeSpan Lingering = TimeSpan.FromHours(1);

    private readonly ContainerMonitor _monitor;
    private readonly DeltaOutbox _outbox;
    private readonly ProfileCache _profiles;
    private readonly IPodWorkloads _pods;
    private readonly StorageWarnings _warnings;
    private readonly TimeProvider _time;
    private readonly ILogger<ContainerGrain> _logger;
    private IGrainTimer? _timer;

    /// <summary>As its runtime describes it.</summary>
    private ContainerDescription? _reported;
    private ContainerDescription? _container;
    private long _describedAt;
    private Task _registering = Task.CompletedTask;
    private Backoff _retry;
    private ProfileAssignment? _assignment;
    private ProfileWatch? _watch;
    private ProfileSnapshot? _applied;
    private CompiledProfile? _guarding;
    private long? _stoppedAt;

    public ContainerGrain(
        NodeRules rules,
        IAlertDispatcher alerts,
        IRepeatFilter repeats,
        IKernelClock clock,
        IBehaviourJournal journal,
        ProfileCache profiles,
        IPodWorkloads pods,
        IGrainFactory grains,
        StorageWarnings warnings,
        TimeProvider time,
        IOptions<LearningOptions> learning,
        IOptions<AlertOptions> alertOptions,
        ILogger<ContainerMonitor> monitorLogger,
        ILogger<ContainerGrain> logger)
    {
        (_profiles, _pods, _warnings, _time, _logger) = (profiles, pods, warnings, time, logger);
        _monitor = new ContainerMonitor(rules, alerts, repeats, clock, time, learning.Value, alertOptions.Value, monitorLogger);
        _outbox = new DeltaOutbox(journal, grains, warnings, time, logger);
    }

    private DateTimeOffset Now => _time.GetUtcNow();

    public Task StartAsync(ContainerDescription container)
    {
        KeepAlive();
        (_reported, _stoppedAt) = (container, null);
        Describe();
        return Task.CompletedTask;
    }

    public Task IngestAsync(EventBatch batch)
    {
        KeepAlive();
        ApplyProfile();
        _monitor.Ingest(batch);
        Collect();
        return Task.CompletedTask;
    }

    public async Task StopAsync()
    {
        _stoppedAt = _time.GetTimestamp();
        _monitor.Tick();
        await HandOverAsync();
        EndWhenDone();
    }

    public async Task FlushAsync()
    {
        if (_container is not null && !await HandOverAsync())
        {
            throw new TimeoutException(
                $"What container {_container.Id} learned was not stored within {FlushBound.TotalSeconds:0} s; it is in this node's journal and will be sent again.");
        }
    }

    public Task RebindAsync()
    {
        if (_container is null)
        {
            ForgetIfUnknown();
        }
        else
        {
            DescribeAnew();
            _monitor.Tick();
        }

        return Task.CompletedTask;
    }

    public Task<ContainerStatus?> GetStatusAsync()
    {
        if (_container is null)
        {
            ForgetIfUnknown();
            return Task.FromResult<ContainerStatus?>(null);
        }

        var isLearning = _assignment is null or { State: ProfileState.Learning };
        return Task.FromResult<ContainerStatus?>(new ContainerStatus
        {
            Container = _container,
            ProfileState = _assignment?.State ?? ProfileState.Learning,
            RemainingSeconds = isLearning && _assignment is not null ? WorkloadLearning.RemainingSeconds(_assignment.CompletesAt, Now) : 0,
            Events = _monitor.Events,
            EventsByKind = _monitor.EventsByKind,
            EventsLost = _monitor.EventsLost,
            EventsUnjudged = _monitor.EventsUnjudged,
            CompleteSince = _monitor.LossSeenAt ?? _container.SeenAt,
            Alerts = _monitor.Alerts,
            Processes = _monitor.Processes,
            ProcessesForgotten = _monitor.ProcessesDropped,
            ProfileVersion = _applied?.Profile.Version ?? 0,
            DeltasUnstored = _outbox.Count,
        });
    }

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        GrainCounts.CountContainer(1);
        return Task.CompletedTask;
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        GrainCounts.CountContainer(-1);
        _monitor.Complete();
        _watch?.Dispose();
        return Task.CompletedTask;
    }

    // Whoever asks all containers asks one that has just ended: that must not bring back its grain for as long as idle ones stay.
    private void ForgetIfUnknown()
    {
        if (_timer is null)
        {
            DeactivateOnIdle();
        }
    }

    // Not from activation on: asking for the status of a container that does not exist must not leave a grain behind for ever.
    private void KeepAlive() => _timer ??= this.RegisterGrainTimer(OnTick, new GrainTimerCreationOptions(TickPeriod, TickPeriod) { KeepAlive = true });

    private Task OnTick()
    {
        DescribeAnew();
        Register();
        ApplyProfile();
        _monitor.Tick();
        Collect(withLost: true);
        if (_outbox.IsEmpty)
        {
            _monitor.HandedOver();
        }

        _outbox.Send(hurry: _monitor.AwaitsRoom);
        EndWhenDone();
        return Task.CompletedTask;
    }

    private void DescribeAnew()
    {
        if (_reported is not null && (_describedAt != _pods.Version || _container is { AwaitsOwner: true }))
        {
            Describe();
        }
    }

    private void Describe()
    {
        _describedAt = _pods.Version;
        var container = _pods.Describe(_reported!);
        var isElsewhere = _container is { } known
            && (known.Workload != container.Workload || known.Name != container.Name || known.Revision != container.Revision);
        if (isElsewhere)
        {
            // What was learned so far belongs where it was learned, or to the workload that is known only now.
            Collect();
            _outbox.Describe(container);
            _assignment = null;
        }

        _container = container;
        _monitor.Describe(container);
        Register();
        Collect();
    }

    private void Register()
    {
        if (_container is { AwaitsOwner: false } && _assignment is null && _registering.IsCompleted && _retry.IsDue(_time))
        {
            _registering = RegisterAsync(_container);
        }
    }

    private async Task RegisterAsync(ContainerDescription container)
    {
        try
        {
            var assignment = await GrainFactory.GetGrain<IWorkloadGrain>(container.Workload.GrainKey).RegisterAsync(container);
            _retry.Succeeded();
            var watch = _profiles.Watch(container.Workload, assignment.Slot);

            // What a new revision does first is to be judged by the profile of the one before; events wait here meanwhile.
            await watch.LoadAsync().WaitAsync(ProfilePatience, _time)
                .ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            if (container != _container)
            {
                watch.Dispose();
                return;
            }

            _watch?.Dispose();
            // That a profile is gone may be known from before this registration.
            var isOld = watch.Snapshot is { Profile.State: ProfileState.Gone } gone && gone.Profile.Version <= assignment.Version;
            (_watch, _applied) = (watch, isOld ? watch.Snapshot : null);
            if (watch.Snapshot is null || isOld)
            {
                Follow(assignment, watch.Guarding);
            }

            ApplyProfile();
        }
        catch (Exception e)
        {
            _retry.Failed(_time);
            if (_warnings.IsDue(container.Workload.ToString(), out var failures))
            {
                LogNotRegistered(container.Id, container.Workload, StorageWarnings.ReasonOf(e), failures);
            }
        }
    }

    private void Follow(ProfileAssignment assignment, CompiledProfile? guarding)
    {
        // What was learned so far belongs where it was learned.
        Collect();
        (_assignment, _guarding) = (assignment, guarding);
        _monitor.Assign(assignment, guarding);
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
                _assignment = null;
                _monitor.Unassign();
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
            if (_container is not null && _monitor.TakeUnassigned() is { Count: > 0 } seen)
            {
                _outbox.AddUnregistered(_container, seen);
            }

            return;
        }

        var learned = _monitor.TakeLearned();
        if (_monitor.TakeUndecided() is { Count: > 0 } undecided)
        {
            learned = [.. learned, .. undecided];
        }

        var lost = learned.Count > 0 || (withLost && _assignment.State == ProfileState.Learning) ? _monitor.TakeLost() : 0;
        if (learned.Count > 0 || lost > 0)
        {
            _outbox.Add(_container!, _assignment, learned, lost);
        }
    }

    private async Task<bool> HandOverAsync()
    {
        _retry.Succeeded();
        Register();
        using var timeout = new CancellationTokenSource(FlushBound, _time);
        await Task.WhenAny(_registering, Task.Delay(Timeout.Infinite, timeout.Token));
        Collect(withLost: true);
        return await _outbox.DrainAsync(FlushBound) && _assignment is not null;
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
        if (isDone || _time.GetElapsedTime(stoppedAt) > Lingering)
        {
            if (!isDone)
            {
                LogNotHandedOver(_container!.Id, _container.Workload);
            }

            _timer?.Dispose();
            DeactivateOnIdle();
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Container {Container} could not register with {Workload}; its events are kept and it tries again. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogNotRegistered(string container, WorkloadKey workload, string reason, int failures);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Container {Container} of {Workload} has ended and could not hand over everything; what it learned is in this node's journal.")]
    private partial void LogNotHandedOver(string container, WorkloadKey workload);
}

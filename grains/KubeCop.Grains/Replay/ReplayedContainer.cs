using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Containers;
using KubeCop.Grains.Profiles;
using KubeCop.Grains.Workloads;

namespace KubeCop.Grains.Replay;

/// <summary>What <see cref="ContainerGrain"/> does between a monitor and its workload, at once.</summary>
internal sealed class ReplayedContainer(ReplayedWorkloads workloads, ContainerMonitor monitor, TimeProvider time) : IContainerGrain
{
    private ContainerDescription? _container;
    private ProfileAssignment? _assignment;
    private ProfileSnapshot? _applied;
    private CompiledProfile? _guarding;
    private bool _stopped;

    /// <summary>Stopped, and all it did was learned or judged: after the end of learning that needs the final profile.</summary>
    public bool HasEnded => _stopped && !(_assignment is { State: ProfileState.Learning } && time.GetUtcNow() >= _assignment.CompletesAt);

    public Task StartAsync(ContainerDescription container)
    {
        Collect();
        (_container, _applied, _stopped) = (container, null, false);
        monitor.Describe(container);
        _assignment = workloads.Workload(container.Workload).Register(container, time.GetUtcNow());
        ApplyProfile();
        return Task.CompletedTask;
    }

    public Task IngestAsync(EventBatch batch)
    {
        ApplyProfile();
        monitor.Ingest(batch);
        Collect();
        return Task.CompletedTask;
    }

    public Task StopAsync()
    {
        Collect();
        _stopped = true;
        return Task.CompletedTask;
    }

    public Task FlushAsync() => Task.CompletedTask;

    public Task RebindAsync() => Task.CompletedTask;

    public Task<ContainerStatus?> GetStatusAsync() => Task.FromResult<ContainerStatus?>(null);

    public void Tick()
    {
        ApplyProfile();
        monitor.Tick();
        Collect();
    }

    public void Complete() => monitor.Complete();

    private void ApplyProfile()
    {
        if (_container is null || _assignment is null || workloads.Profile(_container.Workload, _assignment.Slot) is not { } snapshot)
        {
            return;
        }

        var guarding = snapshot.Guarding ?? (snapshot.Profile.GuardedBy is { } guard ? workloads.Profile(_container.Workload, guard)?.Guarding : null);
        if (snapshot != _applied || guarding != _guarding)
        {
            Collect();
            (_applied, _guarding, _assignment) = (snapshot, guarding, LearnedSlot.AssignmentOf(snapshot.Profile));
            monitor.Assign(_assignment, guarding);
            Collect();
        }
    }

    private void Collect()
    {
        if (_container is null || _assignment is null)
        {
            return;
        }

        var learned = monitor.TakeLearned();
        var lost = learned.Count > 0 || _assignment.State == ProfileState.Learning ? monitor.TakeLost() : 0;
        if (learned.Count > 0 || lost > 0)
        {
            var delta = new ProfileDelta { Slot = _assignment.Slot, Generation = _assignment.Generation, Items = learned, Lost = lost, Replicas = ReplicaSketch.Of(_container.Id) };
            workloads.Workload(_container.Workload).Merge(delta, time.GetUtcNow());
        }
    }
}

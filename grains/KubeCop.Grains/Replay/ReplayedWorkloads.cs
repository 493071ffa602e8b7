using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Containers;
using KubeCop.Grains.Profiles;
using KubeCop.Grains.Workloads;
using Microsoft.Extensions.Logging;

namespace KubeCop.Grains.Replay;

/// <summary>
/// Stands for the grains when a recording is replayed: the same monitors and the same learning, but without a cluster, storage or
/// waiting. Everything is done when a call returns, so the outcome is always the same. For one thread.
/// </summary>
public sealed class ReplayedWorkloads(
    NodeRules rules, IAlertDispatcher alerts, IKernelClock clock, TimeProvider time, LearningOptions learning, AlertOptions alertOptions, ILoggerFactory loggers)
{
    private readonly Dictionary<WorkloadKey, WorkloadLearning> _workloads = [];
    private readonly Dictionary<string, ReplayedContainer> _containers = new(StringComparer.Ordinal);
    private readonly Dictionary<(WorkloadKey, ProfileSlot), ProfileSnapshot> _profiles = [];

    /// <summary>What was learned.</summary>
    public IReadOnlyList<ApplicationProfile> Profiles =>
        [.. _workloads.OrderBy(static workload => workload.Key.GrainKey, StringComparer.Ordinal).Select(workload => workload.Value.ToProfile(time.GetUtcNow())).OfType<ApplicationProfile>()];

    /// <summary>Takes the events of a container.</summary>
    public IContainerGrain Container(ContainerDescription container)
    {
        if (!_containers.TryGetValue(container.Id, out var known))
        {
            var monitor = new ContainerMonitor(rules, alerts, new NoRepeatFilter(), clock, time, learning, alertOptions, loggers.CreateLogger<ContainerMonitor>());
            known = new ReplayedContainer(this, monitor, time);
            _containers.Add(container.Id, known);
        }

        return known;
    }

    /// <summary>Does what is due. To be called about once a second of the replayed time.</summary>
    public void Tick()
    {
        var now = time.GetUtcNow();
        foreach (var workload in _workloads.Values)
        {
            workload.Complete(now);
        }

        foreach (var (id, container) in _containers)
        {
            container.Tick();
            if (container.HasEnded)
            {
                container.Complete();
                _containers.Remove(id);
            }
        }
    }

    /// <summary>Nothing more will come: sends the summaries that were still open.</summary>
    public void End()
    {
        foreach (var container in _containers.Values)
        {
            container.Complete();
        }
    }

    internal WorkloadLearning Workload(WorkloadKey key)
    {
        if (!_workloads.TryGetValue(key, out var workload))
        {
            workload = new WorkloadLearning(key, learning);
            _workloads.Add(key, workload);
        }

        return workload;
    }

    /// <summary>As of now, compiled once for all containers.</summary>
    internal ProfileSnapshot? Profile(WorkloadKey key, ProfileSlot slot)
    {
        if (Workload(key).Find(slot) is not { } profile)
        {
            return null;
        }

        if (!_profiles.TryGetValue((key, slot), out var snapshot) || snapshot.Profile.Version != profile.Version)
        {
            snapshot = new ProfileSnapshot(profile);
            _profiles[(key, slot)] = snapshot;
        }

        return snapshot;
    }
}

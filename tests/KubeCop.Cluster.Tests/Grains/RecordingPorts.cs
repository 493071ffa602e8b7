using System.Collections.Concurrent;
using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;

namespace KubeCop.Cluster.Tests.Grains;

internal sealed class RecordingDispatcher : IAlertDispatcher
{
    public ConcurrentQueue<Alert> Alerts { get; } = new();

    public void Dispatch(Alert alert) => Alerts.Enqueue(alert);
}

internal sealed class RecordingJournal : IBehaviourJournal
{
    private long _sequence;

    public ConcurrentDictionary<long, ProfileDelta> Open { get; } = new();

    public ConcurrentQueue<ProfileDelta> All { get; } = new();

    public long Append(WorkloadKey workload, ProfileDelta delta)
    {
        var sequence = Interlocked.Increment(ref _sequence);
        Open[sequence] = delta;
        All.Enqueue(delta);
        return sequence;
    }

    public void Acknowledge(long sequence)
    {
        if (!Open.TryRemove(sequence, out _))
        {
            throw new InvalidOperationException($"{sequence} was acknowledged twice, or never appended.");
        }
    }

    public Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>Boot was at the Unix epoch.</summary>
internal sealed class EpochClock : IKernelClock
{
    public DateTimeOffset ToUtc(long bootNanoseconds) => DateTimeOffset.UnixEpoch.AddTicks(bootNanoseconds / 100);

    public static long ToBoot(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).Ticks * 100;
}

/// <summary>What several silos, or one silo before and after a restart, have kept.</summary>
internal sealed class RememberedProfiles : IKeptProfiles
{
    private readonly ConcurrentDictionary<(WorkloadKey, ProfileSlot), ContainerProfile> _profiles = new();

    public void Keep(WorkloadKey workload, ProfileSlot slot, ContainerProfile profile) => _profiles[(workload, slot)] = profile;

    public void Forget(WorkloadKey workload, ProfileSlot slot) => _profiles.TryRemove((workload, slot), out _);

    public ContainerProfile? Find(WorkloadKey workload, ProfileSlot slot) => _profiles.GetValueOrDefault((workload, slot));
}

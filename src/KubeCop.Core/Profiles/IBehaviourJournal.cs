using KubeCop.Core.Workloads;

namespace KubeCop.Core.Profiles;

/// <summary>
/// The node's own record of behaviour that its workload grain has not yet stored. Appended items are on disk within a second and stay
/// until acknowledged; what was left by an earlier run is replayed at start.
/// </summary>
public interface IBehaviourJournal
{
    /// <summary>Adds a delta. Never blocks on the disk.</summary>
    /// <returns>Its sequence number, for <see cref="Acknowledge"/>.</returns>
    long Append(WorkloadKey workload, ProfileDelta delta);

    /// <summary>The workload grain has stored it durably.</summary>
    void Acknowledge(long sequence);

    /// <summary>Writes and syncs everything appended so far.</summary>
    Task FlushAsync(CancellationToken cancellationToken);
}

using KubeCop.Core.Workloads;

namespace KubeCop.Core.Profiles;

/// <summary>
/// The node's own copies of the profiles that guard its containers. Where a workload cannot be asked they guard containers that start meanwhile.
/// Bounded: those that were kept longest ago are forgotten first. For any thread.
/// </summary>
public interface IKeptProfiles
{
    /// <summary>Keeps a profile that guards, instead of what was kept for this slot. Never blocks on the disk.</summary>
    /// <param name="slot">The one whose containers it guards; the profile itself may be of another one, as when somebody gave it.</param>
    void Keep(WorkloadKey workload, ProfileSlot slot, ContainerProfile profile);

    /// <summary>Nothing guards this slot any more.</summary>
    void Forget(WorkloadKey workload, ProfileSlot slot);

    /// <summary>Reads from the disk.</summary>
    /// <returns>Null when there is none, or none that can be read.</returns>
    ContainerProfile? Find(WorkloadKey workload, ProfileSlot slot);
}

/// <summary>Keeps none.</summary>
public sealed class NoKeptProfiles : IKeptProfiles
{
    public void Keep(WorkloadKey workload, ProfileSlot slot, ContainerProfile profile)
    {
    }

    public void Forget(WorkloadKey workload, ProfileSlot slot)
    {
    }

    public ContainerProfile? Find(WorkloadKey workload, ProfileSlot slot) => null;
}

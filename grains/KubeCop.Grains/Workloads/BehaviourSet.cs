using KubeCop.Core.Profiles;
using KubeCop.Grains.Workloads.Sections;

namespace KubeCop.Grains.Workloads;

/// <summary>
/// Behaviour as a set that only grows: adding is union, so the order and number of additions do not matter. The time of an entry is the
/// earliest it was seen; flags of a file, capabilities of a system call and addresses of a name are the union of all that were seen.
/// </summary>
internal sealed class BehaviourSet
{
    private readonly SectionSet[] _sections;

    /// <param name="maxEntriesPerKind">
    /// Further entries of a kind are refused and counted in <see cref="Refused"/>; which ones then depends on the order they came in.
    /// </param>
    /// <param name="maxVariableNames">See <see cref="OpenGeneralization"/>.</param>
    public BehaviourSet(int maxEntriesPerKind, int maxVariableNames = 0) => _sections =
    [
        new ExecSet(maxEntriesPerKind),
        new OpenSet(maxEntriesPerKind, maxVariableNames),
        new SyscallSet(maxEntriesPerKind),
        new CapabilitySet(maxEntriesPerKind),
        new DnsSet(maxEntriesPerKind),
        new NetworkSet(maxEntriesPerKind),
    ];

    /// <summary>Additions that found their kind full, repeats included.</summary>
    public long Refused => _sections.Sum(static section => section.Refused);

    /// <param name="replicas">See <see cref="ReplicaSketch"/>.</param>
    /// <returns>True when the set has changed.</returns>
    public bool Add(BehaviourItem item, DateTimeOffset seenAt, ulong replicas = 0)
    {
        foreach (var section in _sections)
        {
            if (section.ItemType == item.GetType())
            {
                return section.Add(item, new Sighting(seenAt, replicas));
            }
        }

        throw new ArgumentException($"A profile cannot hold {item.GetType().Name}; this node's sensor is newer than this silo.", nameof(item));
    }

    /// <summary>Adds stored entries.</summary>
    /// <returns>True when the set has changed.</returns>
    public bool Add(ContainerProfile profile) => _sections.Aggregate(false, (changed, section) => section.Add(profile) || changed);

    /// <summary>The profile with what is in the set, in a stable order.</summary>
    public ContainerProfile WriteTo(ContainerProfile profile) => _sections.Aggregate(profile, static (filled, section) => section.WriteTo(filled));
}

using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads.Sections;

/// <summary>Capabilities by system call, as profiles group them.</summary>
internal sealed class CapabilitySet(int maxEntries) : SectionSet<CapabilityItem, string, (NameSet Caps, NameSet Refused)>(maxEntries)
{
    // The kernel keeps them as the bits of a 64-bit number: include/uapi/linux/capability.h.
    private const int Most = 64;

    protected override (string Key, (NameSet Caps, NameSet Refused) Detail) Split(CapabilityItem item)
    {
        var name = new NameSet([item.Name]);
        return (item.Syscall, item.IsRefused ? (default, name) : (name, default));
    }

    protected override (NameSet Caps, NameSet Refused) Unite((NameSet Caps, NameSet Refused) known, (NameSet Caps, NameSet Refused) added) =>
        (known.Caps.Unite(added.Caps, Most), known.Refused.Unite(added.Refused, Most));

    protected override IEnumerable<(CapabilityItem Item, Sighting Seen)> Read(ContainerProfile profile) =>
        from entry in profile.Capabilities
        from name in entry.Caps.Select(static name => (Name: name, IsRefused: false)).Concat(entry.Refused.Select(static name => (Name: name, IsRefused: true)))
        select (new CapabilityItem(name.Name, entry.Syscall, name.IsRefused), new Sighting(entry.FirstSeen, entry.Replicas));

    protected override ContainerProfile Write(
        ContainerProfile profile, IEnumerable<(string Key, (NameSet Caps, NameSet Refused) Detail, Sighting Seen)> entries) => profile with
        {
            Capabilities = entries
                .OrderBy(static entry => entry.Key, StringComparer.Ordinal)
                .Select(static entry => new CapabilityEntry(entry.Key, entry.Detail.Caps.ToArray(), entry.Detail.Refused.ToArray(), entry.Seen.First, Replicas: entry.Seen.Replicas))
                .ToArray(),
        };
}

using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads.Sections;

internal sealed class SyscallSet(int maxEntries) : SectionSet<SyscallItem>(maxEntries)
{
    protected override IEnumerable<(SyscallItem Item, Sighting Seen)> Read(ContainerProfile profile) =>
        profile.Syscalls.Select(static entry => (new SyscallItem(entry.Name), new Sighting(entry.FirstSeen, entry.Replicas)));

    protected override ContainerProfile Write(
        ContainerProfile profile, IEnumerable<(SyscallItem Key, ValueTuple Detail, Sighting Seen)> entries) => profile with
        {
            Syscalls = entries
                .OrderBy(static entry => entry.Key.Name, StringComparer.Ordinal)
                .Select(static entry => new SyscallEntry(entry.Key.Name, entry.Seen.First, Replicas: entry.Seen.Replicas))
                .ToArray(),
        };
}

using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads.Sections;

/// <summary>Files by path; the flags are the union of all opens.</summary>
internal sealed class OpenSet(int maxEntries) : SectionSet<OpenItem, string, uint>(maxEntries)
{
    // What profiles can name; other bits would be lost in storage and make an entry look new after each restart.
    private static readonly uint NamedFlags = OpenFlags.Parse(OpenFlags.Names(uint.MaxValue));

    protected override (string Key, uint Detail) Split(OpenItem item) => (item.Path, item.Flags & NamedFlags);

    protected override uint Unite(uint known, uint added) => known | added;

    protected override IEnumerable<(OpenItem Item, DateTimeOffset FirstSeen)> Read(ContainerProfile profile) =>
        profile.Opens.Select(static entry => (new OpenItem(entry.Path, OpenFlags.Parse(entry.Flags)), entry.FirstSeen));

    protected override ContainerProfile Write(
        ContainerProfile profile, IEnumerable<(string Key, uint Detail, DateTimeOffset FirstSeen)> entries) => profile with
        {
            Opens = entries
                .OrderBy(static entry => entry.Key, StringComparer.Ordinal)
                .Select(static entry => new OpenEntry(entry.Key, OpenFlags.Names(entry.Detail), entry.FirstSeen))
                .ToArray(),
        };
}

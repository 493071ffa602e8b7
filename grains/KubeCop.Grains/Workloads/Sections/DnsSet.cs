using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads.Sections;

/// <summary>Names with the addresses of all answers.</summary>
internal sealed class DnsSet(int maxEntries) : SectionSet<DnsItem, string, NameSet>(maxEntries)
{
    protected override (string Key, NameSet Detail) Split(DnsItem item) => (item.Name, new NameSet(item.Addresses.Values, DnsItem.MaxAddresses));

    protected override NameSet Unite(NameSet known, NameSet added) => known.Unite(added, DnsItem.MaxAddresses);

    protected override IEnumerable<(DnsItem Item, Sighting Seen)> Read(ContainerProfile profile) =>
        profile.Dns.Select(static entry => (new DnsItem(entry.DnsName, new ArgumentList(entry.Addresses)), new Sighting(entry.FirstSeen, entry.Replicas)));

    protected override ContainerProfile Write(
        ContainerProfile profile, IEnumerable<(string Key, NameSet Detail, Sighting Seen)> entries) => profile with
        {
            Dns = entries
                .OrderBy(static entry => entry.Key, StringComparer.Ordinal)
                .Select(static entry => new DnsEntry(entry.Key, entry.Detail.ToArray(), entry.Seen.First, Replicas: entry.Seen.Replicas))
                .ToArray(),
        };
}

using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads.Sections;

/// <summary>Connections of both directions.</summary>
internal sealed class NetworkSet(int maxEntries) : SectionSet<NetworkItem>(maxEntries)
{
    protected override IEnumerable<(NetworkItem Item, Sighting Seen)> Read(ContainerProfile profile) =>
        profile.Incoming.Select(static entry => (ItemOf(entry, isOutgoing: false), new Sighting(entry.FirstSeen, entry.Replicas)))
            .Concat(profile.Outgoing.Select(static entry => (ItemOf(entry, isOutgoing: true), new Sighting(entry.FirstSeen, entry.Replicas))));

    protected override ContainerProfile Write(ContainerProfile profile, IEnumerable<(NetworkItem Key, ValueTuple Detail, Sighting Seen)> entries)
    {
        var byDirection = entries
            .OrderBy(static entry => entry.Key.Protocol, StringComparer.Ordinal)
            .ThenBy(static entry => entry.Key.Address, StringComparer.Ordinal)
            .ThenBy(static entry => entry.Key.Port)
            .ToLookup(
                static entry => entry.Key.IsOutgoing,
                static entry => new NetworkEntry(entry.Key.Protocol, entry.Key.Port, entry.Key.Address, entry.Seen.First, Replicas: entry.Seen.Replicas));
        return profile with { Incoming = byDirection[false].ToArray(), Outgoing = byDirection[true].ToArray() };
    }

    private static NetworkItem ItemOf(NetworkEntry entry, bool isOutgoing) => new(isOutgoing, entry.Protocol, entry.Port, entry.DstEndpoint);
}

using KubeCop.Core.Events;

namespace KubeCop.Core.Profiles;

/// <summary>
/// What people have changed of a container's profile: it holds for all its revisions, whatever is learned. Things are as of
/// <see cref="ProfileItems"/>.
/// </summary>
/// <param name="Added">Allowed besides what was learned.</param>
/// <param name="Removed">Not allowed, although it was learned.</param>
/// <param name="ChangedAt">The last time.</param>
[GenerateSerializer, Immutable, Alias("kubecop.ProfileOverlay")]
public sealed record ProfileOverlay(
    [property: Id(0)] string ContainerName,
    [property: Id(1)] IReadOnlyList<BehaviourItem> Added,
    [property: Id(2)] IReadOnlyList<BehaviourItem> Removed,
    [property: Id(3)] DateTimeOffset ChangedAt)
{
    /// <summary>Things people may change of one container; beyond, further changes are refused.</summary>
    public const int MaxItems = 10_000;

    public bool IsEmpty => Added.Count == 0 && Removed.Count == 0;

    /// <summary>The same with more changes: the last word on a thing counts.</summary>
    public ProfileOverlay With(IReadOnlyCollection<BehaviourItem> added, IReadOnlyCollection<BehaviourItem> removed, DateTimeOffset now) => new(
        ContainerName,
        Added.Except(removed).Union(added).Take(MaxItems).ToArray(),
        Removed.Except(added).Union(removed).Take(MaxItems).ToArray(),
        now);

    /// <summary>The profile with these changes.</summary>
    public ContainerProfile ApplyTo(ContainerProfile profile)
    {
        var (added, removed) = (Added.ToLookup(static item => item.GetType()), Removed.ToHashSet());
        return profile with
        {
            Execs = Execs(profile.Execs, added, removed),
            Opens = Opens(profile.Opens, added, removed),
            Syscalls = Entries(profile.Syscalls, static entry => new SyscallItem(entry.Name), added, removed, item => new SyscallEntry(item.Name, ChangedAt)),
            Capabilities = Capabilities(profile.Capabilities, added, removed),
            Dns = Entries(profile.Dns, ProfileItems.Dns, added, removed, item => new DnsEntry(item.Name, [], ChangedAt)),
            Incoming = Connections(profile.Incoming, ProfileItems.Incoming, isOutgoing: false, added, removed),
            Outgoing = Connections(profile.Outgoing, ProfileItems.Outgoing, isOutgoing: true, added, removed),
        };
    }

    private static TEntry[] Entries<TEntry, TItem>(
        IReadOnlyList<TEntry> entries, Func<TEntry, TItem> itemOf, ILookup<Type, BehaviourItem> added, HashSet<BehaviourItem> removed, Func<TItem, TEntry> entryOf)
        where TItem : BehaviourItem
    {
        var kept = entries.Where(entry => !removed.Contains(itemOf(entry))).ToList();
        var known = kept.Select(itemOf).ToHashSet();
        return [.. kept, .. added[typeof(TItem)].Cast<TItem>().Where(item => !known.Contains(item)).Select(entryOf)];
    }

    // An executable a path is known to lead to is no reason against any that people allow.
    private ExecEntry[] Execs(IReadOnlyList<ExecEntry> entries, ILookup<Type, BehaviourItem> added, HashSet<BehaviourItem> removed)
    {
        var kept = entries.Where(entry => !removed.Contains(ProfileItems.Exec(entry))).ToList();
        var unbound = kept.Where(static entry => entry.Executable.Length == 0).Select(ProfileItems.Exec).ToHashSet();
        return [.. kept, .. added[typeof(ExecItem)].Cast<ExecItem>().Where(item => !unbound.Contains(item)).Select(item => new ExecEntry(item.Path, "", item.Arguments.Values, ChangedAt))];
    }

    private OpenEntry[] Opens(IReadOnlyList<OpenEntry> entries, ILookup<Type, BehaviourItem> added, HashSet<BehaviourItem> removed)
    {
        var missing = added[typeof(OpenItem)].Cast<OpenItem>().GroupBy(static item => item.Path, StringComparer.Ordinal)
            .ToDictionary(static path => path.Key, static path => path.Aggregate(0u, static (set, item) => set | item.Flags), StringComparer.Ordinal);
        var opens = new List<OpenEntry>(entries.Count + missing.Count);
        foreach (var entry in entries)
        {
            var set = OpenFlags.Parse(entry.Flags);
            var left = ProfileItems.Flags(set).Where(flag => !removed.Contains(new OpenItem(entry.Path, flag))).ToList();
            missing.Remove(entry.Path, out var more);
            var now = left.Aggregate(more, static (flags, flag) => flags | flag);
            if (left.Count > 0 || more != 0)
            {
                opens.Add(now == set ? entry : entry with { Flags = OpenFlags.Names(now) });
            }
        }

        // A name that stands for any covers no sensitive file, as where learning made it.
        opens.AddRange(missing.Select(path => new OpenEntry(
            path.Key, OpenFlags.Names(path.Value), ChangedAt, path.Key.Split('/').Contains(PathPatterns.AnySegment) ? 1 : 0)));
        return [.. opens];
    }

    private CapabilityEntry[] Capabilities(IReadOnlyList<CapabilityEntry> entries, ILookup<Type, BehaviourItem> added, HashSet<BehaviourItem> removed)
    {
        var missing = added[typeof(CapabilityItem)].Cast<CapabilityItem>().GroupBy(static item => item.Syscall, StringComparer.Ordinal)
            .ToDictionary(static syscall => syscall.Key, static syscall => syscall.Select(static item => item.Name).ToList(), StringComparer.Ordinal);
        var capabilities = new List<CapabilityEntry>(entries.Count + missing.Count);
        foreach (var entry in entries)
        {
            missing.Remove(entry.Syscall, out var more);
            var left = entry.Caps.Where(name => !removed.Contains(new CapabilityItem(name, entry.Syscall))).Union(more ?? [], StringComparer.Ordinal).ToArray();
            if (left.Length > 0 || entry.Refused.Count > 0)
            {
                capabilities.Add(entry with { Caps = left });
            }
        }

        capabilities.AddRange(missing.Select(syscall => new CapabilityEntry(syscall.Key, syscall.Value.ToArray(), [], ChangedAt)));
        return [.. capabilities];
    }

    private NetworkEntry[] Connections(
        IReadOnlyList<NetworkEntry> entries, Func<NetworkEntry, NetworkItem> itemOf, bool isOutgoing, ILookup<Type, BehaviourItem> added, HashSet<BehaviourItem> removed)
    {
        var kept = entries.Where(entry => !removed.Contains(itemOf(entry))).ToList();
        var known = kept.Select(itemOf).ToHashSet();
        return
        [
            .. kept,
            .. added[typeof(NetworkItem)].Cast<NetworkItem>()
                .Where(item => item.IsOutgoing == isOutgoing && !known.Contains(item))
                .Select(item => new NetworkEntry(item.Protocol, item.Port, item.Address, ChangedAt)),
        ];
    }
}

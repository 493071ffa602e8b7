using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads;

/// <summary>
/// Behaviour as a set that only grows: adding is union, so the order and number of additions do not matter. The time of an entry is the
/// earliest it was seen, the flags of a file are the union of all its opens.
/// </summary>
/// <param name="maxEntriesPerKind">
/// Further entries of a kind are refused and counted in <see cref="Refused"/>; which ones then depends on the order they came in.
/// </param>
internal sealed class BehaviourSet(int maxEntriesPerKind)
{
    // What profiles can name; other bits would be lost in storage and make an entry look new after each restart.
    private static readonly uint NamedFlags = OpenFlags.Parse(OpenFlags.Names(uint.MaxValue));

    private readonly Dictionary<ExecItem, DateTimeOffset> _execs = [];
    private readonly Dictionary<string, (uint Flags, DateTimeOffset FirstSeen)> _opens = new(StringComparer.Ordinal);

    /// <summary>Additions that found their kind full, repeats included.</summary>
    public long Refused { get; private set; }

    /// <returns>True when the set has changed.</returns>
    public bool Add(BehaviourItem item, DateTimeOffset seenAt) => item switch
    {
        ExecItem exec => AddExec(exec, seenAt),
        OpenItem open => AddOpen(open.Path, open.Flags & NamedFlags, seenAt),
        _ => throw new ArgumentException($"A profile cannot hold {item.GetType().Name}; this node's sensor is newer than this silo.", nameof(item)),
    };

    /// <summary>Adds stored entries.</summary>
    /// <returns>True when the set has changed.</returns>
    public bool Add(ContainerProfile profile)
    {
        var changed = false;
        foreach (var exec in profile.Execs)
        {
            changed |= AddExec(new ExecItem(exec.Path, exec.Executable, new ArgumentList(exec.Args)), exec.FirstSeen);
        }

        foreach (var open in profile.Opens)
        {
            changed |= AddOpen(open.Path, OpenFlags.Parse(open.Flags), open.FirstSeen);
        }

        return changed;
    }

    /// <summary>The programs in a stable order.</summary>
    public ExecEntry[] Execs() =>
    [
        .. _execs
            .OrderBy(static entry => entry.Key.Path, StringComparer.Ordinal)
            .ThenBy(static entry => entry.Key.Executable, StringComparer.Ordinal)
            .ThenBy(static entry => entry.Key.Arguments.Values, ArgumentOrder.Instance)
            .Select(static entry => new ExecEntry(entry.Key.Path, entry.Key.Executable, entry.Key.Arguments.Values.ToArray(), entry.Value)),
    ];

    /// <summary>The files in a stable order.</summary>
    public OpenEntry[] Opens() =>
    [
        .. _opens
            .OrderBy(static entry => entry.Key, StringComparer.Ordinal)
            .Select(static entry => new OpenEntry(entry.Key, OpenFlags.Names(entry.Value.Flags), entry.Value.FirstSeen)),
    ];

    private bool AddExec(ExecItem exec, DateTimeOffset seenAt)
    {
        if (_execs.TryGetValue(exec, out var firstSeen) ? firstSeen <= seenAt : !HasRoom(_execs.Count))
        {
            return false;
        }

        _execs[exec] = seenAt;
        return true;
    }

    private bool AddOpen(string path, uint flags, DateTimeOffset seenAt)
    {
        if (!_opens.TryGetValue(path, out var known))
        {
            if (!HasRoom(_opens.Count))
            {
                return false;
            }

            known = (flags, seenAt);
        }
        else if ((flags & ~known.Flags) == 0 && known.FirstSeen <= seenAt)
        {
            return false;
        }

        _opens[path] = (known.Flags | flags, seenAt < known.FirstSeen ? seenAt : known.FirstSeen);
        return true;
    }

    private bool HasRoom(int count)
    {
        if (count < maxEntriesPerKind)
        {
            return true;
        }

        Refused++;
        return false;
    }

    private sealed class ArgumentOrder : IComparer<IReadOnlyList<string>>
    {
        public static readonly ArgumentOrder Instance = new();

        public int Compare(IReadOnlyList<string>? x, IReadOnlyList<string>? y)
        {
            for (var i = 0; i < Math.Min(x!.Count, y!.Count); i++)
            {
                if (string.CompareOrdinal(x[i], y[i]) is var order and not 0)
                {
                    return order;
                }
            }

            return x!.Count.CompareTo(y!.Count);
        }
    }
}

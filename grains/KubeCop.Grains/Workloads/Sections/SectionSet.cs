using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads.Sections;

/// <summary>One section of a profile as a set that only grows: see <see cref="BehaviourSet"/>.</summary>
internal abstract class SectionSet
{
    /// <summary>Additions that found it full, repeats included.</summary>
    public long Refused { get; protected set; }

    /// <summary>What it holds: a sealed kind of <see cref="BehaviourItem"/>.</summary>
    public abstract Type ItemType { get; }

    /// <returns>True when the set has changed.</returns>
    public abstract bool Add(BehaviourItem item, Sighting seen);

    /// <summary>Adds what a profile has in this section.</summary>
    /// <returns>True when the set has changed.</returns>
    public abstract bool Add(ContainerProfile profile);

    /// <summary>The profile with this section filled, in a stable order.</summary>
    public abstract ContainerProfile WriteTo(ContainerProfile profile);
}

/// <typeparam name="TItem">What it holds.</typeparam>
/// <typeparam name="TKey">What makes an entry.</typeparam>
/// <typeparam name="TDetail">What is united in an entry.</typeparam>
internal abstract class SectionSet<TItem, TKey, TDetail>(int maxEntries) : SectionSet
    where TItem : BehaviourItem
    where TKey : notnull
{
    private readonly Dictionary<TKey, (TDetail Detail, Sighting Seen)> _entries = [];

    protected int MaxEntries { get; } = maxEntries;

    public sealed override Type ItemType => typeof(TItem);

    public sealed override bool Add(BehaviourItem item, Sighting seen)
    {
        var (key, detail) = Split((TItem)item);
        if (!_entries.TryGetValue(key, out var known))
        {
            if (IsCovered(key, detail))
            {
                return false;
            }

            if (_entries.Count >= MaxEntries)
            {
                if (!MakeRoom(_entries))
                {
                    Refused++;
                    return false;
                }

                if (IsCovered(key, detail))
                {
                    return true;
                }
            }

            _entries.Add(key, (detail, seen));
            return true;
        }

        var united = Unite(known.Detail, detail);
        var unitedSeen = known.Seen.Unite(seen);
        if (EqualityComparer<TDetail>.Default.Equals(united, known.Detail) && unitedSeen == known.Seen)
        {
            return false;
        }

        _entries[key] = (united, unitedSeen);
        return true;
    }

    public override bool Add(ContainerProfile profile)
    {
        var changed = false;
        foreach (var (item, seen) in Read(profile))
        {
            changed |= Add(item, seen);
        }

        return changed;
    }

    public sealed override ContainerProfile WriteTo(ContainerProfile profile) =>
        Write(profile, _entries.Select(static entry => (entry.Key, entry.Value.Detail, entry.Value.Seen)));

    protected abstract (TKey Key, TDetail Detail) Split(TItem item);

    /// <summary>Whether something that is kept elsewhere than in the entries makes an entry of this needless.</summary>
    protected virtual bool IsCovered(TKey key, TDetail detail) => false;

    /// <summary>Called when there is no room for another entry.</summary>
    /// <returns>Whether there is now.</returns>
    protected virtual bool MakeRoom(Dictionary<TKey, (TDetail Detail, Sighting Seen)> entries) => false;

    /// <summary>Commutative, associative, and equal to <paramref name="known"/> when there is nothing new.</summary>
    protected abstract TDetail Unite(TDetail known, TDetail added);

    protected abstract IEnumerable<(TItem Item, Sighting Seen)> Read(ContainerProfile profile);

    /// <summary>Lists are arrays: see <see cref="WorkloadState"/>.</summary>
    protected abstract ContainerProfile Write(ContainerProfile profile, IEnumerable<(TKey Key, TDetail Detail, Sighting Seen)> entries);
}

/// <summary>A section whose entries have nothing to unite: an item is an entry.</summary>
internal abstract class SectionSet<TItem>(int maxEntries) : SectionSet<TItem, TItem, ValueTuple>(maxEntries)
    where TItem : BehaviourItem
{
    protected sealed override (TItem Key, ValueTuple Detail) Split(TItem item) => (item, default);

    protected sealed override ValueTuple Unite(ValueTuple known, ValueTuple added) => default;
}

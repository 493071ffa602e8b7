using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KubeCop.Core.Rules.Matching;

/// <summary>
/// The values that were added or found last: one more than there is room for takes the place of the one unused for longest. Allocates
/// nothing once it has grown. Not thread safe.
/// </summary>
/// <typeparam name="T">Of the values.</typeparam>
/// <param name="capacity">The most values.</param>
internal sealed class RecentSet<T>(int capacity)
    where T : notnull
{
    private readonly Dictionary<T, int> _places = [];
    private readonly List<Entry> _entries = [];

    // The entry used last, and the one unused for longest: ends of a list through the entries.
    private int _newest = -1;
    private int _oldest = -1;

    public int Count => _places.Count;

    /// <returns>True when it was not there.</returns>
    public bool Add(T value)
    {
        ref var place = ref CollectionsMarshal.GetValueRefOrAddDefault(_places, value, out var isKnown);
        if (isKnown)
        {
            Use(place);
            return false;
        }

        if (_entries.Count < capacity)
        {
            place = _entries.Count;
            _entries.Add(new Entry { Value = value });
        }
        else
        {
            place = _oldest;
            ref var entry = ref At(place);
            var given = entry.Value;
            entry.Value = value;
            Unlink(place);
            LinkAsNewest(place);
            _places.Remove(given);
            return true;
        }

        LinkAsNewest(place);
        return true;
    }

    /// <summary>Whether it is there; if so, it counts as used.</summary>
    public bool Contains(T value)
    {
        if (!_places.TryGetValue(value, out var place))
        {
            return false;
        }

        Use(place);
        return true;
    }

    private void Use(int place)
    {
        if (place != _newest)
        {
            Unlink(place);
            LinkAsNewest(place);
        }
    }

    private void LinkAsNewest(int place)
    {
        ref var entry = ref At(place);
        (entry.Newer, entry.Older) = (-1, _newest);
        if (_newest >= 0)
        {
            At(_newest).Newer = place;
        }
        else
        {
            _oldest = place;
        }

        _newest = place;
    }

    private void Unlink(int place)
    {
        var entry = At(place);
        if (entry.Newer >= 0)
        {
            At(entry.Newer).Older = entry.Older;
        }
        else
        {
            _newest = entry.Older;
        }

        if (entry.Older >= 0)
        {
            At(entry.Older).Newer = entry.Newer;
        }
        else
        {
            _oldest = entry.Newer;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref Entry At(int place) => ref CollectionsMarshal.AsSpan(_entries)[place];

    private struct Entry
    {
        public T Value;
        public int Newer;
        public int Older;
    }
}

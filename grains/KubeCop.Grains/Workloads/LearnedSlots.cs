using System.Collections;
using System.Diagnostics.CodeAnalysis;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads;

/// <summary>The slots of one workload, their versions, and what is still to be told of them.</summary>
internal sealed class LearnedSlots : IReadOnlyCollection<LearnedSlot>
{
    private readonly Dictionary<ProfileSlot, LearnedSlot> _slots = [];
    private readonly HashSet<LearnedSlot> _announced = [];
    private readonly List<ContainerProfile> _gone = [];
    private readonly Dictionary<string, ProfileOverlay> _overlays = new(StringComparer.Ordinal);
    private long _version;

    public int Count => _slots.Count;

    /// <summary>Grows with everything that has to be stored.</summary>
    public long Changes { get; private set; }

    /// <summary>What people have changed, of each container's name.</summary>
    public IReadOnlyCollection<ProfileOverlay> Overlays => _overlays.Values;

    public bool Contains(ProfileSlot key) => _slots.ContainsKey(key);

    public bool TryGet(ProfileSlot key, [NotNullWhen(true)] out LearnedSlot? slot) => _slots.TryGetValue(key, out slot);

    public LearnedSlot? Find(ProfileSlot key) => _slots.GetValueOrDefault(key);

    /// <summary>Adds one, instead of what may be there under its key.</summary>
    public void Insert(LearnedSlot slot)
    {
        _slots[slot.Slot] = slot;
        slot.Overlay = _overlays.GetValueOrDefault(slot.Slot.ContainerName);
        _version = Math.Max(_version, slot.Version);
    }

    public ProfileOverlay? OverlayOf(string containerName) => _overlays.GetValueOrDefault(containerName);

    /// <summary>Has all slots of a container's name show what people have changed.</summary>
    public void Lay(ProfileOverlay overlay, DateTimeOffset now)
    {
        if (overlay.IsEmpty)
        {
            _overlays.Remove(overlay.ContainerName);
        }
        else
        {
            _overlays[overlay.ContainerName] = overlay;
        }

        Changes++;
        foreach (var slot in _slots.Values.Where(slot => slot.Slot.ContainerName == overlay.ContainerName))
        {
            slot.Overlay = _overlays.GetValueOrDefault(overlay.ContainerName);
            Changed(slot, now);
            Announce(slot);
        }
    }

    /// <summary>Something else than a slot's profile has to be stored.</summary>
    public void Changed() => Changes++;

    /// <summary>A slot's profile has changed: it gets a new version. One that does not learn any more is announced.</summary>
    // One sequence for all slots, so that versions compare when a slot yields to another, and tied to the clock, so that after a crash no
    // number is used again that a cache may hold for content that was never stored.
    public void Changed(LearnedSlot slot, DateTimeOffset now)
    {
        slot.Touch(TakeVersion(now));
        Changes++;
        if (!slot.IsLearning)
        {
            _announced.Add(slot);
        }
    }

    /// <summary>A version that nobody else gets.</summary>
    public long TakeVersion(DateTimeOffset now) => _version = NextVersion(now);

    /// <summary>Containers must know how a slot is now.</summary>
    public void Announce(LearnedSlot slot) => _announced.Add(slot);

    /// <summary>Profiles that changed in a way containers must know, since the last call.</summary>
    public IReadOnlyList<ContainerProfile> TakeAnnouncements()
    {
        if (_announced.Count == 0 && _gone.Count == 0)
        {
            return [];
        }

        var profiles = _gone.Concat(_announced.Select(static slot => slot.Profile)).ToArray();
        _announced.Clear();
        _gone.Clear();
        return profiles;
    }

    /// <summary>Removes a slot; whoever still goes by it is told, with a version of its own.</summary>
    public void Forget(LearnedSlot slot, int generation, DateTimeOffset now)
    {
        _slots.Remove(slot.Slot);
        _announced.Remove(slot);
        var gone = Gone(slot.Slot, generation, now);
        _version = gone.Version;
        _gone.Add(gone);
        Changes++;
    }

    /// <summary>What a slot's containers are told when it is not there any more.</summary>
    public ContainerProfile Gone(ProfileSlot key, int generation, DateTimeOffset now) =>
        Empty(key, ProfileState.Gone, DateTimeOffset.MinValue, NextVersion(now)) with { Generation = generation };

    public static ContainerProfile Empty(ProfileSlot slot, ProfileState state, DateTimeOffset completesAt, long version) => new()
    {
        Name = slot.ContainerName,
        Revision = slot.Revision,
        State = state,
        Version = version,
        Generation = 0,
        LearningStartedAt = completesAt,
        CompletesAt = completesAt,
        Execs = [],
        Opens = [],
        IsPartial = slot.Partial,
        Sections = ProfileSections.All,
    };

    /// <summary>Gives each container its place in the profile.</summary>
    public void Arrange(DateTimeOffset now)
    {
        var names = _slots.Keys.Select(static key => key.ContainerName).Distinct().Order(StringComparer.Ordinal).ToList();
        foreach (var slot in _slots.Values)
        {
            if (names.IndexOf(slot.Slot.ContainerName) is var index && index != slot.Index)
            {
                slot.Index = index;
                Changed(slot, now);
            }
        }
    }

    public IEnumerator<LearnedSlot> GetEnumerator() => _slots.Values.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private long NextVersion(DateTimeOffset now) => Math.Max(_version + 1, now.ToUnixTimeMilliseconds());
}

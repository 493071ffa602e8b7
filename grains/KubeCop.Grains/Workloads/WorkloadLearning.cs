using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Workloads;

namespace KubeCop.Grains.Workloads;

/// <summary>
/// The learning of one workload: which slots there are, what is in them, when they are complete. It does no I/O and reads no clock;
/// its grain stores it and tells it the time.
/// </summary>
internal sealed class WorkloadLearning(WorkloadKey workload, LearningOptions options)
{
    /// <summary>
    /// A profile becomes final this long after its learning time, so that what was observed just before the end and is still on its way
    /// is in it. Containers keep later events until then and judge them.
    /// </summary>
    public static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Nothing completes for this long after state was loaded: containers that continue after a restart have to report the time nobody
    /// watched first.
    /// </summary>
    public static readonly TimeSpan Reunion = TimeSpan.FromSeconds(5);

    /// <summary>How much later than its first container a slot may have begun, at the most: as long as registering takes.</summary>
    private static readonly TimeSpan RegistrationDelay = TimeSpan.FromMinutes(1);

    /// <summary>
    /// A revision is unused when no silo has asked for its profile for this long: many times the period at which each silo compares the
    /// profiles its containers have.
    /// </summary>
    public static readonly TimeSpan UnusedAfter = TimeSpan.FromMinutes(10);

    /// <summary>Somebody asked for a slot's profile in this time, as each silo does that has a container of it (30 s).</summary>
    private static readonly TimeSpan InUse = TimeSpan.FromMinutes(2);

    private readonly LearnedSlots _slots = new();
    private int _generation = 1;
    private DateTimeOffset? _relearnedAt;
    private DateTimeOffset _completeFrom = DateTimeOffset.MinValue;
    private WorkloadObject? _object;
    private string? _disownedUid;
    private bool _hasAllowed;
    private int _idleDays;

    /// <summary>Of what is learned now: one more each time that everything is learned anew.</summary>
    public int Generation => _generation;

    /// <summary>Grows with everything that has to be stored.</summary>
    public long Changes => _slots.Changes;

    /// <summary>Entries refused because a profile was full, since the grain was activated.</summary>
    public long Refused => _slots.Sum(static slot => slot.Refused);

    /// <summary>When <see cref="Complete(DateTimeOffset)"/> has something to do next.</summary>
    public DateTimeOffset? NextCompletion =>
        _slots.Where(static slot => slot.IsLearning).Min(slot => (DateTimeOffset?)DueAt(slot));

    /// <summary>What is known of the object that shows it; null until somebody has looked for it.</summary>
    public MirrorState? Mirror
    {
        get;
        set
        {
            field = value;
            _slots.Changed();
        }
    }

    /// <summary>Whether anything is learned to the end, or was given. What only guards while all is learned anew is not.</summary>
    public bool IsGuarding => _slots.Any(static slot => slot.IsGuarding && slot.Slot.Revision != ProfileSlot.FormerRevision);

    /// <summary>Nothing is known of it.</summary>
    public bool IsEmpty => _slots.Count == 0 && _slots.Overlays.Count == 0;

    /// <summary>Nothing is known of it because nobody needed it any more.</summary>
    public bool IsForgotten { get; private set; }

    /// <summary>No container of it was there for <see cref="LearningOptions.ForgetAfter"/>, and nothing of it was made by people.</summary>
    public bool IsUnneeded =>
        options.ForgetAfter > TimeSpan.Zero && _idleDays >= MostIdleDays && !_hasAllowed
        && _slots.Overlays.Count == 0 && !_slots.Any(static slot => slot.Slot.Revision == ProfileSlot.GivenRevision);

    /// <summary>One more than whole days: the first may have begun a moment before.</summary>
    private int MostIdleDays => (int)Math.Ceiling(options.ForgetAfter.TotalDays) + 1;

    public void Load(WorkloadState state, DateTimeOffset now)
    {
        (_generation, _relearnedAt, Mirror, _object) = (state.Generation, state.RelearnedAt, state.Mirror, state.Object);
        (_disownedUid, _hasAllowed, _idleDays) = (state.DisownedUid, state.HasAllowed, state.IdleDays);
        foreach (var overlay in state.Overlays)
        {
            _slots.Lay(overlay, now);
        }

        foreach (var stored in state.Slots)
        {
            var slot = new LearnedSlot(stored, now, options);
            _slots.Insert(slot);
            if (slot.IsLearning && slot.Profile.LearningStartedAt is var startedAt && startedAt > now)
            {
                // The clock was set back meanwhile, or the machine has none that outlives its power: learning must not wait for that time.
                slot.ClockSet(now - startedAt);
                _slots.Changed(slot, now);
            }
        }

        _slots.Arrange(now);
        AppointGuards(now);
        _completeFrom = now + Reunion;
    }

    /// <summary>Finds or starts the slot a container adds to. A container that was added to a running pod is no part of the workload and adds nothing.</summary>
    public ProfileAssignment Register(ContainerDescription container, DateTimeOffset now)
    {
        IsForgotten = false;
        IsThere();
        if (container.Type == ContainerType.Ephemeral)
        {
            return LearnedSlot.AssignmentOf(FindUnlisted(container.Name) ?? Unlisted(container.Name, ProfileState.Learning, now + options.Period, version: 0));
        }

        if (container.WorkloadObject is { } known && known != _object && known.Uid != _disownedUid)
        {
            _object = known;
            _slots.Changed();
        }

        var key = SlotFor(container);
        if (!_slots.TryGet(key, out var slot))
        {
            CollectUnused(now);
            MakeRoom(now);
            slot = new LearnedSlot(key, _generation, now, options);
            _slots.Insert(slot);
            _slots.Changed(slot, now);
            _slots.Arrange(now);
            if (_generation > 1)
            {
                // Caches may have it as gone.
                _slots.Announce(slot);
            }
        }

        if (slot.Register(container.Id, now))
        {
            _slots.Changed();
        }

        AppointGuards(now);

        if (container is { Origin: ContainerOrigin.Continued, Gap: { } gap } && slot.Extend(gap))
        {
            _slots.Changed(slot, now);
            _slots.Announce(slot);
        }

        return slot.Assignment;
    }

    /// <summary>Unites a delta with its slot.</summary>
    public DeltaOutcome Merge(ProfileDelta delta, DateTimeOffset now)
    {
        if (!_slots.TryGet(delta.Slot, out var slot) || delta.Generation < slot.Generation)
        {
            return DeltaOutcome.Discarded;
        }

        var (wanted, changed, undecided) = (false, false, false);
        foreach (var (item, observedAt) in delta.Items)
        {
            if (observedAt < slot.AcceptsUntil)
            {
                wanted = true;
                changed |= slot.Add(item, observedAt, delta.Replicas);
            }
            else
            {
                // A gap that becomes known before the end moves the end.
                undecided |= slot.IsLearning;
            }
        }

        if (delta.Lost > 0 && slot.IsLearning && !undecided)
        {
            // A delta that is sent twice counts its loss twice: too many is the safe side of a warning.
            slot.AddLost(delta.Lost);
            (wanted, changed) = (true, true);
        }

        if (changed)
        {
            _slots.Changed(slot, now);
        }

        return undecided ? DeltaOutcome.Undecided : wanted ? DeltaOutcome.Stored : DeltaOutcome.Discarded;
    }

    /// <summary>Adds what the user allows to every slot of a container name.</summary>
    public AllowOutcome Allow(string containerName, IReadOnlyList<BehaviourItem> items, DateTimeOffset now)
    {
        var outcome = AllowOutcome.UnknownContainer;
        foreach (var slot in _slots.Where(slot => slot.Slot.ContainerName == containerName))
        {
            var (changed, refused) = (false, slot.Refused);
            foreach (var item in items)
            {
                changed |= slot.Add(item, now);
            }

            outcome = slot.Refused > refused ? AllowOutcome.Full : outcome == AllowOutcome.Full ? outcome : AllowOutcome.Allowed;
            if (changed)
            {
                _hasAllowed = true;
                _slots.Changed(slot, now);
                _slots.Announce(slot);
            }
        }

        return outcome;
    }

    /// <summary>Puts profiles that somebody gives in force; see <see cref="IWorkloadGrain.ImportAsync"/>. One given before is replaced.</summary>
    public void Import(IReadOnlyList<ContainerProfile> containers, DateTimeOffset now)
    {
        var withdrawn = _slots
            .Where(slot => slot.Slot.Revision == ProfileSlot.GivenRevision && containers.All(profile => profile.Name != slot.Slot.ContainerName))
            .ToList();
        foreach (var given in withdrawn)
        {
            _slots.Forget(given, _generation, now);
            foreach (var slot in _slots.Where(slot => slot.Slot.ContainerName == given.Slot.ContainerName))
            {
                // Newer than that the given one is gone: it is in force again.
                _slots.Changed(slot, now);
                _slots.Announce(slot);
            }
        }

        foreach (var profile in containers)
        {
            MakeRoom(now);
            var state = new SlotState { Profile = profile with { Generation = _generation }, Period = options.Period, RegisteredAt = now, Containers = [] };
            var slot = new LearnedSlot(state, now, options);
            _slots.Insert(slot);
            _slots.Changed(slot, now);
        }

        _slots.Arrange(now);
        AppointGuards(now);
    }

    /// <summary>Forgets everything and learns anew; see <see cref="IWorkloadGrain.RelearnAsync"/>.</summary>
    /// <returns>False when nothing is known.</returns>
    public bool Relearn(DateTimeOffset now)
    {
        if (_slots.Count == 0)
        {
            return false;
        }

        var former = _slots
            .Where(static slot => slot is { State: ProfileState.Final, Slot: { Partial: false, Revision: not ProfileSlot.GivenRevision } })
            .GroupBy(static slot => slot.Slot.ContainerName, StringComparer.Ordinal)
            .Select(static container => container.MaxBy(static slot => slot.RegisteredAt)!.ToState())
            .ToList();
        (_generation, _relearnedAt) = (_generation + 1, now);
        foreach (var slot in _slots.ToList())
        {
            _slots.Forget(slot, _generation, now);
        }

        foreach (var state in former)
        {
            var profile = state.Profile with { Revision = ProfileSlot.FormerRevision, Generation = _generation, GuardedBy = null };
            var slot = new LearnedSlot(state with { Profile = profile, Containers = [] }, now, options);
            _slots.Insert(slot);
            _slots.Changed(slot, now);
        }

        return true;
    }

    /// <summary>Takes what somebody has changed of a container's profile.</summary>
    public void Overlay(string containerName, IReadOnlyCollection<BehaviourItem> added, IReadOnlyCollection<BehaviourItem> removed, DateTimeOffset now) =>
        _slots.Lay((_slots.OverlayOf(containerName) ?? new ProfileOverlay(containerName, [], [], now)).With(added, removed, now), now);

    /// <summary>
    /// Somebody has deleted what is shown, or it was deleted with the workload: everything is forgotten, changes of people too. While it is in
    /// use, it is learned anew.
    /// </summary>
    public void Deleted(DateTimeOffset now)
    {
        foreach (var overlay in _slots.Overlays.ToList())
        {
            _slots.Lay(overlay with { Added = [], Removed = [] }, now);
        }

        if (_slots.Any(slot => now - slot.UsedAt < InUse))
        {
            Relearn(now);
            return;
        }

        (_generation, _relearnedAt) = (_generation + 1, now);
        foreach (var slot in _slots.ToList())
        {
            _slots.Forget(slot, _generation, now);
        }
    }

    /// <summary>A day is over. Days are counted rather than compared, so that a clock that was wrong for a while makes nothing old.</summary>
    public void EndDay()
    {
        if (options.ForgetAfter > TimeSpan.Zero && _idleDays < MostIdleDays)
        {
            _idleDays++;
            _slots.Changed();
        }
    }

    /// <summary>The profile's object is not to be deleted with this one.</summary>
    public void Disown(string uid)
    {
        (_disownedUid, _object) = (uid, _object?.Uid == uid ? null : _object);
        _slots.Changed();
    }

    /// <summary>Forgets everything, as if there had never been anything.</summary>
    public void Forget(DateTimeOffset now)
    {
        foreach (var slot in _slots.ToList())
        {
            _slots.Forget(slot, _generation, now);
        }

        (Mirror, _object, _disownedUid, _idleDays, IsForgotten) = (null, null, null, 0, true);
    }

    /// <summary>Takes profiles that were learned once and are lost here, each as the revision it was of.</summary>
    /// <returns>False when something guards here, or nothing there was complete.</returns>
    public bool Restore(MirroredProfile found, DateTimeOffset now)
    {
        if (IsGuarding)
        {
            return false;
        }

        // Containers may have registered meanwhile, and learn what was known already.
        foreach (var profile in found.Containers)
        {
            var revision = found.Revisions.Where(revision => revision.Container == profile.Name && revision.State == ProfileState.Final).MaxBy(static revision => revision.CompletesAt);
            if (revision is not null)
            {
                var restored = profile with
                {
                    Revision = revision.Revision,
                    State = ProfileState.Final,
                    Generation = _generation,
                    LearningStartedAt = revision.CompletesAt - options.Period,
                    CompletesAt = revision.CompletesAt,
                };
                var slot = new LearnedSlot(new SlotState { Profile = restored, Period = options.Period, RegisteredAt = now, Containers = [] }, now, options);
                _slots.Insert(slot);
                _slots.Changed(slot, now);
            }
        }

        _slots.Arrange(now);
        AppointGuards(now);
        return IsGuarding;
    }

    /// <inheritdoc cref="LearnedSlots.Gone"/>
    public ContainerProfile Gone(ProfileSlot key, DateTimeOffset now) => _slots.Gone(key, _generation, now);

    /// <summary>The clock was set: learning still takes as long as it was to take.</summary>
    /// <returns>False when nothing is being learned.</returns>
    public bool ClockSet(TimeSpan step, DateTimeOffset now)
    {
        if (_completeFrom > DateTimeOffset.MinValue)
        {
            _completeFrom += step;
        }

        if (_relearnedAt is not null)
        {
            _relearnedAt += step;
            _slots.Changed();
        }

        var learning = _slots.Where(static slot => slot.IsLearning).ToList();
        foreach (var slot in learning)
        {
            slot.ClockSet(step);
            _slots.Changed(slot, now);
            _slots.Announce(slot);
        }

        return learning.Count > 0;
    }

    /// <summary>The slots whose time to be complete has come, each with the version it has then. Nothing changes before <see cref="Complete(IReadOnlyList{Completion}, DateTimeOffset)"/>.</summary>
    public IReadOnlyList<Completion> Due(DateTimeOffset now) =>
        [.. _slots.Where(slot => slot.IsLearning && now >= DueAt(slot)).Select(slot => new Completion(slot, slot.Version, _slots.TakeVersion(now)))];

    /// <summary>Ends the learning of slots whose time had come, of those that are still there.</summary>
    public void Complete(IReadOnlyList<Completion> due, DateTimeOffset now)
    {
        foreach (var (slot, before, version) in due.Where(due => due.Slot.IsLearning && _slots.Find(due.Slot.Slot) == due.Slot))
        {
            slot.Complete();
            if (slot.Version == before)
            {
                // As it was stored.
                slot.Touch(version);
                _slots.Announce(slot);
            }
            else
            {
                _slots.Changed(slot, now);
            }
        }

        AppointGuards(now);
    }

    /// <summary>Ends the learning of slots whose time has come.</summary>
    public void Complete(DateTimeOffset now) => Complete(Due(now), now);

    /// <summary>The profile that guards, or will guard, the containers of a slot; null when there is none.</summary>
    public ContainerProfile? Find(ProfileSlot key) =>
        key == ProfileSlot.Unlisted(key.ContainerName) ? FindUnlisted(key.ContainerName) : _slots.Find(Yielded(key))?.Profile;

    /// <summary>A silo has containers that are guarded by, or add to, a slot.</summary>
    public void Use(ProfileSlot key, DateTimeOffset now)
    {
        IsThere();
        if (_slots.TryGet(Yielded(key), out var slot))
        {
            slot.UsedAt = now;
        }
    }

    /// <inheritdoc cref="LearnedSlots.TakeAnnouncements"/>
    public IReadOnlyList<ContainerProfile> TakeAnnouncements() => _slots.TakeAnnouncements();

    /// <summary>The whole as people see it: for each container name its newest revision; null before the first registration.</summary>
    public ApplicationProfile? ToProfile(DateTimeOffset now) => ToProfile(now, static group =>
    {
        var revision = group.MaxBy(static slot => (slot.Slot.Revision == ProfileSlot.GivenRevision, slot.RegisteredAt))!.Slot.Revision;
        return group.Where(slot => slot.Slot.Revision == revision).MinBy(static slot => slot.Slot.Partial);
    });

    /// <summary>
    /// The whole as it is shown: for each container name what guards it, be it given, learned from a start, or from what ran already; while
    /// nothing does, what is learned. Null when there is nothing.
    /// </summary>
    public ShownProfile? Shown(DateTimeOffset now)
    {
        var profile = ToProfile(now, static group => group
            .Where(static slot => slot.Slot.Revision != ProfileSlot.FormerRevision)
            .MaxBy(static slot => (slot.Slot.Revision == ProfileSlot.GivenRevision, slot.State == ProfileState.Final, slot.State == ProfileState.Partial, slot.RegisteredAt)));
        return profile is null ? null : new ShownProfile(
            profile,
            [.. _slots
                .Where(static slot => slot.Slot.Revision != ProfileSlot.FormerRevision)
                .OrderBy(static slot => (slot.Slot.ContainerName, slot.RegisteredAt, slot.Slot.Revision))
                .Select(static slot => new ShownRevision(slot.Slot.ContainerName, slot.Slot.Revision, slot.State, slot.CompletesAt))],
            _object);
    }

    private ApplicationProfile? ToProfile(DateTimeOffset now, Func<IGrouping<string, LearnedSlot>, LearnedSlot?> choose)
    {
        var slots = _slots
            .GroupBy(static slot => slot.Slot.ContainerName, StringComparer.Ordinal)
            .OrderBy(static group => group.Key, StringComparer.Ordinal)
            .Select(choose)
            .OfType<LearnedSlot>()
            .ToList();
        if (slots.Count == 0)
        {
            return null;
        }

        var share = ProfileSize.Share(slots.Select(static slot => ProfileSize.Of(slot.Profile)), options.MaxProfileBytes);
        var shown = slots.Select(slot => slot.ProfileWithin(share)).ToArray();

        var learning = shown.Where(static profile => profile.State == ProfileState.Learning).ToArray();
        return new ApplicationProfile
        {
            Name = workload.ProfileName,
            Namespace = workload.Namespace,
            Workload = workload,
            State = learning.Length > 0 ? ProfileState.Learning : shown.Max(static profile => profile.State),
            RemainingSeconds = learning.Length > 0 ? RemainingSeconds(learning.Max(static profile => profile.CompletesAt), now) : 0,
            Revision = shown.MaxBy(static profile => profile.LearningStartedAt)!.Revision,
            Containers = shown,
        };
    }

    /// <param name="due">Those that are complete in it.</param>
    public WorkloadState ToState(IReadOnlyList<Completion>? due = null) => new()
    {
        Slots = _slots.Select(slot => due?.FirstOrDefault(due => due.Slot == slot) is { Version: var version } ? slot.ToCompleteState(version) : slot.ToState()).ToArray(),
        Generation = _generation,
        RelearnedAt = _relearnedAt,
        Overlays = _slots.Overlays.ToArray(),
        Mirror = Mirror,
        Object = _object,
        DisownedUid = _disownedUid,
        HasAllowed = _hasAllowed,
        IdleDays = _idleDays,
    };

    /// <summary>
    /// Unites with what another activation has stored meanwhile (the grain directory lets two live for a moment when silos come and go).
    /// Every slot gets a new version, because one number may stand for two contents now.
    /// </summary>
    public void Unite(WorkloadState stored, DateTimeOffset now)
    {
        if (stored.Generation > _generation)
        {
            // What is here was forgotten there.
            (_generation, _relearnedAt) = (stored.Generation, stored.RelearnedAt);
            foreach (var slot in _slots.Where(slot => slot.Generation < stored.Generation).ToList())
            {
                _slots.Forget(slot, _generation, now);
            }
        }

        foreach (var overlay in stored.Overlays.Where(overlay => !(_slots.OverlayOf(overlay.ContainerName)?.ChangedAt >= overlay.ChangedAt)))
        {
            _slots.Lay(overlay, now);
        }

        (_disownedUid, _hasAllowed, _idleDays) = (_disownedUid ?? stored.DisownedUid, _hasAllowed || stored.HasAllowed, Math.Min(_idleDays, stored.IdleDays));

        // Which of the two looked last is not known: the next look tells.
        Mirror = stored.Mirror;
        foreach (var state in stored.Slots)
        {
            var other = new LearnedSlot(state, now, options);
            if (other.Generation < _generation)
            {
                continue;
            }

            if (_slots.TryGet(other.Slot, out var slot) && slot.Generation >= other.Generation)
            {
                if (slot.Generation == other.Generation)
                {
                    slot.Unite(other);
                }
            }
            else
            {
                _slots.Insert(other);
            }
        }

        foreach (var slot in _slots)
        {
            _slots.Changed(slot, now);
            _slots.Announce(slot);
        }

        _slots.Arrange(now);
        AppointGuards(now);
    }

    public static long RemainingSeconds(DateTimeOffset completesAt, DateTimeOffset now) =>
        Math.Max(0, (long)Math.Ceiling((completesAt - now).TotalSeconds));

    /// <summary>
    /// The profile for a container of no revision: the newest of its name, should there be one, else an empty one. It guards as soon as any
    /// profile of the workload does; until then the workload's own behaviour is not known either.
    /// </summary>
    private ContainerProfile? FindUnlisted(string name)
    {
        var guarding = _slots.Where(static slot => slot.IsGuarding).ToList();
        return guarding.Count > 0
            ? guarding.Where(slot => slot.Slot.ContainerName == name).MaxBy(static slot => slot.RegisteredAt)?.Profile
                ?? Unlisted(name, ProfileState.Final, DateTimeOffset.MinValue, guarding.Max(static slot => slot.Version))
            : _slots.Where(static slot => slot.IsLearning).MinBy(static slot => slot.CompletesAt) is { } first
                ? Unlisted(name, ProfileState.Learning, first.CompletesAt, _slots.Max(static slot => slot.Version))
                : null;
    }

    // Another generation, so that nothing it did while the workload was learning counts as known afterwards.
    private static ContainerProfile Unlisted(string name, ProfileState state, DateTimeOffset completesAt, long version) =>
        LearnedSlots.Empty(ProfileSlot.Unlisted(name), state, completesAt, version) with { Generation = state == ProfileState.Final ? 1 : 0 };

    private void IsThere()
    {
        if (_idleDays > 0)
        {
            _idleDays = 0;
            _slots.Changed();
        }
    }

    private DateTimeOffset DueAt(LearnedSlot slot) =>
        slot.CompletesAt + Settling is var due && due > _completeFrom ? due : _completeFrom;

    private ProfileSlot SlotFor(ContainerDescription container)
    {
        if (container.Origin == ContainerOrigin.Started && !(container.SeenAt < _relearnedAt))
        {
            return Yielded(new ProfileSlot(container.Name, container.Revision, Partial: false));
        }

        LearnedSlot? known = null;
        if (container.Origin == ContainerOrigin.Continued)
        {
            // One that could not register: its node saw it start, and has in its journal what it did.
            var ofRevision = _slots.Where(slot => slot.Slot.ContainerName == container.Name && slot.Slot.Revision == container.Revision).ToList();
            known = ofRevision.Find(slot => slot.Knows(container.Id))
                ?? ofRevision.Find(slot => slot is { IsLearning: true, Slot.Partial: false } && container.SeenAt >= slot.StartedAt - RegistrationDelay);
        }

        return Yielded(known?.Slot ?? new ProfileSlot(container.Name, container.Revision, Partial: true));
    }

    // What was learned from a start is complete, so it replaces what was pooled from containers already running.
    private ProfileSlot Yielded(ProfileSlot key) =>
        ProfileSlot.Given(key.ContainerName) is var given && _slots.Contains(given) ? given
        : key.Partial && key with { Partial = false } is var full && _slots.TryGet(full, out var slot) && !slot.IsLearning ? full : key;

    /// <summary>
    /// Tells each slot that learns who guards its containers meanwhile: the revision, learned from a start, that a container was last of.
    /// </summary>
    private void AppointGuards(DateTimeOffset now)
    {
        foreach (var slot in _slots)
        {
            var guard = !slot.IsLearning || Yielded(slot.Slot) != slot.Slot ? null : _slots
                .Where(other => other is { State: ProfileState.Final, Slot: { Partial: false, Revision: not ProfileSlot.GivenRevision } }
                    && other.Slot.ContainerName == slot.Slot.ContainerName)
                .MaxBy(static other => other.RegisteredAt)?.Slot;
            if (guard != slot.GuardedBy)
            {
                slot.GuardedBy = guard;
                _slots.Changed(slot, now);
                _slots.Announce(slot);
            }
        }
    }

    /// <summary>Forgets revisions that have long been replaced. What still learns is not among them: its containers may be between two runs.</summary>
    private void CollectUnused(DateTimeOffset now)
    {
        var unused = _slots
            .GroupBy(static slot => (slot.Slot.ContainerName, slot.Slot.Revision))
            .Where(revision => revision.All(slot => !slot.IsLearning && slot.Slot.Revision != ProfileSlot.GivenRevision && now - slot.UsedAt >= UnusedAfter))
            .GroupBy(static revision => revision.Key.ContainerName, StringComparer.Ordinal)
            .SelectMany(container => container.OrderByDescending(static revision => revision.Max(static slot => slot.RegisteredAt)).Skip(options.KeptRevisions))
            .SelectMany(static revision => revision)
            .ToList();
        foreach (var slot in unused)
        {
            _slots.Forget(slot, _generation, now);
        }
    }

    private void MakeRoom(DateTimeOffset now)
    {
        if (_slots.Count >= ProfileSlot.MostOfAWorkload)
        {
            _slots.Forget(_slots.MinBy(slot => (slot.Slot.Revision == ProfileSlot.GivenRevision, now - slot.UsedAt < UnusedAfter, slot.IsGuarding, slot.RegisteredAt))!, _generation, now);
        }
    }
}

/// <summary>The end of a slot's learning.</summary>
/// <param name="Before">The version it had before.</param>
/// <param name="Version">The version it has from then on.</param>
internal sealed record Completion(LearnedSlot Slot, long Before, long Version);

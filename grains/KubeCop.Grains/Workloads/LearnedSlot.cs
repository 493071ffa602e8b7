using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Workloads;

namespace KubeCop.Grains.Workloads;

/// <summary>One slot of a workload while its grain is active.</summary>
internal sealed class LearnedSlot
{
    /// <summary>Containers remembered for being continued; a workload with more replicas than this relearns the rest as partial after a restart.</summary>
    private const int MostContainers = 512;

    private readonly BehaviourSet _behaviour;
    private readonly List<string> _containers = [];
    private IReadOnlyList<ObservationGap> _gaps = [];

    // What was stored before a kind was learned does not become learned by going on: its beginning is missing.
    private ProfileSections _sections = ProfileSections.All;
    private readonly int _maxVariableNames;
    private readonly int _maxBytes;
    private long _refusedBefore;
    private readonly TimeSpan _period;
    private DateTimeOffset _startedAt;
    private DateTimeOffset _completedBeforeStep;
    private ContainerProfile? _profile;

    /// <summary>Starts learning.</summary>
    public LearnedSlot(ProfileSlot slot, int generation, DateTimeOffset now, LearningOptions options)
    {
        (Slot, Generation) = (slot, generation);
        _behaviour = new BehaviourSet(options.MaxEntriesPerKind, options.MaxVariableNames);
        (_maxVariableNames, _maxBytes) = (options.MaxVariableNames, options.MaxProfileBytes);
        _period = options.Period;
        _startedAt = RegisteredAt = UsedAt = now;
        CompletesAt = now + _period;
    }

    /// <summary>Continues from storage.</summary>
    public LearnedSlot(SlotState state, DateTimeOffset now, LearningOptions options)
    {
        var profile = state.Profile;
        Slot = SlotOf(profile);
        // What was stored under a larger limit is not thrown away.
        _behaviour = new BehaviourSet(Math.Max(options.MaxEntriesPerKind, LargestSection(profile)), options.MaxVariableNames);
        _behaviour.Add(profile);
        (_maxVariableNames, _maxBytes) = (options.MaxVariableNames, options.MaxProfileBytes);
        _refusedBefore = profile.Truncated;
        _containers.AddRange(state.Containers);
        _gaps = profile.Gaps;
        _sections = profile.Sections;
        _period = state.Period;
        _startedAt = profile.LearningStartedAt;
        (Generation, State, Version, Lost) = (profile.Generation, profile.State, profile.Version, profile.Lost);
        (CompletesAt, RegisteredAt, Index) = (profile.CompletesAt, state.RegisteredAt, profile.Index);
        (GuardedBy, UsedAt) = (profile.GuardedBy, now);
    }

    public ProfileSlot Slot { get; }

    public int Generation { get; }

    public ProfileState State { get; private set; } = ProfileState.Learning;

    /// <summary>When learning began.</summary>
    public DateTimeOffset StartedAt => _startedAt;

    public DateTimeOffset CompletesAt { get; private set; }

    /// <summary>What was observed before is learned. After a step back of the clock some of it is still on its way with times of before.</summary>
    public DateTimeOffset AcceptsUntil => Latest(CompletesAt, _completedBeforeStep);

    public DateTimeOffset RegisteredAt { get; private set; }

    /// <summary>When a silo last asked for it, as each does from time to time that runs a container of it. Not stored.</summary>
    public DateTimeOffset UsedAt { get; set; }

    /// <summary>What people have changed of its container's profile; null for nothing.</summary>
    public ProfileOverlay? Overlay { get; set; }

    /// <summary>See <see cref="ContainerProfile.GuardedBy"/>.</summary>
    public ProfileSlot? GuardedBy { get; set; }

    public long Version { get; private set; }

    public long Lost { get; private set; }

    /// <summary>The place of its container in the workload's profile.</summary>
    public int Index { get; set; }

    /// <summary>See <see cref="BehaviourSet.Refused"/>.</summary>
    public long Refused => _behaviour.Refused;

    public bool IsLearning => State == ProfileState.Learning;

    /// <summary>Somebody gave it: it allows what it says and no more.</summary>
    private bool IsGiven => Slot.Revision == ProfileSlot.GivenRevision;

    public bool IsGuarding => State is ProfileState.Final or ProfileState.Partial;

    /// <summary>The content as of <see cref="Version"/>, as others get it: with patterns for names that do not matter.</summary>
    public ContainerProfile Profile => _profile ??= Overlaid(IsGiven ? Stored : ProfileSize.Collapse(Stored, _maxVariableNames, _maxBytes));

    /// <summary>The same with each file by itself: a pattern is made of the whole set, whatever was known of it earlier.</summary>
    private ContainerProfile Stored => _behaviour.WriteTo(new ContainerProfile
    {
        Name = Slot.ContainerName,
        Revision = Slot.Revision,
        State = State,
        Version = Version,
        Generation = Generation,
        LearningStartedAt = _startedAt,
        CompletesAt = CompletesAt,
        Execs = [],
        Opens = [],
        Gaps = _gaps,
        Lost = Lost,
        IsPartial = Slot.Partial,
        Sections = _sections,
        Index = Index,
        GuardedBy = GuardedBy,
        Truncated = _refusedBefore + Refused,
    });

    /// <summary><see cref="Profile"/>, without what there is no room for.</summary>
    public ContainerProfile ProfileWithin(int bytes) => ProfileSize.Of(Profile) <= bytes ? Profile : Overlaid(ProfileSize.Fit(Stored, _maxVariableNames, bytes));

    public ProfileAssignment Assignment => new() { Slot = Slot, Generation = Generation, State = State, CompletesAt = CompletesAt, Version = Version };

    public static ProfileSlot SlotOf(ContainerProfile profile) => new(profile.Name, profile.Revision, profile.IsPartial);

    /// <summary>What its profile tells a container that registering would tell it.</summary>
    public static ProfileAssignment AssignmentOf(ContainerProfile profile) =>
        new() { Slot = SlotOf(profile), Generation = profile.Generation, State = profile.State, CompletesAt = profile.CompletesAt, Version = profile.Version };

    public bool Knows(string containerId) => _containers.Contains(containerId);

    /// <returns>True when the container was not known.</returns>
    public bool Register(string containerId, DateTimeOffset now)
    {
        RegisteredAt = UsedAt = now;
        if (Knows(containerId))
        {
            return false;
        }

        if (_containers.Count == MostContainers)
        {
            _containers.RemoveAt(0);
        }

        _containers.Add(containerId);
        return true;
    }

    /// <summary>Lengthens learning by a time nobody watched, as far as it lies in the learning time and is not known yet.</summary>
    /// <returns>True when the end of learning has moved.</returns>
    public bool Extend(ObservationGap gap)
    {
        if (!IsLearning || gap.From >= CompletesAt || gap.To <= _startedAt)
        {
            return false;
        }

        _gaps = ObservationGaps.Union([.. _gaps, gap]);
        var before = CompletesAt;
        CompletesAt = ObservationGaps.CompletesAt(_startedAt, _period, _gaps);
        return CompletesAt != before;
    }

    /// <summary>The clock was set: the learning time is the same on the new one.</summary>
    public void ClockSet(TimeSpan step)
    {
        _completedBeforeStep = Latest(_completedBeforeStep, CompletesAt);
        _startedAt += step;
        CompletesAt += step;
        _gaps = [.. _gaps.Select(gap => gap with { From = gap.From + step, To = gap.To + step })];
    }

    public bool Add(BehaviourItem item, DateTimeOffset seenAt, ulong replicas = 0) => _behaviour.Add(item, seenAt, replicas);

    public void AddLost(long lost) => Lost += lost;

    public void Complete() => State = CompleteState;

    /// <summary>Unites with what another activation stored of the same learning. A completed learning stays completed.</summary>
    public void Unite(LearnedSlot other)
    {
        _behaviour.Add(other.Stored);
        _sections &= other._sections;
        foreach (var container in other._containers)
        {
            Register(container, RegisteredAt);
        }

        RegisteredAt = Latest(RegisteredAt, other.RegisteredAt);
        Lost = Math.Max(Lost, other.Lost);
        _refusedBefore = Math.Max(_refusedBefore, other._refusedBefore);
        _gaps = ObservationGaps.Union([.. _gaps, .. other._gaps]);
        if (IsLearning && other.IsLearning)
        {
            _startedAt = _startedAt < other._startedAt ? _startedAt : other._startedAt;
            CompletesAt = Latest(CompletesAt, other.CompletesAt);
        }
        else if (IsLearning)
        {
            (State, _startedAt, CompletesAt) = (other.State, other._startedAt, other.CompletesAt);
        }
    }

    /// <summary>Gives the content a new version; called after every change.</summary>
    public void Touch(long version)
    {
        Version = version;
        _profile = null;
    }

    public SlotState ToState() => new() { Profile = Stored, Period = _period, RegisteredAt = RegisteredAt, Containers = _containers.ToArray() };

    /// <summary>As it will be once it is complete.</summary>
    public SlotState ToCompleteState(long version)
    {
        var state = ToState();
        return state with { Profile = state.Profile with { State = CompleteState, Version = version } };
    }

    private ContainerProfile Overlaid(ContainerProfile profile) => Overlay?.ApplyTo(profile) ?? profile;

    private ProfileState CompleteState => Slot.Partial ? ProfileState.Partial : ProfileState.Final;

    private static int LargestSection(ContainerProfile profile) => new[]
    {
        profile.Execs.Count, profile.Opens.Count, profile.Syscalls.Count, profile.Capabilities.Count, profile.Dns.Count,
        profile.Incoming.Count + profile.Outgoing.Count,
    }.Max();

    private static DateTimeOffset Latest(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;
}

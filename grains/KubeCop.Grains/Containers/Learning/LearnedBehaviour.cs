using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers.Learning;

/// <summary>
/// What one container has learned and its profile does not have yet. Learning something again allocates nothing. Not thread safe.
/// </summary>
internal sealed class LearnedBehaviour
{
    private readonly LearnedKind?[] _kinds;
    private List<ObservedItem>? _new;

    /// <param name="maxEntriesPerKind">See <see cref="LearningOptions.MaxEntriesPerKind"/>.</param>
    public LearnedBehaviour(int maxEntriesPerKind)
    {
        LearnedKind[] kinds =
        [
            new LearnedExecs(maxEntriesPerKind),
            new LearnedOpens(maxEntriesPerKind),
            new LearnedSyscalls(maxEntriesPerKind),
            new LearnedCapabilities(maxEntriesPerKind),
            new LearnedDns(maxEntriesPerKind),
            new LearnedNetwork(maxEntriesPerKind),
        ];
        _kinds = new LearnedKind?[kinds.Max(static kind => (int)kind.EventKind) + 1];
        foreach (var kind in kinds)
        {
            _kinds[(int)kind.EventKind] = kind;
        }
    }

    /// <summary>Events whose behaviour was not learned because there is too much of its kind.</summary>
    public long Dropped { get; private set; }

    /// <summary>Whether events of a kind are learned at all.</summary>
    public bool Learns(EventKind kind) => KindOf(kind) is not null;

    /// <summary>Learns what an event does.</summary>
    /// <returns>True when it was new and is learned now.</returns>
    public bool Learn(in SensorEvent sensorEvent, DateTimeOffset observedAt)
    {
        if (KindOf(sensorEvent.Kind) is not { } kind)
        {
            return false;
        }

        switch (kind.Learn(sensorEvent, out var item))
        {
            case LearnOutcome.New:
                (_new ??= []).Add(new ObservedItem(item!, observedAt));
                return true;
            case LearnOutcome.Full:
                Dropped++;
                return false;
            default:
                return false;
        }
    }

    /// <summary>Whether rules would find nothing in the event if the profile had what is learned here.</summary>
    public bool Covers(in SensorEvent sensorEvent) => KindOf(sensorEvent.Kind) is { } kind && kind.Covers(sensorEvent);

    /// <summary>What was learned since the last call.</summary>
    public IReadOnlyList<ObservedItem> TakeNew()
    {
        var items = _new;
        _new = null;
        return items ?? (IReadOnlyList<ObservedItem>)[];
    }

    /// <summary>Whether something cannot be learned before <see cref="HandedOver"/>.</summary>
    public bool AwaitsRoom => _kinds.Any(static kind => kind is { AwaitsRoom: true });

    /// <summary>The workload has stored all that was learned so far.</summary>
    public void HandedOver()
    {
        foreach (var kind in _kinds)
        {
            kind?.HandedOver();
        }
    }

    /// <summary>Forgets what the profile has, so that it alone decides from now on.</summary>
    public void Forget(CompiledProfile profile)
    {
        foreach (var kind in _kinds)
        {
            kind?.Forget(profile);
        }
    }

    private LearnedKind? KindOf(EventKind kind) => (int)kind < _kinds.Length ? _kinds[(int)kind] : null;
}

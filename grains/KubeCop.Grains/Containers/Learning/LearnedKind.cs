using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers.Learning;

/// <summary>What came of learning an event.</summary>
internal enum LearnOutcome
{
    /// <summary>There was nothing new in it.</summary>
    Known,

    New,

    /// <summary>It was new, and there is no room for it.</summary>
    Full,
}

/// <summary>What one container has learned of one kind of behaviour. Nothing here allocates for what is known.</summary>
internal abstract class LearnedKind
{
    /// <summary>The events it learns from.</summary>
    public abstract EventKind EventKind { get; }

    /// <param name="item">What is new, as it goes into the profile; null when nothing is.</param>
    public abstract LearnOutcome Learn(in SensorEvent sensorEvent, out BehaviourItem? item);

    /// <summary>See <see cref="LearnedBehaviour.Covers"/>.</summary>
    public abstract bool Covers(in SensorEvent sensorEvent);

    /// <summary>Whether nothing more is learned before <see cref="HandedOver"/>.</summary>
    public virtual bool AwaitsRoom => false;

    /// <summary>All that was learned so far is stored with the workload.</summary>
    public virtual void HandedOver()
    {
    }

    /// <summary>See <see cref="LearnedBehaviour.Forget"/>.</summary>
    public abstract void Forget(CompiledProfile profile);
}

/// <summary>A kind whose behaviours are alike or not, with nothing to unite.</summary>
/// <typeparam name="T">A behaviour, comparable without making an item.</typeparam>
internal abstract class LearnedSet<T>(int maxEntries) : LearnedKind
{
    private readonly HashSet<T> _known = [];

    public sealed override LearnOutcome Learn(in SensorEvent sensorEvent, out BehaviourItem? item)
    {
        item = null;
        if (!TryRead(sensorEvent, out var behaviour) || Covers(behaviour))
        {
            return LearnOutcome.Known;
        }

        if (_known.Count >= maxEntries)
        {
            return LearnOutcome.Full;
        }

        _known.Add(behaviour);
        item = ToItem(behaviour);
        return LearnOutcome.New;
    }

    public sealed override bool Covers(in SensorEvent sensorEvent) => TryRead(sensorEvent, out var behaviour) && Covers(behaviour);

    public sealed override void Forget(CompiledProfile profile) => _known.RemoveWhere(behaviour => IsIn(profile, behaviour));

    /// <returns>False when the event lacks what makes it a behaviour.</returns>
    protected abstract bool TryRead(in SensorEvent sensorEvent, out T behaviour);

    protected abstract BehaviourItem ToItem(T behaviour);

    protected abstract bool IsIn(CompiledProfile profile, T behaviour);

    protected virtual bool Covers(T behaviour) => Contains(behaviour);

    protected bool Contains(T behaviour) => _known.Contains(behaviour);
}

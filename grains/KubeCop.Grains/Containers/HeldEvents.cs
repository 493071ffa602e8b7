using KubeCop.Core.Alerts;
using KubeCop.Core.Events;

namespace KubeCop.Grains.Containers;

/// <summary>An event that waits for what decides about it.</summary>
/// <param name="IsSuspicious">A signature rule has fired on it; null when none has looked at it yet.</param>
/// <param name="Process">As it was at the time of the event.</param>
internal sealed record HeldEvent(SensorEvent Event, bool? IsSuspicious, AlertProcess Process);

/// <summary>Events held back, one of those that say the same but for process and time, in the order they came. Not thread safe.</summary>
internal sealed class HeldEvents(int capacity = 4096)
{
    private HashSet<Deed> _seen = [];
    private List<HeldEvent> _events = [];

    public int Count => _events.Count;

    /// <summary>Events that were not held because too many were.</summary>
    public long Dropped { get; private set; }

    /// <summary>Whether the event has to be held: it is new and there is room.</summary>
    public bool TryReserve(in SensorEvent sensorEvent)
    {
        var key = new Deed(sensorEvent.Kind, sensorEvent.Flags, sensorEvent.Path, sensorEvent.Executable, sensorEvent.Value, sensorEvent.Details);
        if (_seen.Contains(key))
        {
            return false;
        }

        if (_events.Count >= capacity)
        {
            Dropped++;
            return false;
        }

        return _seen.Add(key);
    }

    /// <summary>Holds an event that has its place from <see cref="TryReserve"/>.</summary>
    public void Add(HeldEvent held) => _events.Add(held);

    /// <summary>Gives all back and is empty.</summary>
    public IReadOnlyList<HeldEvent> TakeAll()
    {
        var events = _events;
        _events = [];
        _seen = [];
        return events;
    }

    /// <summary>What was done; the decoder gives one object for the same details.</summary>
    private readonly record struct Deed(EventKind Kind, EventFlags Flags, string Path, string Executable, uint Value, EventDetails? Details);
}

namespace KubeCop.Core.Events;

/// <summary>
/// Events of one container in the order of the kernel, on their way from the sensor to the container grain. Immutable once sent; the
/// sender takes it back into its pool when the call has returned.
/// </summary>
[GenerateSerializer, Immutable, Alias("kubecop.EventBatch")]
public sealed class EventBatch(int capacity)
{
    [Id(0)] private readonly SensorEvent[] _events = new SensorEvent[capacity];

    [Id(1)] public int Count { get; private set; }

    public bool IsFull => Count == _events.Length;

    public ReadOnlySpan<SensorEvent> Events => _events.AsSpan(0, Count);

    /// <summary>Events of this container lost since the previous batch, by whatever reason the counters give.</summary>
    [Id(2)] public long LostBefore { get; set; }

    /// <summary>The next free place. The batch must not be full.</summary>
    public ref SensorEvent Add() => ref _events[Count++];

    /// <summary>Takes back the place that <see cref="Add"/> gave last.</summary>
    public void RemoveLast() => _events[--Count] = default;

    /// <summary>Forgets the events so that the batch can be filled again.</summary>
    public void Clear()
    {
        Array.Clear(_events, 0, Count);
        Count = 0;
        LostBefore = 0;
    }
}

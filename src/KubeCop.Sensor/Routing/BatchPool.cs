using KubeCop.Core.Events;

namespace KubeCop.Sensor.Routing;

/// <summary>Batches to be used again. Used by one thread; keeps a bounded number, the rest is left to the collector.</summary>
internal sealed class BatchPool(int batchSize, int kept = 256)
{
    private readonly Stack<EventBatch> _batches = new();

    public EventBatch Rent() => _batches.TryPop(out var batch) ? batch : new EventBatch(batchSize);

    public void Return(EventBatch batch)
    {
        batch.Clear();
        if (_batches.Count < kept)
        {
            _batches.Push(batch);
        }
    }
}

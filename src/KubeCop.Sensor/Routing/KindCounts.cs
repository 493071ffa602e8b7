using KubeCop.Core.Events;
using KubeCop.Sensor.Decoding;

namespace KubeCop.Sensor.Routing;

/// <summary>Events counted by kind. One thread counts, any may read.</summary>
internal sealed class KindCounts
{
    private readonly long[] _counts = new long[Wire.Kinds];

    public long Total => _counts.Sum();

    public void Add(EventKind kind, long count = 1)
    {
        ref var place = ref _counts[(int)kind < _counts.Length ? (int)kind : 0];
        Volatile.Write(ref place, place + count);
    }

    public long Of(EventKind kind) => Volatile.Read(ref _counts[(int)kind]);

    /// <summary>As losses for one reason; nothing of kinds that have none.</summary>
    public IEnumerable<LossCount> AsLosses(string reason)
    {
        for (var kind = 0; kind < _counts.Length; kind++)
        {
            if (Volatile.Read(ref _counts[kind]) is var count and > 0)
            {
                yield return new LossCount((EventKind)kind, reason, count);
            }
        }
    }
}

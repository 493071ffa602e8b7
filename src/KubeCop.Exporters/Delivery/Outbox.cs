using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;

namespace KubeCop.Exporters.Delivery;

/// <summary>
/// What waits for one exporter, bounded in memory and on the disk. For alerts of high severity and above there is room when there is none for
/// others; where they have a queue of their own, that is emptied first. With one queue for all they go in the order in which they came.
/// </summary>
/// <param name="queues">One for all, or one for those of high severity and one for the others.</param>
internal sealed class Outbox(IReadOnlyList<OutboxQueue> queues, DeliveryOptions options, TimeProvider time)
{
    // Of one run, this clock goes on evenly whatever is done to the machine's: alerts must not become old, or wait for ever, because that was set.
    private readonly DateTimeOffset _startedAt = time.GetUtcNow();
    private readonly long _started = time.GetTimestamp();

    public DateTimeOffset Now => _startedAt + time.GetElapsedTime(_started);

    public long Count => queues.Sum(static queue => queue.Count);

    public int InMemory => queues.Sum(static queue => queue.InMemory);

    public long DiskBytes => queues.Sum(static queue => queue.DiskBytes);

    /// <summary>Whether memory fills faster than it is emptied, so that the disk should not wait.</summary>
    public bool IsCrowded => InMemory > options.MaxInMemory / 8;

    /// <returns>False when there is no room.</returns>
    public bool TryAdd(Alert alert)
    {
        var isUrgent = IsUrgent(alert);
        if (InMemory >= (isUrgent ? options.MaxInMemory : options.MaxInMemory - (options.MaxInMemory / 4)))
        {
            return false;
        }

        return QueueOf(alert).TryAdd(alert, Now);
    }

    /// <summary>The oldest of the more urgent ones; they go on waiting until they are confirmed.</summary>
    /// <param name="lost">Alerts that were on the disk and are damaged.</param>
    /// <exception cref="IOException">The disk does not give them now.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public IReadOnlyList<WaitingAlert> Peek(int most, out int lost)
    {
        lost = 0;
        foreach (var queue in queues)
        {
            var batch = queue.Peek(most, out var lostThere);
            lost += lostThere;
            if (batch.Count > 0)
            {
                return batch;
            }
        }

        return [];
    }

    /// <summary>What was peeked at is not being sent any more.</summary>
    public void Release()
    {
        foreach (var queue in queues)
        {
            queue.Release();
        }
    }

    /// <summary>They need not be sent again: this one, which was peeked at, and those before it.</summary>
    public void Confirm(in WaitingAlert waiting) => QueueOf(waiting.Alert).Confirm(waiting.Sequence);

    /// <summary>Writes to the disk what has waited for long, or all of it.</summary>
    /// <param name="everything">Also what has just come.</param>
    /// <returns>The alerts that had to go for others.</returns>
    /// <exception cref="IOException">The disk refuses; what was not written is in memory still.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public IReadOnlyList<WaitingAlert> Write(bool everything)
    {
        var pushedOut = new List<WaitingAlert>();
        var waitingSince = everything || IsCrowded ? DateTimeOffset.MaxValue : Now - options.SpillAfter;
        foreach (var queue in queues)
        {
            while (!queue.Write(waitingSince, options.MaxDiskBytes - DiskBytes + queue.DiskBytes) && queue != queues[^1] && queues[^1].DropOldest() is { } dropped)
            {
                pushedOut.AddRange(dropped);
            }
        }

        return pushedOut;
    }

    /// <summary>Gives up what is in memory only.</summary>
    public IReadOnlyList<WaitingAlert> DropMemory() => [.. queues.SelectMany(static queue => queue.DropMemory())];

    public void Close()
    {
        foreach (var queue in queues)
        {
            queue.Close();
        }
    }

    private OutboxQueue QueueOf(Alert alert) => IsUrgent(alert) ? queues[0] : queues[^1];

    private static bool IsUrgent(Alert alert) => alert.Severity >= Severity.High;
}

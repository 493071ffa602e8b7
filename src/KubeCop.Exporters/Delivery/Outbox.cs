using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;

namespace KubeCop.Exporters.Delivery;

/// <summary>
/// What waits for one exporter, bounded in memory and on the disk. Alerts of high severity and above have a queue of their own, which is emptied
/// first and for which there is room when there is none for others.
/// </summary>
internal sealed class Outbox(OutboxQueue urgent, OutboxQueue others, DeliveryOptions options, TimeProvider time)
{
    public long Count => urgent.Count + others.Count;

    public int InMemory => urgent.InMemory + others.InMemory;

    public long DiskBytes => urgent.DiskBytes + others.DiskBytes;

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

        (isUrgent ? urgent : others).Add(alert, time.GetUtcNow());
        return true;
    }

    /// <summary>The oldest of the more urgent ones; they go on waiting until they are confirmed.</summary>
    /// <param name="lost">Alerts that were on the disk and cannot be read any more.</param>
    public IReadOnlyList<WaitingAlert> Peek(int most, out int lost)
    {
        var first = urgent.Peek(most, out lost);
        if (first.Count > 0)
        {
            return first;
        }

        var then = others.Peek(most, out var alsoLost);
        lost += alsoLost;
        return then;
    }

    /// <summary>They need not be sent again: this one, which was peeked at, and those before it.</summary>
    public void Confirm(in WaitingAlert waiting) => (IsUrgent(waiting.Alert) ? urgent : others).Confirm(waiting.Sequence);

    /// <summary>Writes to the disk what has waited for long, or all of it.</summary>
    /// <param name="everything">Also what has just come.</param>
    /// <returns>The alerts that had to go for others.</returns>
    /// <exception cref="IOException">The disk refuses; what was not written is in memory still.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public IReadOnlyList<WaitingAlert> Write(bool everything)
    {
        var pushedOut = new List<WaitingAlert>();
        var waitingSince = everything || IsCrowded ? DateTimeOffset.MaxValue : time.GetUtcNow() - options.SpillAfter;
        while (!urgent.Write(waitingSince, options.MaxDiskBytes - others.DiskBytes) && others.DropOldest() is { } dropped)
        {
            pushedOut.AddRange(dropped);
        }

        others.Write(waitingSince, options.MaxDiskBytes - urgent.DiskBytes);
        return pushedOut;
    }

    /// <summary>Gives up what is in memory only.</summary>
    public IReadOnlyList<WaitingAlert> DropMemory() => [.. urgent.DropMemory(), .. others.DropMemory()];

    public void Close()
    {
        urgent.Close();
        others.Close();
    }

    private static bool IsUrgent(Alert alert) => alert.Severity >= Severity.High;
}

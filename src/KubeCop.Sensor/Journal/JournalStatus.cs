namespace KubeCop.Sensor.Journal;

/// <summary>How the journal does, for <c>/api/v1/node</c> and metrics.</summary>
public sealed record JournalStatus
{
    /// <summary>Deltas their workload has not acknowledged.</summary>
    public required int Unacknowledged { get; init; }

    /// <summary>How long the oldest of them waits; zero when there is none. Those of an earlier run wait since this one began.</summary>
    public required TimeSpan Lag { get; init; }

    /// <summary>Bytes waiting for the disk.</summary>
    public required long BufferedBytes { get; init; }

    public required long DiskBytes { get; init; }

    /// <summary>
    /// Deltas sent to their workload without being journaled, by reason, since start: <c>buffer_full</c>, <c>journal_full</c>,
    /// <c>too_large</c>, <c>stopped</c>. They are lost only if the node goes down before the workload has stored them.
    /// </summary>
    public required IReadOnlyDictionary<string, long> Overflow { get; init; }

    /// <summary>Why the disk refuses, and what to do; null while it works.</summary>
    public required string? Error { get; init; }
}

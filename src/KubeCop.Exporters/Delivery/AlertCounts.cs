using KubeCop.Core.Rules;

namespace KubeCop.Exporters.Delivery;

/// <summary>Alerts raised since start.</summary>
public sealed record AlertCount(string RuleId, Severity Severity, long Count);

/// <summary>An exporter that could not hand over the last alerts it was given.</summary>
/// <param name="Reason">For people.</param>
public sealed record ExportFailure(string Exporter, string Reason);

/// <summary>Alerts an exporter lost since start.</summary>
/// <param name="Reason">A stable word, for example <c>queue_full</c>.</param>
public sealed record DropCount(string Exporter, string Reason, long Count);

/// <summary>How an exporter does.</summary>
public sealed record ExporterStatus
{
    public required string Name { get; init; }

    /// <summary>Where its alerts go, for people.</summary>
    public required string Receiver { get; init; }

    /// <summary>Alert lines handed over since start, summaries included.</summary>
    public required long Exported { get; init; }

    /// <summary>Alerts that wait, in memory and on the disk.</summary>
    public required long Waiting { get; init; }

    /// <summary>Bytes on the disk.</summary>
    public required long DiskBytes { get; init; }

    /// <summary>How long the batch that it sends now has waited; zero when none does.</summary>
    public required TimeSpan Lag { get; init; }

    /// <summary>When its receiver last took something; null when it has not since start.</summary>
    public required DateTimeOffset? LastSuccess { get; init; }

    /// <summary>Why it could not hand over the last alerts it was given; null when it could.</summary>
    public required string? Failure { get; init; }
}

/// <summary>What became of a test alert.</summary>
/// <param name="Answer">The receiver's answer, or why there is none.</param>
public sealed record TestDelivery(string Exporter, string Receiver, bool Delivered, string Answer, TimeSpan Duration);

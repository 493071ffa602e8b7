using KubeCop.Core.Rules;

namespace KubeCop.Exporters;

/// <summary>Alerts raised since start.</summary>
public sealed record AlertCount(string RuleId, Severity Severity, long Count);

/// <summary>Alerts an exporter handed over since start.</summary>
public sealed record ExportCount(string Exporter, long Count);

/// <summary>An exporter that could not hand over the last alerts it was given.</summary>
/// <param name="Reason">For people.</param>
public sealed record ExportFailure(string Exporter, string Reason);

/// <summary>Alerts an exporter lost since start.</summary>
/// <param name="Reason">A stable word, for example <c>queue_full</c>.</param>
public sealed record DropCount(string Exporter, string Reason, long Count);

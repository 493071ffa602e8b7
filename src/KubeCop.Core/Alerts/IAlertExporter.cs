namespace KubeCop.Core.Alerts;

/// <summary>
/// One way alerts leave the node. Called on a thread of its own, one batch at a time: it may block without delaying detection or the
/// other exporters. What is queued meanwhile is bounded, and what does not fit is dropped and counted.
/// </summary>
public interface IAlertExporter
{
    /// <summary>A stable word for metrics, for example <c>stdout</c>.</summary>
    string Name { get; }

    /// <summary>The most alerts of a batch, at least 1. Default: 256.</summary>
    int BatchSize => 256;

    /// <summary>Whether an alert is for it at all; others are neither queued for it nor counted. From any thread. Default: each is.</summary>
    bool Takes(Alert alert) => true;

    /// <summary>Takes a batch, oldest first; returns when it was handed over.</summary>
    /// <exception cref="ExportException">Some or all of it could not be handed over and is given up.</exception>
    void Export(IReadOnlyList<Alert> batch);
}

/// <summary>Alerts were lost in an exporter.</summary>
/// <param name="reason">A stable word for metrics, for example <c>disk_full</c>.</param>
/// <param name="lost">How many alerts of the batch, which are the last of it.</param>
public sealed class ExportException(string reason, int lost, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Reason { get; } = reason;

    public int Lost { get; } = lost;
}

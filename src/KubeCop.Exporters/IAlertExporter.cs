using KubeCop.Core.Alerts;

namespace KubeCop.Exporters;

/// <summary>
/// One way alerts leave the node. Called on a thread of its own, one batch at a time: it may block without delaying detection or the
/// other exporters. What is queued meanwhile is bounded, see <see cref="ExportQueue"/>.
/// </summary>
public interface IAlertExporter
{
    /// <summary>A stable word for metrics, for example <c>stdout</c>.</summary>
    string Name { get; }

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

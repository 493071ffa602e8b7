namespace KubeCop.Core.Alerts;

/// <summary>
/// One way alerts leave the node. Called on a thread of its own, one batch at a time: it may block without delaying detection or the
/// other exporters. What waits meanwhile is bounded, and what does not fit is dropped and counted.
/// </summary>
public interface IAlertExporter
{
    /// <summary>A stable word for metrics and files, for example <c>stdout</c>.</summary>
    string Name { get; }

    /// <summary>Where alerts go, for people: an address, a path. Never a secret.</summary>
    string Receiver { get; }

    /// <summary>The most alerts of a batch, at least 1. Default: 256.</summary>
    int BatchSize => 256;

    /// <summary>Whether what the receiver does not take now waits, on the disk too, and is tried again. Default: false, it is given up.</summary>
    bool IsRetried => false;

    /// <summary>Whether an alert is for it at all; others are neither queued for it nor counted. From any thread. Default: each that tells something new.</summary>
    bool Takes(Alert alert) => alert.State != AlertState.Ongoing;

    /// <summary>Takes a batch, oldest first; returns when it was handed over.</summary>
    /// <returns>What the receiver answered, for people, for example <c>200 OK</c>.</returns>
    /// <exception cref="ReceiverAwayException">The receiver cannot take it, or not all of it, now.</exception>
    /// <exception cref="AlertsRefusedException">The receiver does not want it as it is.</exception>
    /// <exception cref="ExportException">Some or all of it could not be handed over and is given up.</exception>
    /// <exception cref="OperationCanceledException">The node ends; nothing of the batch counts as handed over.</exception>
    string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken);
}

/// <summary>The receiver cannot take alerts now: it is away, too busy, does not know us yet.</summary>
/// <param name="message">A sentence for people: which receiver, why, what to do.</param>
/// <param name="delivered">How many alerts of the batch it took, which are the first of it.</param>
/// <param name="retryAfter">How long it asks to be left alone; null when it does not say.</param>
public sealed class ReceiverAwayException(string message, int delivered = 0, TimeSpan? retryAfter = null, Exception? inner = null) : Exception(message, inner)
{
    public int Delivered { get; } = delivered;

    public TimeSpan? RetryAfter { get; } = retryAfter;
}

/// <summary>
/// The receiver will not take this batch, however often it is tried. Alerts of a larger one are tried in smaller ones, until that which is
/// refused is alone, and dropped.
/// </summary>
public sealed class AlertsRefusedException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Alerts were lost in an exporter.</summary>
/// <param name="reason">A stable word for metrics, for example <c>disk_full</c>.</param>
/// <param name="lost">How many alerts of the batch, which are the last of it.</param>
public sealed class ExportException(string reason, int lost, string message, Exception? inner = null) : Exception(message, inner)
{
    public string Reason { get; } = reason;

    public int Lost { get; } = lost;
}

using System.Collections.Concurrent;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using Microsoft.Extensions.Logging;

namespace KubeCop.Exporters.Delivery;

/// <summary>
/// Hands every alert to every exporter, each through a bounded outbox of its own: a slow or broken exporter delays neither detection nor
/// the other exporters. What waits for longer than a moment is written to the disk by one thread for all.
/// </summary>
public sealed partial class AlertDispatcher : IAlertDispatcher, IDisposable
{
    /// <summary>
    /// How long all lanes together may take to end, and then to write what is left: a disk that hangs must not keep the process from ending.
    /// </summary>
    private static readonly TimeSpan CloseTime = TimeSpan.FromMilliseconds(400);

    private readonly ConcurrentDictionary<(string RuleId, Severity Severity), long> _counts = new();
    private readonly DeliveryOptions _options;
    private readonly ExportLane[] _lanes;
    private readonly AutoResetEvent _work = new(false);
    private readonly ManualResetEvent _stopping = new(false);
    private readonly Thread? _spilling;

    /// <param name="directory">Where alerts wait that cannot be handed over now; made when it is needed.</param>
    /// <param name="rules">Where what an exporter loses is counted by rule.</param>
    /// <param name="isHeld">Whether exporters that are retried wait for <see cref="Begin"/>: what an earlier run left for them is much to do.</param>
    public AlertDispatcher(
        IEnumerable<IAlertExporter> exporters,
        string directory,
        DeliveryOptions options,
        RuleCounters rules,
        TimeProvider time,
        ILogger<AlertDispatcher> logger,
        bool isHeld = false)
    {
        _options = options;
        var codec = new Lazy<AlertCodec>();
        var all = exporters.ToList();
        if (all.GroupBy(static exporter => exporter.Name).FirstOrDefault(static same => same.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"There are two exporters '{twice.Key}'.", nameof(exporters));
        }

        _lanes = [.. all.Select(exporter => new ExportLane(exporter, OutboxOf(exporter), options, rules, time, logger))];
        foreach (var lane in _lanes.Where(lane => !isHeld || !lane.IsRetried))
        {
            lane.Begin();
        }

        TellOfOthers(directory, [.. all.Where(static exporter => exporter.IsRetried)], logger);
        if (_lanes.Any(static lane => lane.IsRetried))
        {
            _spilling = new Thread(Spill) { Name = "export-spill", IsBackground = true };
            _spilling.Start();
        }

        // One queue where nothing waits: who reads the history or standard output reads what happened in its order.
        Outbox OutboxOf(IAlertExporter exporter) =>
            new(exporter.IsRetried ? [QueueOf(exporter, "urgent"), QueueOf(exporter, "others")] : [new OutboxQueue()], options, time);

        OutboxQueue QueueOf(IAlertExporter exporter, string queue) => new(Path.Combine(directory, FolderOf(exporter), queue), codec.Value, time, logger);
    }

    /// <summary>Alerts raised, by rule and severity; summaries are not counted.</summary>
    public IReadOnlyList<AlertCount> Alerts => [.. _counts.Select(static count => new AlertCount(count.Key.RuleId, count.Key.Severity, count.Value))];

    public IReadOnlyList<ExporterStatus> Exporters => [.. _lanes.Select(static lane => lane.Status)];

    public IReadOnlyList<DropCount> Dropped => [.. _lanes.SelectMany(static lane => lane.Drops)];

    /// <summary>Those that do not work now.</summary>
    public IReadOnlyList<ExportFailure> Failing => [.. _lanes.Select(static lane => lane.Failure).OfType<ExportFailure>()];

    /// <summary>Has all exporters hand over what waits for them.</summary>
    public void Begin()
    {
        foreach (var lane in _lanes)
        {
            lane.Begin();
        }
    }

    /// <inheritdoc/>
    public void Dispatch(Alert alert)
    {
        if (alert.State == AlertState.New)
        {
            _counts.AddOrUpdate((alert.RuleId, alert.Severity), 1, static (_, count) => count + 1);
        }

        foreach (var lane in _lanes)
        {
            if (lane.Enqueue(alert) && lane.IsRetried)
            {
                _work.Set();
            }
        }
    }

    /// <summary>Sends an alert through every exporter, before those that wait, and tells what each receiver answered.</summary>
    /// <param name="patience">How long to wait for each.</param>
    public async Task<IReadOnlyList<TestDelivery>> TestAsync(Alert alert, TimeSpan patience, CancellationToken cancellationToken) =>
        await Task.WhenAll(_lanes.Select(lane => lane.TestAsync(alert, patience, cancellationToken)));

    /// <summary>
    /// Takes no more alerts and waits until those that wait were handed over, or the token ends the patience. What is left then stays on the disk
    /// for the next start, if its exporter is one that is retried.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(_lanes.Select(static lane => lane.CompleteAsync())).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // An exporter that blocks, as stdout into a pipe nobody reads, must not keep the process from ending.
        }

        Dispose();
    }

    public void Dispose()
    {
        _stopping.Set();
        foreach (var lane in _lanes)
        {
            lane.Cancel();
        }

        _spilling?.Join(CloseTime / 2);
        Task.WaitAll([.. _lanes.Select(static lane => Task.Run(() => lane.Close(CloseTime / 2)))], CloseTime);
    }

    private static string FolderOf(IAlertExporter exporter) => Uri.EscapeDataString(exporter.Name);

    // Of one whose address has changed, or that is not configured any more.
    private static void TellOfOthers(string directory, IReadOnlyList<IAlertExporter> exporters, ILogger logger)
    {
        if (!Directory.Exists(directory))
        {
            return;
        }

        foreach (var other in Directory.EnumerateDirectories(directory).Where(folder => exporters.All(exporter => FolderOf(exporter) != Path.GetFileName(folder))))
        {
            if (Directory.EnumerateFiles(other, "*.alerts", SearchOption.AllDirectories).Any())
            {
                LogWarningNobodySends(logger, other);
            }
        }
    }

    private void Spill()
    {
        WaitHandle[] work = [_stopping, _work];
        var isStuck = false;
        while (WaitHandle.WaitAny(work) != 0)
        {
            // Most are handed over within this time, and never see the disk.
            if ((isStuck || !_lanes.Any(static lane => lane.IsCrowded)) && _stopping.WaitOne(_options.SpillAfter))
            {
                return;
            }

            foreach (var lane in _lanes.Where(static lane => lane.HasInMemory))
            {
                lane.Spill(everything: false);
            }

            // The disk is full, or refuses.
            isStuck = _lanes.Any(static lane => lane.IsCrowded);
            if (_lanes.Any(static lane => lane.HasInMemory))
            {
                _work.Set();
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Directory} has alerts that wait for an exporter which is not configured any more. Configure it again to have them sent, or delete the directory.")]
    private static partial void LogWarningNobodySends(ILogger logger, string directory);
}

using System.Collections.Concurrent;
using System.Threading.Channels;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using Microsoft.Extensions.Logging;

namespace KubeCop.Exporters;

/// <summary>
/// The bounded queue in front of one exporter, and the thread that empties it. When it is full, new alerts are dropped and counted; its last
/// quarter is kept for those of high severity and above, so that a flood of others does not cost them.
/// </summary>
internal sealed partial class ExportQueue : IDisposable
{
    public const string QueueFull = "queue_full";
    public const string Stopped = "stopped";
    public const string Failed = "failed";

    private readonly IAlertExporter _exporter;
    private readonly int _capacity;
    private readonly RuleCounters _rules;
    private readonly ILogger _logger;
    private readonly Channel<Alert> _channel;
    private readonly ConcurrentDictionary<string, long> _drops = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _exported;
    private volatile ExportFailure? _failure;

    public ExportQueue(IAlertExporter exporter, int capacity, RuleCounters rules, ILogger logger)
    {
        _exporter = exporter;
        _capacity = capacity;
        _rules = rules;
        _logger = logger;
        _channel = Channel.CreateBounded<Alert>(new BoundedChannelOptions(capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
        new Thread(Pump) { Name = $"export-{exporter.Name}", IsBackground = true }.Start();
    }

    public ExportCount Exported => new(_exporter.Name, Interlocked.Read(ref _exported));

    public IEnumerable<DropCount> Drops => _drops.Select(drop => new DropCount(_exporter.Name, drop.Key, drop.Value));

    /// <summary>Why the last batch was not handed over, or not all of it; null when it was.</summary>
    public ExportFailure? Failure => _failure;

    public void Enqueue(Alert alert)
    {
        if (!_exporter.Takes(alert))
        {
            return;
        }

        var hasRoom = alert.Severity >= Severity.High || _channel.Reader.Count < _capacity - (_capacity / 4);
        if (!hasRoom || !_channel.Writer.TryWrite(alert))
        {
            var isStopped = _channel.Reader.Completion.IsCompleted;
            _failure = isStopped ? null : new ExportFailure(_exporter.Name, $"It takes alerts more slowly than they come: {_capacity} are waiting, and new ones are dropped.");
            CountDrop(isStopped ? Stopped : QueueFull, [alert]);
        }
    }

    /// <summary>Takes no more; completes when everything queued was handed over.</summary>
    public Task CompleteAsync()
    {
        _channel.Writer.TryComplete();
        return _ended.Task;
    }

    public void Dispose() => _channel.Writer.TryComplete();

    private void Pump()
    {
        var batch = new List<Alert>();
        while (_channel.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            while (batch.Count < _exporter.BatchSize && _channel.Reader.TryRead(out var alert))
            {
                batch.Add(alert);
            }

            Export(batch);
            batch.Clear();
        }

        _ended.SetResult();
    }

    private void Export(List<Alert> batch)
    {
        var lost = 0;
        try
        {
            _exporter.Export(batch);
            _failure = null;
        }
        catch (ExportException exception)
        {
            lost = exception.Lost;
            _failure = new ExportFailure(_exporter.Name, exception.Message);
            if (CountDrop(exception.Reason, batch[^lost..]))
            {
                LogErrorExporterLosesAlerts(_exporter.Name, exception.Reason, exception.Message);
            }
        }
#pragma warning disable CA1031 // A broken exporter must not end the thread that the next alerts need.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            lost = batch.Count;
            _failure = new ExportFailure(_exporter.Name, $"The exporter failed, see the log: {exception.Message}");
            if (CountDrop(Failed, batch))
            {
                LogErrorExporterFailed(exception, _exporter.Name);
            }
        }

        Interlocked.Add(ref _exported, batch.Count - lost);
    }

    /// <returns>True for the first drop of this reason: logged once, counted always.</returns>
    private bool CountDrop(string reason, List<Alert> lost)
    {
        foreach (var alert in lost)
        {
            _rules.Of(alert.RuleId).AddSuppressed(Suppression.ExporterDrop);
        }

        return _drops.AddOrUpdate(reason, lost.Count, (_, known) => known + lost.Count) == lost.Count;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Exporter {Exporter} loses alerts ({Reason}): {Detail} Further losses are only counted, see kubecop_alerts_dropped_total.")]
    private partial void LogErrorExporterLosesAlerts(string exporter, string reason, string detail);

    [LoggerMessage(Level = LogLevel.Error, Message = "Exporter {Exporter} failed. Further failures are only counted, see kubecop_alerts_dropped_total.")]
    private partial void LogErrorExporterFailed(Exception exception, string exporter);
}

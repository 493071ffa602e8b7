using System.Collections.Concurrent;
using System.Threading.Channels;
using KubeCop.Core.Alerts;
using Microsoft.Extensions.Logging;

namespace KubeCop.Exporters;

/// <summary>The bounded queue in front of one exporter, and the thread that empties it. When it is full, new alerts are dropped and counted.</summary>
internal sealed partial class ExportQueue : IDisposable
{
    public const string QueueFull = "queue_full";
    public const string Stopped = "stopped";
    public const string Failed = "failed";
    private const int MaxBatch = 256;

    private readonly IAlertExporter _exporter;
    private readonly ILogger _logger;
    private readonly Channel<Alert> _channel;
    private readonly ConcurrentDictionary<string, long> _drops = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private long _exported;

    public ExportQueue(IAlertExporter exporter, int capacity, ILogger logger)
    {
        _exporter = exporter;
        _logger = logger;
        _channel = Channel.CreateBounded<Alert>(new BoundedChannelOptions(capacity) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
        new Thread(Pump) { Name = $"export-{exporter.Name}", IsBackground = true }.Start();
    }

    public ExportCount Exported => new(_exporter.Name, Interlocked.Read(ref _exported));

    public IEnumerable<DropCount> Drops => _drops.Select(drop => new DropCount(_exporter.Name, drop.Key, drop.Value));

    public void Enqueue(Alert alert)
    {
        if (!_channel.Writer.TryWrite(alert))
        {
            CountDrop(_channel.Reader.Completion.IsCompleted ? Stopped : QueueFull, 1);
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
            while (batch.Count < MaxBatch && _channel.Reader.TryRead(out var alert))
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
        }
        catch (ExportException exception)
        {
            lost = exception.Lost;
            if (CountDrop(exception.Reason, lost))
            {
                LogErrorExporterLosesAlerts(_exporter.Name, exception.Reason, exception.Message);
            }
        }
#pragma warning disable CA1031 // A broken exporter must not end the thread that the next alerts need.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            lost = batch.Count;
            if (CountDrop(Failed, lost))
            {
                LogErrorExporterFailed(exception, _exporter.Name);
            }
        }

        Interlocked.Add(ref _exported, batch.Count - lost);
    }

    /// <returns>True for the first drop of this reason: logged once, counted always.</returns>
    private bool CountDrop(string reason, int count) => _drops.AddOrUpdate(reason, count, (_, known) => known + count) == count;

    [LoggerMessage(Level = LogLevel.Error, Message = "Exporter {Exporter} loses alerts ({Reason}): {Detail} Further losses are only counted, see kubecop_alerts_dropped_total.")]
    private partial void LogErrorExporterLosesAlerts(string exporter, string reason, string detail);

    [LoggerMessage(Level = LogLevel.Error, Message = "Exporter {Exporter} failed. Further failures are only counted, see kubecop_alerts_dropped_total.")]
    private partial void LogErrorExporterFailed(Exception exception, string exporter);
}

using System.Collections.Concurrent;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using Microsoft.Extensions.Logging;

namespace KubeCop.Exporters;

/// <summary>
/// Hands every alert to every exporter, each through a bounded queue of its own: a slow or broken exporter delays neither detection nor
/// the other exporters, it only loses its own alerts, which is counted.
/// </summary>
public sealed class AlertDispatcher : IAlertDispatcher, IDisposable
{
    /// <summary>Alerts that wait in front of one exporter before further ones are dropped.</summary>
    public const int DefaultCapacity = 4096;

    private readonly ConcurrentDictionary<(string RuleId, Severity Severity), long> _counts = new();
    private readonly ExportQueue[] _queues;

    /// <param name="rules">Where what an exporter loses is counted by rule.</param>
    public AlertDispatcher(IEnumerable<IAlertExporter> exporters, RuleCounters rules, ILogger<AlertDispatcher> logger)
        : this(exporters, rules, logger, DefaultCapacity)
    {
    }

    internal AlertDispatcher(IEnumerable<IAlertExporter> exporters, RuleCounters rules, ILogger<AlertDispatcher> logger, int capacity)
    {
        _queues = [.. exporters.Select(exporter => new ExportQueue(exporter, capacity, rules, logger))];
    }

    /// <summary>Alerts raised, by rule and severity; summaries are not counted.</summary>
    public IReadOnlyList<AlertCount> Alerts => [.. _counts.Select(static count => new AlertCount(count.Key.RuleId, count.Key.Severity, count.Value))];

    public IReadOnlyList<ExportCount> Exported => [.. _queues.Select(static queue => queue.Exported)];

    public IReadOnlyList<DropCount> Dropped => [.. _queues.SelectMany(static queue => queue.Drops)];

    /// <summary>Those that do not work now.</summary>
    public IReadOnlyList<ExportFailure> Failing => [.. _queues.Select(static queue => queue.Failure).OfType<ExportFailure>()];

    /// <inheritdoc/>
    public void Dispatch(Alert alert)
    {
        if (alert.State == AlertState.New)
        {
            _counts.AddOrUpdate((alert.RuleId, alert.Severity), 1, static (_, count) => count + 1);
        }

        foreach (var queue in _queues)
        {
            queue.Enqueue(alert);
        }
    }

    /// <summary>Takes no more alerts and waits until those queued were handed over, or the token ends the patience.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        try
        {
            await Task.WhenAll(_queues.Select(static queue => queue.CompleteAsync())).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            // An exporter that blocks, as stdout into a pipe nobody reads, must not keep the process from ending.
        }
    }

    public void Dispose()
    {
        foreach (var queue in _queues)
        {
            queue.Dispose();
        }
    }
}

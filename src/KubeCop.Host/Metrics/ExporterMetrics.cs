using KubeCop.Exporters.Delivery;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>How alerts leave.</summary>
internal sealed class ExporterMetrics : IMetricSource
{
    private readonly AlertDispatcher _alerts;
    private readonly Counter _exported;
    private readonly Counter _dropped;
    private readonly Gauge _waiting;
    private readonly Gauge _bytes;
    private readonly Gauge _lag;
    private readonly Gauge _lastSuccess;

    public ExporterMetrics(MetricCatalog catalog, AlertDispatcher alerts)
    {
        _alerts = alerts;
        var metrics = catalog.About("Exporters");
        _exported = metrics.Counter("kubecop_alerts_exported_total", "Alert lines handed over, summaries included.", MetricLabel.Exporter);
        _dropped = metrics.Counter(
            "kubecop_alerts_dropped_total", "Alert lines lost on their way out.", MetricLabel.Exporter, MetricLabel.Like("reason", "why, in a word of the exporter", "^[a-z0-9_]{1,40}$"));
        _waiting = metrics.Gauge("kubecop_export_outbox_alerts", "Alert lines that wait for an exporter's receiver, in memory and on the disk.", MetricLabel.Exporter);
        _bytes = metrics.Gauge("kubecop_export_outbox_bytes", "Bytes on the disk of alert lines that wait for an exporter's receiver.", MetricLabel.Exporter);
        _lag = metrics.Gauge("kubecop_export_lag_seconds", "How long the alert lines that an exporter hands over now have waited; 0 when none waits.", MetricLabel.Exporter);
        _lastSuccess = metrics.Gauge(
            "kubecop_export_last_success_timestamp_seconds", "When an exporter's receiver last took something, in seconds since 1970; 0 when it has not since the start.", MetricLabel.Exporter);
    }

    public void Update()
    {
        foreach (var exporter in _alerts.Exporters)
        {
            _exported.WithLabels(exporter.Name).IncTo(exporter.Exported);
            _waiting.WithLabels(exporter.Name).Set(exporter.Waiting);
            _bytes.WithLabels(exporter.Name).Set(exporter.DiskBytes);
            _lag.WithLabels(exporter.Name).Set(exporter.Lag.TotalSeconds);
            _lastSuccess.WithLabels(exporter.Name).Set(exporter.LastSuccess?.ToUnixTimeMilliseconds() / 1000.0 ?? 0);
        }

        foreach (var drop in _alerts.Dropped)
        {
            _dropped.WithLabels(drop.Exporter, drop.Reason).IncTo(drop.Count);
        }
    }
}

using KubeCop.Exporters;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>How alerts leave.</summary>
internal sealed class ExporterMetrics : IMetricSource
{
    private readonly AlertDispatcher _alerts;
    private readonly Counter _exported;
    private readonly Counter _dropped;

    public ExporterMetrics(MetricCatalog catalog, AlertDispatcher alerts)
    {
        _alerts = alerts;
        var metrics = catalog.About("Exporters");
        _exported = metrics.Counter("kubecop_alerts_exported_total", "Alert lines handed over, summaries included.", MetricLabel.Exporter);
        _dropped = metrics.Counter(
            "kubecop_alerts_dropped_total", "Alert lines lost on their way out.", MetricLabel.Exporter, MetricLabel.Like("reason", "why, in a word of the exporter", "^[a-z0-9_]{1,40}$"));
    }

    public void Update()
    {
        foreach (var exported in _alerts.Exported)
        {
            _exported.WithLabels(exported.Exporter).IncTo(exported.Count);
        }

        foreach (var drop in _alerts.Dropped)
        {
            _dropped.WithLabels(drop.Exporter, drop.Reason).IncTo(drop.Count);
        }
    }
}

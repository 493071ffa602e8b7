using KubeCop.Exporters.Delivery;
using KubeCop.Exporters.History;
using KubeCop.Host.Http;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>Alerts that were raised, and those kept.</summary>
internal sealed class AlertMetrics : IMetricSource
{
    private readonly AlertDispatcher _alerts;
    private readonly AlertHistory _history;
    private readonly Counter _raised;
    private readonly Gauge _kept;
    private readonly Counter _ofKubeCop;

    public AlertMetrics(MetricCatalog catalog, AlertDispatcher alerts, AlertHistory history)
    {
        (_alerts, _history) = (alerts, history);
        var metrics = catalog.About("Alerts");
        _raised = metrics.Counter("kubecop_alerts_total", "Alerts raised; repeats folded into one are counted once.", MetricLabel.Rule, MetricLabel.Severity);
        _kept = metrics.Gauge("kubecop_alerts_kept", "Alert lines in the history.");
        _ofKubeCop = catalog.About(KubeCopNames.Subject).Counter("kubecop_alert_counter", "Alerts raised; see kubecop_alerts_total.");
    }

    public void Update()
    {
        var raised = _alerts.Alerts;
        foreach (var alert in raised)
        {
            _raised.WithLabels(alert.RuleId, Word.Of(alert.Severity)).IncTo(alert.Count);
        }

        _kept.Set(_history.Count);
        _ofKubeCop.IncTo(raised.Sum(static alert => alert.Count));
    }
}

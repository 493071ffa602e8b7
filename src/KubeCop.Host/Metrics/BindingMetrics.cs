using KubeCop.Host.Bindings;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>The bindings in force.</summary>
internal sealed class BindingMetrics : IMetricSource
{
    private readonly NodeBindings _bindings;
    private readonly Counter _loads;
    private readonly Gauge _isWhole;
    private readonly Gauge _loadedAt;

    public BindingMetrics(MetricCatalog catalog, NodeBindings bindings)
    {
        _bindings = bindings;
        var metrics = catalog.About("Bindings");
        _loads = metrics.Counter(
            "kubecop_bindings_loads_total", "Sets of bindings that were to come into force, by what became of them.", MetricLabel.OneOf("result", "accepted", "refused"));
        _isWhole = metrics.Gauge("kubecop_bindings_last_load_successful", "0 when some of the newest bindings are not in force, and what they said before is.");
        _loadedAt = metrics.Gauge("kubecop_bindings_loaded_timestamp_seconds", "When the set of bindings in force was loaded, in seconds since 1970.");
    }

    public void Update()
    {
        _loads.WithLabels("accepted").IncTo(_bindings.Accepted);
        _loads.WithLabels("refused").IncTo(_bindings.Refused);
        _isWhole.Set(_bindings.Refusal is null ? 1 : 0);
        _loadedAt.Set(_bindings.Rules.InForce?.LoadedAt.ToUnixTimeMilliseconds() / 1000.0 ?? 0);
    }
}

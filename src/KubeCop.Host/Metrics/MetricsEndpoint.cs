namespace KubeCop.Host.Metrics;

/// <summary>
/// <c>/metrics</c> in Prometheus' text form. Everything is read from where it is counted when somebody asks. Labels are bounded: rules,
/// kinds, states and reasons, never names of containers, workloads or silos.
/// </summary>
internal sealed class MetricsEndpoint(MetricCatalog catalog, IEnumerable<IMetricSource> sources)
{
    private readonly IMetricSource[] _sources = [.. sources];
    private readonly Lock _updating = new();

    public async Task InvokeAsync(HttpContext context)
    {
        lock (_updating)
        {
            foreach (var source in _sources)
            {
                source.Update();
            }
        }

        context.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await catalog.Registry.CollectAndExportAsTextAsync(context.Response.Body, context.RequestAborted);
    }
}

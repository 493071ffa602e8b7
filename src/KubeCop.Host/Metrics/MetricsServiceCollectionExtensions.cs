namespace KubeCop.Host.Metrics;

internal static class MetricsServiceCollectionExtensions
{
    /// <summary>Adds <see cref="MetricsEndpoint"/> with every metric there is, in the order of docs/metrics.md.</summary>
    public static IServiceCollection AddNodeMetrics(this IServiceCollection services)
    {
        services.AddSingleton<MetricCatalog>();
        services.AddSingleton<IMetricSource, SensorMetrics>();
        services.AddSingleton<IMetricSource, ContainerMetrics>();
        services.AddSingleton<IMetricSource, RuleMetrics>();
        services.AddSingleton<IMetricSource, AlertMetrics>();
        services.AddSingleton<IMetricSource, ExporterMetrics>();
        services.AddSingleton<IMetricSource, BindingMetrics>();
        services.AddSingleton<IMetricSource, MalwareMetrics>();
        services.AddSingleton<IMetricSource, SiloMetrics>();
        services.AddSingleton<IMetricSource, StorageMetrics>();
        services.AddSingleton<IMetricSource, KubernetesMetrics>();
        services.AddSingleton<IMetricSource, OrleansMetrics>();
        services.AddSingleton<IMetricSource, ProcessMetrics>();
        services.AddSingleton<MetricsEndpoint>();
        return services;
    }
}

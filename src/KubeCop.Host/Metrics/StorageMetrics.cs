namespace KubeCop.Host.Metrics;

/// <summary>How long the grain storage takes.</summary>
internal sealed class StorageMetrics : IMetricSource, IDisposable
{
    private static readonly double[] Bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

    private readonly InstrumentListener _instruments = new("KubeCop");

    public StorageMetrics(MetricCatalog catalog)
    {
        var (verb, result) = (MetricLabel.OneOf("verb", "read", "write", "clear"), MetricLabel.OneOf("result", "done", "conflict", "failed", "canceled"));
        _instruments.Publish(
            "kubecop.storage.operations",
            catalog.About("Storage").Histogram(
                "kubecop_storage_operation_seconds",
                "Time that operations on the grain storage took; conflict: another silo had written first, so that is merged and written again.",
                Bounds,
                verb,
                result),
            unit: 1,
            ("verb", verb),
            ("result", result));
        _instruments.Start();
    }

    public void Update() => _instruments.Observe();

    public void Dispose() => _instruments.Dispose();
}

using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>A metric as docs/metrics.md lists it.</summary>
/// <param name="Subject">What it is about: a part of that page.</param>
/// <param name="Type">counter, gauge or histogram.</param>
internal sealed record MetricDescription(string Subject, string Name, string Type, string Help, IReadOnlyList<MetricLabel> Labels);

/// <summary>Every metric of this process, and where their values are.</summary>
internal sealed class MetricCatalog
{
    private readonly List<MetricDescription> _all = [];

    public CollectorRegistry Registry { get; } = Prometheus.Metrics.NewCustomRegistry();

    /// <summary>In the order in which they were added.</summary>
    public IReadOnlyList<MetricDescription> All => _all;

    /// <summary>To add metrics of one subject.</summary>
    public MetricSubject About(string subject) => new(this, subject);

    internal void Add(MetricDescription metric) => _all.Add(metric);
}

/// <summary>Adds metrics of one subject to the catalog.</summary>
internal sealed class MetricSubject(MetricCatalog catalog, string subject)
{
    private readonly IMetricFactory _factory = Prometheus.Metrics.WithCustomRegistry(catalog.Registry);

    public Counter Counter(string name, string help, params MetricLabel[] labels)
    {
        List(name, "counter", help, labels);
        return _factory.CreateCounter(name, help, NamesOf(labels));
    }

    public Gauge Gauge(string name, string help, params MetricLabel[] labels)
    {
        List(name, "gauge", help, labels);
        return _factory.CreateGauge(name, help, NamesOf(labels));
    }

    /// <param name="bounds">Upper bounds of its buckets.</param>
    public Histogram Histogram(string name, string help, double[] bounds, params MetricLabel[] labels)
    {
        List(name, "histogram", help, labels);
        return _factory.CreateHistogram(name, help, NamesOf(labels), new HistogramConfiguration { Buckets = bounds });
    }

    /// <summary>Lists one that a library adds to the registry by itself.</summary>
    public void List(string name, string type, string help, params MetricLabel[] labels) => catalog.Add(new MetricDescription(subject, name, type, help, labels));

    private static string[] NamesOf(MetricLabel[] labels) => [.. labels.Select(static label => label.Name)];
}

using KubeCop.Host.Http;
using Prometheus;

namespace KubeCop.Host.Metrics;

/// <summary>The program and its process.</summary>
internal sealed class ProcessMetrics : IMetricSource
{
    public ProcessMetrics(MetricCatalog catalog)
    {
        var metrics = catalog.About("Process");
        metrics.Gauge("kubecop_build_info", "1, with the version.", MetricLabel.Like("version", "of KubeCop", @"^\d[\w.-]{0,60}$")).WithLabels(ApiEndpoints.Version).Set(1);
        DotNetStats.Register(catalog.Registry);
        metrics.List("process_cpu_seconds_total", "counter", "Total user and system CPU time spent in seconds.");
        metrics.List("process_start_time_seconds", "gauge", "Start time of the process since unix epoch in seconds.");
        metrics.List("process_working_set_bytes", "gauge", "Process working set");
        metrics.List("process_private_memory_bytes", "gauge", "Process private memory size");
        metrics.List("process_virtual_memory_bytes", "gauge", "Virtual memory size in bytes.");
        metrics.List("process_open_handles", "gauge", "Number of open handles");
        metrics.List("process_num_threads", "gauge", "Total number of threads");
        metrics.List("dotnet_total_memory_bytes", "gauge", "Total known allocated memory");
        metrics.List("dotnet_collection_count_total", "counter", "GC collection count", MetricLabel.OneOf("generation", "0", "1", "2"));
    }

    public void Update()
    {
        // The library's own are read by itself.
    }
}

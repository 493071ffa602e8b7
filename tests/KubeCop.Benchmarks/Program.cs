using System.Globalization;
using KubeCop.Benchmarks;

if (args is [ApiServerPart.Verb, var kubeconfig, var nodes, var pods])
{
    return await ApiServerPart.RunAsync(kubeconfig, int.Parse(nodes, CultureInfo.InvariantCulture), int.Parse(pods, CultureInfo.InvariantCulture));
}

if (args is [ExporterFaultsBenchmark.Part, var exporter, var address, var authority, var directory, var first, var count])
{
    return ExporterFaultsBenchmark.RunPart(exporter, address, authority, directory, int.Parse(first, CultureInfo.InvariantCulture), int.Parse(count, CultureInfo.InvariantCulture));
}

var benchmarks = new Dictionary<string, (string What, Func<Task> Run)>(StringComparer.Ordinal)
{
    ["pipeline"] = ("events decoded, routed and judged a second on one core, and bytes allocated", PipelineBenchmark.RunAsync),
    ["engine"] = ("evaluations of rules a second on one core, and bytes allocated", EngineBenchmark.RunAsync),
    ["replay"] = ("events of a recording a second on one core, from the file to the alerts", ReplayBenchmark.RunAsync),
    ["bindings"] = ("what a change of bindings costs: 1000 bindings for 500 pods, and looking for one", BindingsBenchmark.RunAsync),
    ["profiles"] = ("what a profile of 5000 entries costs: merging, giving it out, compiling it, looking into it", ProfilesBenchmark.RunAsync),
    ["scrape"] = ("one scrape of /metrics on a node with 500 containers", ScrapeBenchmark.RunAsync),
    ["cluster"] = ("three silos with 1000 and 10 000 workloads: taking them on, one at rest, after the loss of a silo (needs redis-server)", ClusterBenchmark.RunAsync),
    ["api"] = ("requests of 50 to 500 simulated nodes to their API server, at rest and while silos are restarted", ApiLoadBenchmark.RunAsync),
    ["bound"] = ("from what a new container does to its alert, with an API server and without one (needs root)", BoundBenchmark.RunAsync),
    ["rebind"] = ("from a change of the bindings to its effect in a running container (needs root)", RebindBenchmark.RunAsync),
    ["latency"] = ("from the system call to the alert line, on real containers (needs root)", LatencyBenchmark.RunAsync),
    ["kernel"] = ("what our programs cost in the kernel, by operation, and the memory of their maps (needs root)", KernelBenchmark.RunAsync),
    ["steady"] = ("share of a known load that ends in the kernel, and CPU of the whole program beside it (needs root)", SteadyBenchmark.RunAsync),
    ["unique"] = ("events a second that are all different, from the kernel's ring to the verdict (needs root)", UniqueBenchmark.RunAsync),
    ["peers"] = ("opens and execs a second of a watched container, beside opensnoop and execsnoop (needs root)", PeersBenchmark.RunAsync),
    ["alerts"] = ("memory before and after a burst of 10 000 alerts (needs root)", AlertBurstBenchmark.RunAsync),
    ["delivery"] = ("a burst of alerts to four receivers of which one never answers: alerts a second, cost of handing over, memory (needs root)", DeliveryBenchmark.RunAsync),
    ["exporters"] = ("each fault of a receiver with each exporter: alerts sent, received, twice, dropped (needs root)", ExporterFaultsBenchmark.RunAsync),
    ["image"] = ("the container image: size, start to ready, memory after a minute (needs root)", ImageBenchmark.RunAsync),
    ["footprint"] = ("start-up time and memory, idle and with 50 containers (needs root)", FootprintBenchmark.RunAsync),
};

if (args is not [var name] || (name != "all" && !benchmarks.ContainsKey(name)))
{
    Console.Error.WriteLine("usage: tools/bench NAME");
    Console.Error.WriteLine("  all        everything below");
    foreach (var (known, (what, _)) in benchmarks)
    {
        Console.Error.WriteLine($"  {known,-10} {what}");
    }

    return 2;
}

foreach (var (_, (_, run)) in benchmarks.Where(benchmark => name == "all" || benchmark.Key == name))
{
    await run();
}

return 0;

using KubeCop.Benchmarks;

var benchmarks = new Dictionary<string, (string What, Func<Task> Run)>(StringComparer.Ordinal)
{
    ["pipeline"] = ("events decoded, routed and judged a second on one core, and bytes allocated", PipelineBenchmark.RunAsync),
    ["latency"] = ("from the system call to the alert line, on real containers (needs root)", LatencyBenchmark.RunAsync),
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

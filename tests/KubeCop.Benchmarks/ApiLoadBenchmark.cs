using System.Diagnostics;
using System.Globalization;
using KubeCop.Core.Bindings;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Benchmarks;

/// <summary>
/// What clusters of different sizes ask of their API server: at rest, with all profiles final, and while silos are restarted one after the other. Nodes are the
/// parts of one that talk to it, in one process; the server is another one. What nodes wait by runs twice as fast, and rates are given by their clock.
/// </summary>
internal static class ApiLoadBenchmark
{
    private const int PodsPerNode = 30;
    private const int Restarts = 25;
    private const double Speed = 2;

    /// <summary>Of the nodes' clock: two refreshes of the membership table, as often as its Leases are read once.</summary>
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(2);

    /// <summary>How often a workload that is in use looks at its object (WorkloadMirror).</summary>
    private static readonly TimeSpan Look = TimeSpan.FromMinutes(10);

    public static async Task RunAsync()
    {
        Conditions.Print("api", $"{PodsPerNode} pods a node, {Window.TotalMinutes:0} minutes at rest, {Restarts} silos restarted one after the other; clock {Speed:0} times as fast");
        foreach (var nodes in (int[])[50, 100, 250, 500])
        {
            await MeasureAsync(nodes);
        }
    }

    private static async Task MeasureAsync(int count)
    {
        using var directory = new TestDirectory();
        var kubeconfig = directory.Combine("kubeconfig");
        using var server = await ApiServerPart.StartAsync(kubeconfig, count, PodsPerNode);
        var clock = new ScaledClock(Speed);
        var nodes = Enumerable.Range(0, count).Select(number => new SimulatedNode(number, kubeconfig, directory.Path, clock)).ToList();
        using var end = new CancellationTokenSource();
        try
        {
            await Parallel.ForEachAsync(nodes, new ParallelOptions { MaxDegreeOfParallelism = 4 }, async (node, _) => await node.StartAsync(PodsPerNode));
            var cluster = nodes[0].Services;
            var following = Task.WhenAll(
                FollowAsync(cluster.GetRequiredService<IPolicySource>().WatchAsync(end.Token)),
                FollowAsync(cluster.GetRequiredService<IProfileChanges>().WatchAsync("", end.Token)),
                LookAsync(cluster.GetRequiredService<IProfileMirror>(), count * PodsPerNode / ApiServerPart.Replicas, clock, end.Token));

            var before = await server.AskAsync();
            await Task.Delay(Window, clock);
            Print($"{count} nodes, at rest, a second", before, await server.AskAsync(), Window.TotalSeconds);

            before = await server.AskAsync();
            var watch = Stopwatch.StartNew();
            foreach (var node in nodes.TakeLast(Restarts))
            {
                await node.StopAsync();
                await node.StartAsync(PodsPerNode);
            }

            var each = (watch.Elapsed / Restarts).TotalMilliseconds;
            Print($"{count} nodes, each silo that is restarted (within {each:0} ms), with what all ask meanwhile", before, await server.AskAsync(), Restarts);
            await end.CancelAsync();
            await following;
        }
        finally
        {
            foreach (var node in nodes)
            {
                await node.DisposeAsync();
            }
        }
    }

    private static async Task FollowAsync<T>(IAsyncEnumerable<T> changes)
    {
        try
        {
            await foreach (var change in changes)
            {
                // Only what is asked for is of interest.
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    /// <summary>Each workload looks at its object from time to time, on whatever silo it is.</summary>
    private static async Task LookAsync(IProfileMirror mirror, int workloads, TimeProvider clock, CancellationToken end)
    {
        using var timer = new PeriodicTimer(Look / workloads, clock);
        try
        {
            for (var number = 0; await timer.WaitForNextTickAsync(end); number++)
            {
                await mirror.ReadAsync(new WorkloadKey("default", "Deployment", $"web-{number % workloads}"), end);
            }
        }
        catch (OperationCanceledException)
        {
            // The end.
        }
    }

    private static void Print(string what, ApiUse before, ApiUse after, double divisor)
    {
        var known = before.Requests.ToDictionary(static count => (count.User, count.Verb, count.Resource, count.Code));
        var kinds = after.Requests
            .Select(count => (Kind: $"{count.Verb} {count.Resource}{(count.Code is >= 200 and < 300 ? "" : $" ({count.Code})")}", New: Since(count)))
            .Where(static kind => kind.New.Requests > 0)
            .OrderByDescending(static kind => kind.New.Bytes)
            .ToList();
        var (requested, kibibytes) = (kinds.Sum(static kind => kind.New.Requests) / divisor, kinds.Sum(static kind => kind.New.Bytes) / divisor / 1024);
        var cpu = (after.Cpu - before.Cpu).TotalMilliseconds / divisor;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what}: {requested:0.00} requests, {kibibytes:0.0} KiB, {cpu:0} ms of this server's CPU"));
        foreach (var (kind, requests) in kinds)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"    {kind,-50} {requests.Requests / divisor,8:0.00} {requests.Bytes / divisor / 1024,10:0.0} KiB"));
        }

        (long Requests, long Bytes) Since(RequestCount count) => known.TryGetValue((count.User, count.Verb, count.Resource, count.Code), out var earlier)
            ? (count.Requests - earlier.Requests, count.BytesOut - earlier.BytesOut)
            : (count.Requests, count.BytesOut);
    }
}

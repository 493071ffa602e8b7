using System.Diagnostics;
using System.Globalization;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Storage.Redis;
using KubeCop.Testing.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.TestingHost;

namespace KubeCop.Benchmarks;

/// <summary>What three silos cost with a thousand workloads and with ten thousand: taking them on, one at rest, and being without a silo that was lost.</summary>
internal static class ClusterBenchmark
{
    private const short Silos = 3;
    private const int Entries = 100;
    private const int Concurrency = 64;

    private static readonly int[] Workloads = [1000, 10_000];
    private static readonly TimeSpan LearningPeriod = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ProbeTimeout = TimeSpan.FromSeconds(5);

    public static async Task RunAsync()
    {
        Conditions.Print(
            "cluster", $"{Silos} silos in one process, state in Redis, {Entries} entries a workload, {Concurrency} calls at once, probes of {ProbeTimeout.TotalSeconds} s, one run");
        foreach (var count in Workloads)
        {
            await RunAsync(count);
        }
    }

    private static async Task RunAsync(int count)
    {
        await using var redis = await RedisServer.StartNewAsync();
        var builder = new InProcessTestClusterBuilder(Silos);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddKubeCopGrains();
            silo.AddKubeCopRedisStorage(GrainStorage.Name, new RedisOptions { ConnectionString = redis.ConnectionString });
            silo.Services.AddSingleton(TimeProvider.System).AddLogging(logging => logging.SetMinimumLevel(LogLevel.None));
            silo.Services.Configure<LearningOptions>(options => options.Period = LearningPeriod);
            silo.Services.Configure<ClusterMembershipOptions>(options => options.ProbeTimeout = ProbeTimeout);
        });
        await using var cluster = builder.Build();
        await cluster.DeployAsync();
        var grains = cluster.Silos[0].ServiceProvider.GetRequiredService<IGrainFactory>();
        await TakeOnAsync(grains, Container(-1));

        var empty = GC.GetTotalMemory(forceFullCollection: true);
        var containers = Enumerable.Range(0, count).Select(Container).ToArray();
        var (watch, cpu) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        await Parallel.ForEachAsync(containers, Parallelism, async (container, _) => await TakeOnAsync(grains, container));
        var (taken, takenCpu) = (watch.Elapsed, Environment.CpuUsage.TotalTime - cpu);

        await Parallel.ForEachAsync(containers, Parallelism, async (container, cancellation) =>
        {
            while ((await grains.GetGrain<IWorkloadGrain>(container.Workload.GrainKey).GetProfileAsync())!.State != ProfileState.Final)
            {
                await Task.Delay(TimeSpan.FromSeconds(1), cancellation);
            }
        });
        var atRest = (GC.GetTotalMemory(forceFullCollection: true) - empty) / 1024.0 / count;

        var lost = cluster.Silos[^1];
        var statistics = await grains.GetGrain<IManagementGrain>(0).GetDetailedGrainStatistics(hostsIds: [lost.SiloAddress]);
        var onIt = statistics.Select(static grain => grain.GrainId.Key.ToString()!).ToHashSet(StringComparer.Ordinal);
        var away = containers.Where(container => onIt.Contains(container.Workload.GrainKey)).ToArray();
        watch.Restart();
        await cluster.KillSiloAsync(lost);
        var back = await Task.WhenAll(away.Select(async container =>
        {
            while (true)
            {
                try
                {
                    var profile = await grains.GetGrain<IWorkloadGrain>(container.Workload.GrainKey).GetProfileAsync();
                    return profile is { State: ProfileState.Final, Containers: [{ Opens.Count: Entries }] }
                        ? watch.Elapsed : throw new InvalidOperationException($"{container.Workload} came back without what it had.");
                }
                catch (Exception exception) when (exception is OrleansException or TimeoutException)
                {
                    await Task.Delay(TimeSpan.FromMilliseconds(100));
                }
            }
        }));

        Print($"{count} workloads, each registered, merged and stored", $"{count / taken.TotalSeconds:0} a second, {takenCpu.TotalMilliseconds / count:0.00} ms CPU each");
        Print($"{count} workloads, one with a final profile at rest", $"{atRest:0.0} KB");
        Print(
            $"{count} workloads, a silo lost that had {back.Length} of them",
            $"the first back after {back.Min().TotalSeconds:0.0} s, the last after {back.Max().TotalSeconds:0.0} s");
    }

    private static ParallelOptions Parallelism => new() { MaxDegreeOfParallelism = Concurrency };

    private static async Task TakeOnAsync(IGrainFactory grains, ContainerDescription container)
    {
        var workload = grains.GetGrain<IWorkloadGrain>(container.Workload.GrainKey);
        var assignment = await workload.RegisterAsync(container);
        var receipt = await workload.OfferAsync(new ProfileDelta
        {
            Slot = assignment.Slot,
            Generation = assignment.Generation,
            Items = Enumerable.Range(0, Entries).Select(entry => new ObservedItem(new OpenItem($"/usr/lib/{container.Id}/module_{entry}.so", 1), container.SeenAt)).ToArray(),
            Replicas = ReplicaSketch.Of(container.Id),
        });
        await workload.StoreAsync(receipt.Activation, hurry: true);
    }

    private static ContainerDescription Container(int number) => new()
    {
        Id = $"container-{number}",
        Name = "app",
        Runtime = "containerd",
        Node = "node",
        Workload = new WorkloadKey($"namespace-{number % 20}", "Deployment", $"web-{number}"),
        Origin = ContainerOrigin.Started,
        SeenAt = DateTimeOffset.UtcNow,
        CgroupId = 1,
        CgroupPath = "/c",
        Revision = "r1",
    };

    private static void Print(string what, FormattableString value) =>
        Console.WriteLine($"  {what,-60} {value.ToString(CultureInfo.InvariantCulture)}");
}

using System.Globalization;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>
/// Silos as processes, whose containers act while processes are killed, one is cut off, storage fails and all are replaced: whatever happened, each profile
/// is what its containers did. <c>KUBECOP_FAULT_SEED</c> repeats a seed; what a node says is in the failure's message.
/// </summary>
[Collection(nameof(WholeMachine))]
public sealed class ClusterFaultTests
{
    private static readonly FaultPlan Slice = new(
        Workloads: 12, Replicas: 4, Period: TimeSpan.FromSeconds(15), Duration: TimeSpan.FromSeconds(15), Outage: TimeSpan.FromSeconds(4), CutOff: TimeSpan.FromSeconds(6), DeedsPerSecond: 1);

    private static readonly FaultPlan Whole = new(
        Workloads: 300, Replicas: 10, Period: TimeSpan.FromSeconds(150), Duration: TimeSpan.FromSeconds(150), Outage: TimeSpan.FromSeconds(60), CutOff: TimeSpan.FromSeconds(30), DeedsPerSecond: 0.3);

    public static TheoryData<ulong> Seeds => SeedFromEnvironment is { } seed ? [seed] : [.. Enumerable.Range(1, 10).Select(static seed => (ulong)seed)];

    private static ulong? SeedFromEnvironment =>
        Environment.GetEnvironmentVariable("KUBECOP_FAULT_SEED") is { Length: > 0 } text ? ulong.Parse(text, CultureInfo.InvariantCulture) : null;

    [Fact]
    public Task Faults_ForAWhile_LoseNothingOfAnyProfile() => RunAsync(Slice, SeedFromEnvironment ?? (ulong)Random.Shared.Next());

    [Theory, Trait("Category", "Soak"), MemberData(nameof(Seeds))]
    public Task Faults_ForLong_LoseNothingOfAnyProfile(ulong seed) => RunAsync(Whole, seed);

    private static async Task RunAsync(FaultPlan plan, ulong seed)
    {
        await using var cluster = await FaultCluster.StartAsync(plan, seed);
        cluster.Tell($"seed {seed}");
        await Task.WhenAll(BreakStorageAsync(cluster, new Random(HashCode.Combine(seed, 1))), BreakNodesAsync(cluster, new Random(HashCode.Combine(seed, 2))));

        cluster.Tell("all faults are over");
        foreach (var node in cluster.Nodes)
        {
            await node.AskAsync("quiet");
        }

        try
        {
            var reports = await cluster.SettleAsync();
            cluster.Tell("settled");
            var verdict = Verdict.Of(cluster, await cluster.Nodes[0].ProfilesAsync());
            cluster.Tell(
                $"{verdict.Deeds} deeds, {verdict.Expected} entries, {verdict.Excused} lost in the window of "
                + $"{cluster.Nodes.Sum(static node => node.Kills.Count)} kills, {verdict.Partial} containers partial");
            string[] faults =
            [
                .. verdict.Faults,
                .. cluster.Nodes.SelectMany(static node => node.Complaints),
                .. reports.SelectMany(static report => report!.Overflows).Select(static overflow => $"{overflow.Key}: {overflow.Value}"),
            ];
            Assert.True(faults.Length == 0, $"Seed {seed}: {faults.Length} faults.\n{string.Join('\n', faults.Take(30))}\n{cluster.Logs}");
        }
        catch (TimeoutException exception)
        {
            Assert.Fail($"Seed {seed}: {exception.Message}\n{cluster.Logs}");
        }
    }

    private static async Task BreakStorageAsync(FaultCluster cluster, Random random)
    {
        var pause = cluster.Plan.Duration / 5;
        await Task.Delay(pause * random.NextDouble());
        await SetAsync(cluster, conflicts: 0.2, delay: 0);
        await Task.Delay(pause);
        await SetAsync(cluster, conflicts: 0.1, delay: 0.5);
        await Task.Delay(pause);
        cluster.Tell($"storage stopped for {cluster.Plan.Outage.TotalSeconds} s");
        await cluster.Storage.StopAsync();
        await Task.Delay(cluster.Plan.Outage);
        await cluster.Storage.StartAsync();
        cluster.Tell("storage is back");
        await Task.Delay(pause);
        await SetAsync(cluster, conflicts: 0, delay: 0);
    }

    private static async Task BreakNodesAsync(FaultCluster cluster, Random random)
    {
        var started = TimeProvider.System.GetTimestamp();
        var pause = cluster.Plan.Duration / 8;
        while (TimeProvider.System.GetElapsedTime(started) < cluster.Plan.Duration * 0.5)
        {
            await Task.Delay(pause * (0.5 + random.NextDouble()));
            await cluster.Nodes[random.Next(cluster.Nodes.Count)].KillAsync(TimeSpan.FromSeconds(3 * random.NextDouble()));
        }

        var before = await cluster.Nodes[^1].AskAsync("silo");
        cluster.Tell($"{cluster.Nodes[^1].Name} cut off for {cluster.Plan.CutOff.TotalSeconds} s");
        await cluster.Network.CutAsync();
        await Task.Delay(cluster.Plan.CutOff);
        await cluster.Network.JoinAsync();
        cluster.Tell($"{cluster.Nodes[^1].Name} can reach the others again");
        await cluster.Nodes[^1].UntilReplacedAsync(before);
        await cluster.Nodes[^1].UntilSiloIsAsync("Member");
        foreach (var node in cluster.Nodes)
        {
            await node.RollAsync();
        }
    }

    private static async Task SetAsync(FaultCluster cluster, double conflicts, double delay)
    {
        cluster.Tell($"{conflicts:P0} of writes in conflict, up to {delay} s slower");
        foreach (var node in cluster.Nodes)
        {
            await node.SetStorageAsync(string.Create(CultureInfo.InvariantCulture, $"storage {conflicts} {delay}"));
        }
    }
}

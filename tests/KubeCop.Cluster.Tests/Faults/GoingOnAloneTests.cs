using KubeCop.Testing;
using KubeCop.Testing.Storage;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>Nodes as processes that cannot reach their cluster: each goes on alone, raises its alerts in time, and is a member again when it can.</summary>
public sealed class GoingOnAloneTests : IAsyncDisposable
{
    /// <summary>Of the simulated workloads none runs it, but no rule minds the program itself.</summary>
    private const string Deviation = "/usr/bin/never-seen-before";

    /// <summary>Malicious in itself.</summary>
    private const string Malicious = "/dev/shm/x";

    private static readonly TimeSpan AlertTime = TimeSpan.FromSeconds(1);

    private readonly TestDirectory _directory = new();
    private readonly List<IAsyncDisposable> _parts = [];

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Enumerable.Reverse(_parts))
        {
            await part.DisposeAsync();
        }

        _directory.Dispose();
    }

    [Fact]
    public async Task Node_MembershipAwayAtStart_IsReadyAloneAndJoinsWhenItIsThere()
    {
        Assert.SkipWhen(Commands.Find("redis-server") is null, "needs redis-server; tools/test installs it");
        var redis = ServerProcess.FreePort();

        var node = await StartNodeAsync(redis);
        await node.UntilSiloIsAsync("Alone");
        await AssertAttackIsSeenAsync(node, Malicious);

        await StartRedisAsync(redis);
        await node.UntilSiloIsAsync("Member");
        await AssertAttackIsSeenAsync(node, Malicious);
        Assert.Empty(node.Complaints);
    }

    [Fact]
    public async Task Member_MembershipGoesAway_StaysOneAndGoesOn()
    {
        Assert.SkipWhen(Commands.Find("redis-server") is null, "needs redis-server; tools/test installs it");
        var redis = ServerProcess.FreePort();
        var server = await StartRedisAsync(redis);
        var node = await StartNodeAsync(redis);
        await node.UntilSiloIsAsync("Member");

        await server.DisposeAsync();
        await Wait.UntilAsync(() => ServerProcess.ListensAsync(redis), static listens => !listens, "end of redis");

        // Several times in which the silo would have read the table.
        for (var started = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(8);)
        {
            await AssertAttackIsSeenAsync(node, Malicious);
        }

        Assert.Equal("Member", await node.AskAsync("silo"));
        Assert.Empty(node.Complaints);
    }

    [Fact]
    public async Task Node_CutOffInItsNetwork_GoesOnAloneAndComesBackWithAllItLearned()
    {
        var plan = new FaultPlan(Workloads: 4, Replicas: 3, Period: TimeSpan.FromSeconds(20), Duration: TimeSpan.FromSeconds(1), Outage: default, CutOff: default, DeedsPerSecond: 2);
        await using var cluster = await FaultCluster.StartAsync(plan, seed: 1);
        var node = cluster.Nodes[^1];
        try
        {
            // So that the last node keeps its profile, one workload has to be learned; another one may still be.
            await cluster.Network.CutAsync();
            await node.UntilSiloIsAsync("Alone");
            await AssertAttackIsSeenAsync(node, Malicious);
            await cluster.Network.JoinAsync();
            await node.UntilSiloIsAsync("Member");
            await AssertAttackIsSeenAsync(node, Malicious);
            await SettleAsync(cluster);

            await cluster.Network.CutAsync();
            await node.UntilSiloIsAsync("Alone");
            await AssertAttackIsSeenAsync(node, Deviation);
            await cluster.Network.JoinAsync();
            await node.UntilSiloIsAsync("Member");
            await AssertAttackIsSeenAsync(node, Deviation);

            foreach (var quiet in cluster.Nodes)
            {
                await quiet.AskAsync("quiet");
            }

            var reports = await SettleAsync(cluster);
            var verdict = Verdict.Of(cluster, await cluster.Nodes[0].ProfilesAsync());
            cluster.Tell($"{verdict.Deeds} deeds, {verdict.Expected} entries");
            string[] faults =
            [
                .. verdict.Faults,
                .. cluster.Nodes.SelectMany(static node => node.Complaints),
                .. reports.SelectMany(static report => report!.Overflows).Select(static overflow => $"{overflow.Key}: {overflow.Value}"),
            ];
            Assert.True(faults.Length == 0, $"{faults.Length} faults.\n{string.Join('\n', faults.Take(30))}\n{cluster.Logs}");
            Assert.Equal(0, verdict.Excused);
        }
        catch (TimeoutException exception)
        {
            Assert.Fail($"{exception.Message}\n{cluster.Logs}");
        }
    }

    private static Task<NodeReport?[]> SettleAsync(FaultCluster cluster) => Wait.UntilAsync(
        () => Task.WhenAll(cluster.Nodes.Select(static node => node.ReportAsync())),
        static reports => reports.All(static report => report is { IsSettled: true }),
        "nodes whose deltas are all stored and whose containers go by complete profiles",
        TimeSpan.FromMinutes(3));

    private static async Task AssertAttackIsSeenAsync(FaultNode node, string program) => Assert.InRange(await node.AttackAsync(program), TimeSpan.Zero, AlertTime);

    private async Task<ServerProcess> StartRedisAsync(int port)
    {
        var server = await ServerProcess.StartAsync(
            _directory.Combine("redis.log"),
            [Commands.Find("redis-server")!, "--port", $"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", _directory.Path],
            () => ServerProcess.ListensAsync(port));
        _parts.Add(server);
        return server;
    }

    private async Task<FaultNode> StartNodeAsync(int redis)
    {
        var simulation = new Simulation
        {
            Node = "node-a",
            Nodes = ["node-a"],
            Workloads = 1,
            Replicas = 1,
            DeedsPerSecond = 1,
            UniqueShare = 0,
            Lifetime = TimeSpan.FromMinutes(1),
            Seed = 1,
            EmissionLog = _directory.Combine("node-a.emissions"),
            StorageConnection = "",
            Settings = new Dictionary<string, string>
            {
                ["KubeCop:Node:Name"] = "node-a",
                ["KubeCop:Node:DataDirectory"] = _directory.Combine("node-a"),
                ["KubeCop:Http:Address"] = "127.0.0.1:0",
                ["KubeCop:Learning:Period"] = "1h",
                ["KubeCop:Cluster:Membership"] = "redis",
                ["KubeCop:Cluster:ConnectionString"] = $"127.0.0.1:{redis},connectTimeout=1000",
                ["KubeCop:Cluster:AdvertisedAddress"] = "127.0.0.1",
                ["KubeCop:Cluster:SiloPort"] = $"{ServerProcess.FreePort()}",
                ["KubeCop:Cluster:RefreshPeriod"] = "1s",
                ["KubeCop:Cluster:RejoinPeriod"] = "2s",
            },
        };
        var node = new FaultNode(_directory.Path, simulation, networkNamespace: null, line => TestContext.Current.TestOutputHelper?.WriteLine(line));
        _parts.Add(node);
        await node.StartAsync();
        return node;
    }
}

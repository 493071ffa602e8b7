using KubeCop.Testing;
using KubeCop.Testing.Storage;
using KubeCop.Testing.Tls;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>Nodes as processes that cannot reach their cluster: each goes on alone, raises its alerts in time, and is a member again when it can.</summary>
[Collection(nameof(WholeMachine))]
public sealed class GoingOnAloneTests : IAsyncDisposable
{
    /// <summary>Of the simulated workloads none runs it, but no rule minds the program itself.</summary>
    private const string Deviation = "/usr/bin/never-seen-before";

    /// <summary>Malicious in itself.</summary>
    private const string Malicious = "/dev/shm/x";

    private static readonly TimeSpan AlertTime = TimeSpan.FromSeconds(1);

    private readonly TestDirectory _directory = new();
    private readonly List<IAsyncDisposable> _parts = [];
    private int _attacks;
    private TimeSpan _slowest;

    public async ValueTask DisposeAsync()
    {
        TestContext.Current.TestOutputHelper?.WriteLine($"{_attacks} attacks, each seen within {_slowest.TotalMilliseconds:0} ms");
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

        _parts.Remove(server);
        await server.DisposeAsync();
        await Wait.UntilAsync(() => ServerProcess.ListensAsync(redis), static listens => !listens, "end of redis");

        // Several times in which the silo would have read the table.
        for (var started = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(started) < TimeSpan.FromSeconds(8);)
        {
            await AssertAttackIsSeenAsync(node, Malicious);
        }

        Assert.Equal("Member 0", await node.AskAsync("silo"));
        Assert.Empty(node.Complaints);
    }

    [Fact]
    public async Task Node_CutOffInItsNetwork_GoesOnAloneAndComesBackWithAllItLearned()
    {
        var plan = new FaultPlan(Workloads: 4, Replicas: 3, Period: TimeSpan.FromSeconds(20), Duration: TimeSpan.FromSeconds(1), Outage: default, CutOff: default, DeedsPerSecond: 2);
        await using var cluster = await FaultCluster.StartAsync(plan, seed: 1);
        try
        {
            // While it learns: what the workloads' new containers do is learned, so only what is malicious in itself is told.
            await BeDeclaredDeadAsync(cluster, Malicious);
            await cluster.SettleAsync();

            // When it has learned. The store and the workloads' grains are as far away as the other silos.
            await BeDeclaredDeadAsync(cluster, Deviation);
            foreach (var quiet in cluster.Nodes)
            {
                await quiet.AskAsync("quiet");
            }

            var reports = await cluster.SettleAsync();
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

    /// <summary>Cuts the last node off until the others have declared it dead. When it can reach them again it learns that.</summary>
    private async Task BeDeclaredDeadAsync(FaultCluster cluster, string program)
    {
        var node = cluster.Nodes[^1];
        var before = await node.AskAsync("silo");
        await cluster.Network.CutAsync();
        cluster.Tell($"{node.Name} cut off");
        do
        {
            await AssertAttackIsSeenAsync(node, program);
        }
        while (await cluster.Nodes[0].AskAsync("members") != "2");

        await cluster.Network.JoinAsync();
        cluster.Tell($"{node.Name} was declared dead and can reach the others again");
        string silo;
        do
        {
            await AssertAttackIsSeenAsync(node, program);
            silo = await node.AskAsync("silo");
        }
        while (silo == before || !silo.StartsWith("Member", StringComparison.Ordinal));

        cluster.Tell($"{node.Name} was {before} and is {silo}");
        await AssertAttackIsSeenAsync(node, program);
    }

    private async Task AssertAttackIsSeenAsync(FaultNode node, string program)
    {
        var duration = await node.AttackAsync(program);
        Assert.InRange(duration, TimeSpan.Zero, AlertTime);
        _attacks++;
        _slowest = duration > _slowest ? duration : _slowest;
    }

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
            Settings = new Dictionary<string, string>(PemFiles.ForCluster(_directory).ClusterSettings)
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

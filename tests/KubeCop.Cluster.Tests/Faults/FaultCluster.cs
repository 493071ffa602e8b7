using System.Globalization;
using KubeCop.Testing;
using KubeCop.Testing.Storage;
using KubeCop.Testing.Tls;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>How large a cluster is and for how long things go wrong in it.</summary>
/// <param name="Period">How long profiles are learned; gaps come on top.</param>
/// <param name="Duration">Of the faults.</param>
/// <param name="Outage">How long the storage is away.</param>
/// <param name="CutOff">How long a node is cut off.</param>
/// <param name="DeedsPerSecond">Of each container.</param>
internal sealed record FaultPlan(int Workloads, int Replicas, TimeSpan Period, TimeSpan Duration, TimeSpan Outage, TimeSpan CutOff, double DeedsPerSecond);

/// <summary>
/// Three nodes as processes, the last one in a network of its own, with their membership in a Redis and their profiles in an Azurite.
/// </summary>
internal sealed class FaultCluster : IAsyncDisposable
{
    private static readonly TimeSpan SettlingTime = TimeSpan.FromMinutes(20);

    /// <summary>Each look asks every workload for its whole profile, which keeps a machine busy.</summary>
    private static readonly TimeSpan LookPause = TimeSpan.FromSeconds(1);

    private readonly TestDirectory _directory = new();
    private readonly List<IAsyncDisposable> _parts = [];
    private readonly DateTimeOffset _started = DateTimeOffset.UtcNow;

    private FaultCluster(FaultPlan plan, ulong seed) => (Plan, Seed) = (plan, seed);

    public FaultPlan Plan { get; }

    public ulong Seed { get; }

    public List<FaultNode> Nodes { get; } = [];

    public AzuriteServer Storage { get; private set; } = null!;

    /// <summary>Of the last node.</summary>
    public CutOffNetwork Network { get; private set; } = null!;

    public static async Task<FaultCluster> StartAsync(FaultPlan plan, ulong seed)
    {
        var cluster = new FaultCluster(plan, seed);
        try
        {
            await cluster.StartAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>To the test's output, with the time.</summary>
    public void Tell(string line)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{(DateTimeOffset.UtcNow - _started).TotalSeconds,6:0.0} s  {line}");
        lock (_parts)
        {
            TestContext.Current.TestOutputHelper?.WriteLine(text);
        }
    }

    /// <summary>Ends when nothing is on its way any more and every container goes by the current version of a complete profile.</summary>
    public Task<NodeReport?[]> SettleAsync() => Wait.UntilAsync(
        () => Task.WhenAll(Nodes.Select(static node => node.ReportAsync())),
        static reports => reports.All(static report => report is { IsSettled: true }),
        "nodes whose deltas are all stored and whose containers go by complete profiles",
        SettlingTime,
        LookPause);

    /// <summary>What the nodes said last, for a failure's message.</summary>
    public string Logs => string.Join('\n', Nodes.Select(static node => $"== {node.Name}\n{string.Join('\n', File.Exists(node.Log) ? File.ReadLines(node.Log).TakeLast(60) : [])}"));

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(Nodes.Select(static node => node.DisposeAsync().AsTask()));
        foreach (var part in Enumerable.Reverse(_parts))
        {
            await part.DisposeAsync();
        }

        if (TestContext.Current.TestState?.Result == TestResult.Failed && Environment.GetEnvironmentVariable("KUBECOP_KEEP") is { Length: > 0 })
        {
            return;
        }

        _directory.Dispose();
    }

    private async Task StartAsync()
    {
        Assert.SkipWhen(Commands.Find("redis-server") is null, "needs redis-server; tools/test installs it");
        Network = await CutOffNetwork.CreateAsync();
        _parts.Add(Network);
        Storage = await AzuriteServer.StartNewAsync(isFavoured: true);
        _parts.Add(Storage);
        _parts.Add(new Forwarder(Network.Outside, Storage.Port));
        var redis = ServerProcess.FreePort();
        _parts.Add(await ServerProcess.StartAsync(
            _directory.Combine("redis.log"),
            [Commands.Find("redis-server")!, "--port", $"{redis}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", _directory.Path],
            () => ServerProcess.ListensAsync(redis)));
        _parts.Add(new Forwarder(Network.Outside, redis));
        var tls = PemFiles.ForCluster(_directory);
        string[] names = ["node-a", "node-b", "node-c"];
        foreach (var name in names)
        {
            var isInside = name == names[^1];
            Nodes.Add(new FaultNode(_directory.Path, Simulate(name, names, isInside ? Network.Inside : Network.Outside, redis, tls), isInside ? Network.Name : null, Tell));
        }

        await Task.WhenAll(Nodes.Select(static node => node.StartAsync()));

        // A node is ready before its silo has joined, when that takes its time.
        await Task.WhenAll(Nodes.Select(static node => node.UntilSiloIsAsync("Member")));
    }

    private Simulation Simulate(string name, IReadOnlyList<string> names, string address, int redis, PemFiles tls) => new()
    {
        Node = name,
        Nodes = names,
        Workloads = Plan.Workloads,
        Replicas = Plan.Replicas,
        DeedsPerSecond = Plan.DeedsPerSecond,
        UniqueShare = 0.2,
        Lifetime = Plan.Period * 3,
        Seed = Seed,
        EmissionLog = _directory.Combine($"{name}.emissions"),
        StorageConnection = Storage.ConnectionString.Replace("127.0.0.1", Network.Outside, StringComparison.Ordinal),
        Settings = new Dictionary<string, string>(tls.ClusterSettings)
        {
            ["KubeCop:Node:Name"] = name,
            ["KubeCop:Node:DataDirectory"] = _directory.Combine(name),
            ["KubeCop:Http:Address"] = "127.0.0.1:0",
            ["KubeCop:Learning:Period"] = $"{Plan.Period:c}",

            // Each file by itself, so that profiles can be compared with what was done.
            ["KubeCop:Learning:MaxVariableNames"] = "0",
            ["KubeCop:Cluster:Membership"] = "redis",
            ["KubeCop:Cluster:ConnectionString"] = $"{Network.Outside}:{redis}",
            ["KubeCop:Cluster:AdvertisedAddress"] = address,
            ["KubeCop:Cluster:SiloPort"] = $"{ServerProcess.FreePort()}",

            // A node that is gone is to be noticed within the test.
            ["KubeCop:Cluster:ProbeTimeout"] = "00:00:01.5",
            ["KubeCop:Cluster:RefreshPeriod"] = "2s",
            ["KubeCop:Cluster:RejoinPeriod"] = "2s",
        },
    };
}

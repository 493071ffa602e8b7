using KubeCop.Cluster.Tests.Faults;
using KubeCop.Testing;
using KubeCop.Testing.Storage;
using KubeCop.Testing.Tls;

namespace KubeCop.Cluster.Tests.Tls;

/// <summary>Nodes as processes that prove to each other who they are, and one that cannot.</summary>
[Collection(nameof(WholeMachine))]
public sealed class ClusterTlsTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly TestAuthority _authority = new();
    private readonly List<IAsyncDisposable> _parts = [];
    private readonly int _redis = ServerProcess.FreePort();

    public async ValueTask InitializeAsync()
    {
        Assert.SkipWhen(Commands.Find("redis-server") is null, "needs redis-server; tools/test installs it");
        _parts.Add(await ServerProcess.StartAsync(
            _directory.Combine("redis.log"),
            [Commands.Find("redis-server")!, "--port", $"{_redis}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", _directory.Path],
            () => ServerProcess.ListensAsync(_redis)));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Enumerable.Reverse(_parts))
        {
            await part.DisposeAsync();
        }

        _authority.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("other authority", "is of none of the authorities in KubeCop:Cluster:Tls:CaFile")]
    [InlineData("other name", "is not one of a silo")]
    [InlineData("expired", "has expired on")]
    public async Task Node_CertificateNotGood_DoesNotJoinAndBothSayWhyUntilItIsReplaced(string fault, string reason)
    {
        using var other = new TestAuthority();
        var pair = fault switch
        {
            "other authority" => other.Issue(),
            "other name" => _authority.Issue("kubecop-http"),
            _ => _authority.Issue(from: DateTimeOffset.UtcNow.AddDays(-9), until: DateTimeOffset.UtcNow.AddHours(-1)),
        };
        var a = await StartAsync("node-a", Files("node-a", _authority.Issue()).ClusterSettings);
        await a.UntilSiloIsAsync("Member");
        var files = Files("node-b", pair);
        var b = await StartAsync("node-b", files.ClusterSettings);
        await b.UntilSiloIsAsync("Alone");

        await UntilLogHasAsync(a, $"The certificate of 127.0.0.1 {reason}");
        await UntilLogHasAsync(b, $"says that this node's certificate {reason}");
        Assert.Contains($"The certificate of 127.0.0.1 {reason}", await a.AskAsync("degraded"), StringComparison.Ordinal);
        Assert.Contains($"says that this node's certificate {reason}", await b.AskAsync("degraded"), StringComparison.Ordinal);
        Assert.Equal("Member 0", await a.AskAsync("silo"));
        Assert.Equal("1", await b.AskAsync("members"));

        files.Write(_authority.Issue(), _authority.Pem);
        await b.UntilSiloIsAsync("Member");
        await UntilMembersAsync(2, a, b);
        Assert.Empty(a.Complaints.Concat(b.Complaints));
    }

    [Fact]
    public async Task Node_WithoutTls_DoesNotJoinThoseThatHaveIt()
    {
        var a = await StartAsync("node-a", Files("node-a", _authority.Issue()).ClusterSettings);
        await a.UntilSiloIsAsync("Member");
        var b = await StartAsync("node-b", new Dictionary<string, string> { ["KubeCop:Cluster:Tls:Mode"] = "none" });
        await b.UntilSiloIsAsync("Alone");

        await UntilLogHasAsync(a, "127.0.0.1 does not use TLS.");
        await UntilLogHasAsync(b, "The silos of this cluster prove nothing to each other");
        Assert.Equal("Member 0", await a.AskAsync("silo"));
    }

    /// <summary>All of a cluster goes over to another authority, of the same name, while it runs.</summary>
    [Fact]
    public async Task Cluster_CertificatesReplaced_ANodeThatKnowsOnlyTheNewAuthorityJoins()
    {
        using var renewed = new TestAuthority();
        PemFiles[] files = [Files("node-a", _authority.Issue()), Files("node-b", _authority.Issue())];
        var a = await StartAsync("node-a", files[0].ClusterSettings);
        var b = await StartAsync("node-b", files[1].ClusterSettings);
        await UntilMembersAsync(2, a, b);

        foreach (var one in files)
        {
            one.Write(renewed.Issue(), _authority.Pem + renewed.Pem);
        }

        await UntilLogHasAsync(a, "was replaced by one that is valid until");
        await UntilLogHasAsync(b, "was replaced by one that is valid until");
        var c = await StartAsync("node-c", new PemFiles(_directory.Combine("node-c-tls"), renewed.Issue(), renewed.Pem).ClusterSettings);
        await UntilMembersAsync(3, a, b, c);

        Assert.Equal(("Member 0", "Member 0"), (await a.AskAsync("silo"), await b.AskAsync("silo")));
        Assert.Empty(a.Complaints.Concat(b.Complaints).Concat(c.Complaints));
    }

    /// <summary>Whoever reaches a silo's port can call its grains: one that runs alone has none.</summary>
    [Fact]
    public async Task Node_Alone_ListensAtNothingButItsEndpoints()
    {
        var node = await StartAsync("node-a", new Dictionary<string, string> { ["KubeCop:Cluster:Membership"] = "none" });
        Assert.Equal("Alone 0", await node.AskAsync("silo"));
        Assert.InRange(await node.AttackAsync("/dev/shm/x"), TimeSpan.Zero, TimeSpan.FromSeconds(10));

        Assert.Equal("1", await node.AskAsync("listeners"));
    }

    private static Task UntilLogHasAsync(FaultNode node, string text) =>
        Wait.UntilAsync(() => File.ReadAllText(node.Log), log => log.Contains(text, StringComparison.Ordinal), $"'{text}' in the log of {node.Name}");

    private static async Task UntilMembersAsync(int count, params FaultNode[] nodes)
    {
        foreach (var node in nodes)
        {
            await node.UntilSiloIsAsync("Member");
            await Wait.UntilAsync(() => node.AskAsync("members"), members => members == $"{count}", $"{count} members as {node.Name} knows them");
        }
    }

    private PemFiles Files(string node, PemPair pair) => new(_directory.Combine($"{node}-tls"), pair, _authority.Pem);

    private async Task<FaultNode> StartAsync(string name, IReadOnlyDictionary<string, string> tls)
    {
        var settings = new Dictionary<string, string>
        {
            ["KubeCop:Node:Name"] = name,
            ["KubeCop:Node:DataDirectory"] = _directory.Combine(name),
            ["KubeCop:Http:Address"] = "127.0.0.1:0",
            ["KubeCop:Learning:Period"] = "1h",
            ["KubeCop:Cluster:Membership"] = "redis",
            ["KubeCop:Cluster:ConnectionString"] = $"127.0.0.1:{_redis},connectTimeout=1000",
            ["KubeCop:Cluster:AdvertisedAddress"] = "127.0.0.1",
            ["KubeCop:Cluster:SiloPort"] = $"{ServerProcess.FreePort()}",
            ["KubeCop:Cluster:RefreshPeriod"] = "1s",
            ["KubeCop:Cluster:JoinTimeout"] = "5s",
            ["KubeCop:Cluster:RejoinPeriod"] = "2s",
        };
        foreach (var (key, value) in tls)
        {
            settings[key] = value;
        }

        var simulation = new Simulation
        {
            Node = name,
            Nodes = [name],
            Workloads = 1,
            Replicas = 1,
            DeedsPerSecond = 1,
            UniqueShare = 0,
            Lifetime = TimeSpan.FromMinutes(1),
            Seed = 1,
            EmissionLog = _directory.Combine($"{name}.emissions"),
            StorageConnection = "",
            Settings = settings,
        };
        var node = new FaultNode(_directory.Path, simulation, networkNamespace: null, line => TestContext.Current.TestOutputHelper?.WriteLine(line));
        _parts.Add(node);
        await node.StartAsync();
        return node;
    }
}

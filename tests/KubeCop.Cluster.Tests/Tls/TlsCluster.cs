using KubeCop.Cluster.Tests.Faults;
using KubeCop.Testing;
using KubeCop.Testing.Storage;
using KubeCop.Testing.Tls;

namespace KubeCop.Cluster.Tests.Tls;

/// <summary>
/// Nodes as processes that all tests share, because starting them is what takes the time: two members of a cluster, and one that runs alone. What tests change they
/// leave as good as it was: all nodes with TLS are members, and each believes <see cref="Authorities"/>.
/// </summary>
public sealed class TlsCluster : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly List<TestAuthority> _authorities = [new()];
    private readonly List<IAsyncDisposable> _parts = [];
    private readonly List<TlsNode> _members = [];
    private readonly int _redis = ServerProcess.FreePort();
    private Task? _starting;

    /// <summary>What signs certificates now. Those before it are believed too.</summary>
    public TestAuthority Authority => _authorities[^1];

    /// <summary>All that are believed, in PEM form.</summary>
    public string Authorities => string.Concat(_authorities.Select(static authority => authority.Pem));

    /// <summary>Those that are to be members.</summary>
    internal IReadOnlyList<TlsNode> Members => _members;

    internal FaultNode Alone { get; private set; } = null!;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>Starts all, once; skips the test, saying why, where that is impossible.</summary>
    public Task StartAsync() => _starting ??= StartAllAsync();

    /// <summary>Starts a node, with such a certificate.</summary>
    /// <param name="authorities">Which it believes; default: all.</param>
    internal async Task<TlsNode> StartAsync(string name, PemPair pair, string? authorities = null)
    {
        var files = new PemFiles(_directory.Combine($"{name}-tls"), pair, authorities ?? Authorities);
        return new TlsNode(await StartAsync(name, files.ClusterSettings), files);
    }

    internal async Task<FaultNode> StartAsync(string name, IReadOnlyDictionary<string, string> more)
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

            // Less than the pause between two tries, so one that is refused is alone at once, and tries again soon.
            ["KubeCop:Cluster:JoinTimeout"] = "3s",
            ["KubeCop:Cluster:RejoinPeriod"] = "2s",
        };
        foreach (var (key, value) in more)
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
        var node = new FaultNode(_directory.Path, simulation, networkNamespace: null, static line => TestContext.Current.SendDiagnosticMessage(line));
        lock (_parts)
        {
            _parts.Add(node);
        }

        await node.StartAsync();
        return node;
    }

    /// <summary>From now on a node is to be a member; waits until all know it.</summary>
    internal async Task AddAsync(params TlsNode[] nodes)
    {
        _members.AddRange(nodes);
        foreach (var (node, _) in _members)
        {
            await node.UntilSiloIsAsync("Member");
            await Wait.UntilAsync(() => node.AskAsync("members"), members => members == $"{_members.Count}", $"{_members.Count} members as {node.Name} knows them", TimeSpan.FromMinutes(10));
        }
    }

    /// <summary>Goes over to another authority: all have certificates of it, and still believe those before. Waits until they are in use.</summary>
    public async Task ReplaceAuthorityAsync()
    {
        _authorities.Add(new TestAuthority());
        foreach (var (_, files) in _members)
        {
            files.Write(Authority.Issue(), Authorities);
        }

        foreach (var (node, files) in _members)
        {
            await node.UntilLogHasAsync($"The certificate in {files.Certificate} was replaced by one that is valid until");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Enumerable.Reverse(_parts))
        {
            await part.DisposeAsync();
        }

        _authorities.ForEach(static authority => authority.Dispose());
        _directory.Dispose();
    }

    private async Task StartAllAsync()
    {
        Assert.SkipWhen(Commands.Find("redis-server") is null, "needs redis-server; tools/test installs it");
        _parts.Add(await ServerProcess.StartAsync(
            _directory.Combine("redis.log"),
            [Commands.Find("redis-server")!, "--port", $"{_redis}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", _directory.Path],
            () => ServerProcess.ListensAsync(_redis)));
        var alone = StartAsync("node-alone", new Dictionary<string, string> { ["KubeCop:Cluster:Membership"] = "none" });
        await AddAsync(await Task.WhenAll(StartAsync("node-a", Authority.Issue()), StartAsync("node-b", Authority.Issue())));
        Alone = await alone;
    }
}

/// <summary>A node and the files of its certificate.</summary>
internal sealed record TlsNode(FaultNode Node, PemFiles Files);

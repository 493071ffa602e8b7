using System.Text.Json;
using KubeCop.Cluster.Tests.Faults;
using KubeCop.Testing;
using KubeCop.Testing.Storage;

namespace KubeCop.Cluster.Tests.Membership;

/// <summary>Silos as processes of their own that find each other through an API server.</summary>
[Collection(nameof(WholeMachine))]
public sealed class KubernetesClusterTests : IAsyncLifetime
{
    private const string Cluster = "kubecop";
    private const string AllThree = "node-a node-b node-c";

    private static readonly TimeSpan LeaveTime = TimeSpan.FromSeconds(30);

    private readonly MembershipServer _server = new();
    private readonly TestDirectory _directory = new();
    private readonly Dictionary<string, SiloProcess> _silos = [];
    private readonly Dictionary<string, int> _ports = [];
    private string _kubeconfig = "";

    public async ValueTask InitializeAsync()
    {
        await _server.InitializeAsync();
        _kubeconfig = _server.Api.WriteKubeconfig(_directory.Combine("kubeconfig"), _server.TokenFor(Cluster), MembershipServer.Namespace);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var silo in _silos.Values)
        {
            await silo.DisposeAsync();
        }

        await _server.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task Cluster_OnTheApiServer_FormsHealsAndOutlivesAnOutage()
    {
        await Task.WhenAll(StartAsync("node-a"), StartAsync("node-b"), StartAsync("node-c"));
        await UntilMembersAsync(AllThree, "node-a", "node-b", "node-c");
        await Wait.UntilAsync(() => _server.Leases(Cluster).Count, static count => count == 3, "Lease of each silo");

        // One that is gone without a word is declared dead by the others, and its Lease goes with it.
        await _silos["node-c"].KillAsync();
        await UntilMembersAsync("node-a node-b", "node-a", "node-b");
        await UntilRowsAsync("node-a Active, node-b Active, node-c Dead");
        await Wait.UntilAsync(() => _server.Leases(Cluster).Count, static count => count == 2, "Leases of the living alone");
        await UntilRowsAsync("node-a Active, node-b Active");

        // Longer than silos are believed to live without a word (9 s here).
        await _server.Api.StopAsync();
        var away = TimeProvider.System.GetTimestamp();
        await Wait.UntilAsync(
            async () => $"{await _silos["node-a"].AskAsync("ask")} {await _silos["node-b"].AskAsync("ask")} {await _silos["node-a"].AskAsync("members")}",
            seen => seen == "2 2 node-a node-b" ? TimeProvider.System.GetElapsedTime(away) > TimeSpan.FromSeconds(12) : throw new InvalidOperationException($"Without the API server: {seen}"),
            "end of the outage");
        await _server.Api.StartAgainAsync();

        await StartAsync("node-c");
        await UntilMembersAsync(AllThree, "node-a", "node-b", "node-c");
        await UntilRowsAsync("node-a Active, node-b Active, node-c Active");

        // One that leaves in order says so itself: nobody has to find out.
        Assert.Equal(0, await _silos["node-b"].TerminateAsync(LeaveTime));
        Assert.DoesNotContain("node-b Active", Rows(), StringComparison.Ordinal);
        Assert.DoesNotContain(_server.Leases(Cluster), static lease => ((string)lease["metadata"]!["name"]!).StartsWith("node-b-", StringComparison.Ordinal));
        await UntilMembersAsync("node-a node-c", "node-a", "node-c");
    }

    /// <summary>A node whose process is started again at the same address takes the place of the one before, whatever became of that.</summary>
    [Fact]
    public async Task Silo_KilledAndStartedAgain_TakesItsPlace()
    {
        await StartAsync("node-a");
        await _silos["node-a"].KillAsync();
        await StartAsync("node-a");

        await UntilMembersAsync("node-a", "node-a");
        Assert.Single(_server.Rows(Cluster), static row => (string?)row["status"] == "Active");
    }

    private async Task StartAsync(string name)
    {
        var file = _directory.Combine($"{name}.json");
        int port;
        lock (_ports)
        {
            if (!_ports.TryGetValue(name, out port))
            {
                _ports[name] = port = ServerProcess.FreePort();
            }
        }

        await File.WriteAllTextAsync(file, JsonSerializer.Serialize(new Member(name, port, Cluster, _kubeconfig)));
        var silo = new SiloProcess(file, _directory.Combine($"{name}.log"), networkNamespace: null, MemberPart.Verb);
        lock (_silos)
        {
            _silos[name] = silo;
        }

        Assert.True(await silo.WaitUntilReadyAsync(), $"{name} did not start. {Log(name)}");
    }

    private async Task UntilMembersAsync(string members, params string[] silos)
    {
        foreach (var silo in silos)
        {
            await Wait.UntilAsync(() => _silos[silo].AskAsync("members"), seen => seen == members, $"{members} as the members that {silo} knows");
        }
    }

    private Task UntilRowsAsync(string rows) => Wait.UntilAsync(Rows, seen => seen == rows, $"table with {rows}");

    private string Rows() => string.Join(", ", _server.Rows(Cluster).Select(static row => $"{row["name"]} {row["status"]}").Order());

    private string Log(string name) => File.Exists(_directory.Combine($"{name}.log")) ? File.ReadAllText(_directory.Combine($"{name}.log")) : "";
}

using System.Text.Json.Nodes;
using KubeCop.Sensor.Containers;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Storage;
using KubeCop.Testing.Tls;

namespace KubeCop.Node.Tests.Kubernetes;

/// <summary>
/// Three nodes of one cluster on this machine, with their API server and their store. Each has a sensor of its own, in one kernel: the first one is the
/// machine, with its containers; the others are machines whose cgroups are those below one of their own, as the nodes of kind are, where nothing runs.
/// Each may do what the chart's roles say, and no more.
/// </summary>
public sealed class ThreeNodes(ContainerdFixture containerd) : IAsyncDisposable
{
    private const string Namespace = "kubecop";

    /// <summary>In which a cluster is whole again when nothing is wrong any more, with ten times slack: silos look every few seconds here.</summary>
    private static readonly TimeSpan HealingTime = TimeSpan.FromMinutes(2);

    private readonly TestDirectory _directory = new();
    private readonly List<ClusterNode> _nodes = [];
    private readonly List<AttackedPod> _pods = [];
    private readonly List<string> _cgroups = [];
    private Task? _starting;
    private AzuriteServer? _store;
    private PemFiles? _tls;
    private ApiServer? _api;
    private Kubectl? _kubectl;

    public ApiServer Api => _api!;

    public Kubectl Kubectl => _kubectl!;

    public IReadOnlyList<ClusterNode> Nodes => _nodes;

    /// <summary>The node that has the containers.</summary>
    public ClusterNode First => _nodes[0];

    /// <summary>A pod on the first node that is learned from the start of the cluster on. Each test has one of its own.</summary>
    public AttackedPod Web => _pods[0];

    /// <inheritdoc cref="Web"/>
    public AttackedPod Shop => _pods[1];

    /// <summary>Starts all, once; skips the test, saying why, where that is impossible.</summary>
    public Task StartAsync() => _starting ??= StartAllAsync();

    /// <summary>Starts a pod of a deployment on the first node.</summary>
    public Task<AttackedPod> RunAsync(string deployment) => AttackedPod.StartAsync(this, containerd, deployment);

    /// <summary>Waits until every node is a member, works as it should, and each thing is followed by as many as are to follow it.</summary>
    public async Task UntilWholeAsync()
    {
        try
        {
            await Wait.UntilAsync(FindFaultsAsync, static faults => faults.Count == 0, "cluster that is whole", HealingTime);
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{exception.Message}\n{string.Join('\n', _nodes.Select(static node => node.Log))}");
        }
    }

    /// <summary>The nodes that watch a resource now.</summary>
    public IReadOnlyList<string> WatchersOf(string resource) => [.. Api.Watches().Where(watch => watch.Resource == resource).Select(static watch => watch.User).Order()];

    /// <summary>Makes what a node asks of the API server fail, in one way or another.</summary>
    public IDisposable Inject(Func<ApiRequest, bool> which, Func<Fault, Fault> how) =>
        Api.Inject(how(new Fault(request => request.User.StartsWith("node-", StringComparison.Ordinal) && which(request))));

    /// <summary>Has this binding, and no other one.</summary>
    public void BindOnly(string binding)
    {
        foreach (var other in Api.Objects("runtimerulealertbindings.kubescape.io"))
        {
            Api.Delete("runtimerulealertbindings.kubescape.io", "", (string)other["metadata"]!["name"]!);
        }

        Api.Apply(binding);
    }

    public string WriteFile(string name, string content)
    {
        File.WriteAllText(_directory.Combine(name), content);
        return _directory.Combine(name);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in (IEnumerable<IAsyncDisposable?>)[.. _pods, .. _nodes, _api, _store])
        {
            if (part is not null)
            {
                await part.DisposeAsync();
            }
        }

        foreach (var cgroup in _cgroups)
        {
            Directory.Delete(cgroup);
        }

        _directory.Dispose();
    }

    private async Task StartAllAsync()
    {
        Assert.SkipWhen(Kubectl.Missing is not null, Kubectl.Missing ?? "");
        _tls = PemFiles.ForCluster(_directory);
        var api = ApiServer.StartAsync();
        _store = await AzuriteServer.StartNewAsync();
        _api = await api;
        _api.Apply($"{{apiVersion: v1, kind: Namespace, metadata: {{name: {Namespace}}}}}");
        _kubectl = new Kubectl(_api, _directory);
        foreach (var name in (string[])["node-a", "node-b", "node-c"])
        {
            _nodes.Add(new ClusterNode(name, _directory, SettingsOf(name), _nodes.Count == 0 ? containerd.HostRoot : MakeMachine(name)));
        }

        await Task.WhenAll(_nodes.Select(static node => node.StartAsync()));
        await UntilWholeAsync();
        _pods.AddRange(await Task.WhenAll(RunAsync("web"), RunAsync("shop")));
    }

    /// <returns>Its root.</returns>
    private string MakeMachine(string name)
    {
        var cgroup = Directory.CreateDirectory($"{CgroupTree.Open("/").MountPoint}/{containerd.Namespace}-{name}").FullName;
        _cgroups.Add(cgroup);
        var root = _directory.Combine($"{name}-root");
        Directory.CreateSymbolicLink(Directory.CreateDirectory($"{root}/sys/fs").FullName + "/cgroup", cgroup);
        return root;
    }

    /// <summary>Those of the roles that the chart makes, as they are where this cluster has its silos.</summary>
    private static IReadOnlyList<AccessRule> RightsOfTheChart()
    {
        using var chart = new StreamReader(typeof(ThreeNodes).Assembly.GetManifestResourceStream("chart.yaml")!);
        return [.. AccessRule.FromYaml(chart.ReadToEnd()).Select(static rule => rule.Namespace is null ? rule : rule with { Namespace = Namespace })];
    }

    private Dictionary<string, string> SettingsOf(string name) => new(_tls!.ClusterSettings)
    {
        ["KubeCop:Node:Name"] = name,
        ["KubeCop:Kubernetes:Kubeconfig"] = Api.WriteKubeconfig(_directory.Combine($"{name}.kubeconfig"), Api.AddUser(name, RightsOfTheChart())),
        ["KubeCop:Cluster:Membership"] = "kubernetes",
        ["KubeCop:Cluster:KubernetesNamespace"] = Namespace,
        ["KubeCop:Cluster:AdvertisedAddress"] = "127.0.0.1",
        ["KubeCop:Cluster:SiloPort"] = $"{ServerProcess.FreePort()}",
        ["KubeCop:Cluster:ProbeTimeout"] = "1s",
        ["KubeCop:Cluster:RefreshPeriod"] = "2s",
        ["KubeCop:Cluster:RejoinPeriod"] = "2s",
        ["KubeCop:Storage:Provider"] = "azureblob",
        ["KubeCop:Storage:AzureBlob:ConnectionString"] = _store!.ConnectionString,
        ["KubeCop:Alerts:MaxPerMinute"] = "100000",
    };

    private async Task<IReadOnlyList<string>> FindFaultsAsync()
    {
        var faults = new List<string>();
        foreach (var node in _nodes)
        {
            faults.AddRange(await node.FindFaultsAsync());
        }

        var names = string.Join(' ', _nodes.Select(static node => node.Name));
        Expect("active in the membership table", names, ActiveSilos());
        Expect("watching their pods", names, WatchersOf("pods"));
        foreach (var resource in (string[])["applicationprofiles.kubescape.io", "runtimerulealertbindings.kubescape.io", "namespaces"])
        {
            if (WatchersOf(resource) is { Count: not 1 } watchers)
            {
                faults.Add($"{resource} are watched by '{string.Join(' ', watchers)}' and not by one");
            }
        }

        return faults;

        void Expect(string what, string expected, IEnumerable<string> found)
        {
            if (string.Join(' ', found) is var text && text != expected)
            {
                faults.Add($"{what}: '{text}' and not '{expected}'");
            }
        }
    }

    private IEnumerable<string> ActiveSilos() => (Api.Get("configmaps", Namespace, "kubecop-membership")?["data"] as JsonObject ?? [])
        .Where(static item => item.Key is not ("format" or "version"))
        .Select(static item => JsonNode.Parse((string)item.Value!)!)
        .Where(static row => (string?)row["status"] == "Active")
        .Select(static row => (string)row["name"]!)
        .Order();
}

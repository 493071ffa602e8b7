using System.Net;
using KubeCop.Host.Node;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Storage;
using KubeCop.Tests.Host.Node;

namespace KubeCop.Tests.Host.Http;

/// <summary>A whole node in a cluster whose endpoints are not on loopback but on an address of the machine.</summary>
public sealed class RemoteNodeFixture : IAsyncLifetime
{
    /// <summary>Of <see cref="ApiServer"/>, the node's own.</summary>
    public const string User = "system:serviceaccount:kubecop:kubecop";

    /// <summary>What docs/access.md says a node has to be allowed besides.</summary>
    public const string Rights = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: kubecop-access}
        rules:
        - {apiGroups: [authentication.k8s.io], resources: [tokenreviews], verbs: [create]}
        - {apiGroups: [authorization.k8s.io], resources: [subjectaccessreviews], verbs: [create]}
        """;

    private readonly TemporaryDirectory _directory = new();
    private NodeHost? _node;
    private HttpClient? _http;

    public ApiServer Api { get; private set; } = null!;

    public string DataDirectory => Path.Combine(_directory.Path, "data");

    internal NodeHost Node
    {
        get
        {
            Assert.SkipWhen(_node is null, "this machine has no address but loopback");
            return _node;
        }
    }

    /// <summary>Follows no redirection and keeps no cookies.</summary>
    public HttpClient Http
    {
        get
        {
            Assert.SkipWhen(_http is null, "this machine has no address but loopback");
            return _http;
        }
    }

    /// <summary>The silo's own.</summary>
    public string Token => File.ReadAllText(NodeFiles.TokenFile(DataDirectory)).Trim();

    public async ValueTask InitializeAsync()
    {
        Api = await ApiServer.StartAsync();
        if (Machine.Address is { } address)
        {
            (_node, _http) = await StartAsync(DataDirectory, address);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _http?.Dispose();
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }

        await Api.DisposeAsync();
        _directory.Dispose();
    }

    internal async Task<(NodeHost Node, HttpClient Http)> StartAsync(string dataDirectory, IPAddress address, params KeyValuePair<string, string?>[] more)
    {
        var sensor = new FakeSensor();
        sensor.ReadySource.SetResult();
        var kubeconfig = Api.WriteKubeconfig(Path.Combine(_directory.Path, "kubeconfig"), Api.AddUser(User, AccessRule.FromYaml(Rights)));
        var node = await NodeHostFixture.StartAsync(dataDirectory, sensor, new IPEndPoint(address, 0).ToString(), more: [new("KubeCop:Kubernetes:Kubeconfig", kubeconfig), .. more]);
        return (node, new HttpClient(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false, UseProxy = false }) { BaseAddress = new Uri($"http://{node.Address}") });
    }
}

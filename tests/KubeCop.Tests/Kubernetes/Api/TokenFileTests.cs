using System.Text.Json.Nodes;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Watching;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Kubernetes.Api;

/// <summary>A token that kubelet replaces while a watch goes on, and that is refused from then on.</summary>
public sealed class TokenFileTests : IAsyncLifetime
{
    private readonly TestDirectory _files = new();
    private readonly CancellationTokenSource _end = new();
    private ApiServer _server = null!;
    private k8s.Kubernetes _client = null!;
    private ObjectTable<string> _pods = null!;
    private ObjectWatch _watch = null!;
    private Task _running = null!;
    private string _token = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _token = _server.AddUser("kubecop", AccessRule.Everything);
        var account = _server.WriteServiceAccount(_files.Combine("account"), _token);
        var configuration = _server.ClientConfiguration();
        (configuration.AccessToken, configuration.TokenProvider) = (null, new TokenFile(Path.Combine(account, "token")));
        _client = new k8s.Kubernetes(configuration);
        var api = new ApiClient(_client, TimeSpan.FromSeconds(30), TimeProvider.System);
        _pods = new ObjectTable<string>(static pod => pod.Metadata.Name, static () => { });
        _watch = new ObjectWatch(api, new ObjectSelection(ApiResource.Pods, MetadataOnly: true), _pods, TimeProvider.System, NullLogger.Instance);
        Run("first");
        _running = Task.Run(() => _watch.RunAsync(_end.Token));
        await KnownAsync("first");
        await Wait.UntilAsync(() => Requests(200, "watch"), static watches => watches > 0, "the watch");
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _running;
        _client.Dispose();
        _end.Dispose();
        await _server.DisposeAsync();
        _files.Dispose();
    }

    [Fact]
    public async Task Token_ReplacedInTime_IsUsedByTheNextRequest_AndNobodyIsRefused()
    {
        Replace();
        _server.RevokeToken(_token);
        CutWatches();
        Run("second");

        await KnownAsync("second");
        Assert.Equal(0, Requests(401, "watch") + Requests(401, "list"));
        Assert.Equal(1, Requests(200, "list"));
    }

    [Fact]
    public async Task Token_RefusedBeforeItIsReplaced_IsSaid_AndNothingIsMissed()
    {
        _server.RevokeToken(_token);
        CutWatches();
        Run("second");
        var failure = await Wait.UntilAsync(() => _watch.Failure, static failure => failure is not null, "the failure");
        Assert.Contains("does not accept KubeCop's token", failure, StringComparison.Ordinal);

        Replace();

        await KnownAsync("second");
        await Wait.UntilAsync(() => _watch.Failure is null, static fine => fine, "that it is fine again");
        Assert.Equal(1, Requests(200, "list"));
    }

    // As kubelet does: another file takes its name.
    private void Replace()
    {
        var next = _files.Combine("next");
        File.WriteAllText(next, _server.IssueToken("kubecop") + "\n");
        File.Move(next, Path.Combine(_files.Combine("account"), "token"), overwrite: true);
    }

    private void CutWatches() => _server.Inject(new Fault(static request => request.Verb == "watch") { Cuts = true }).Dispose();

    private Task KnownAsync(string name) => Wait.UntilAsync(() => _pods.Objects ?? [], names => names.Contains(name), $"the pod {name}");

    private long Requests(int code, string verb) => _server.Requests().Where(request => request.Code == code && request.Verb == verb).Sum(static request => request.Requests);

    private void Run(string name) => _server.Apply(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject { ["name"] = name },
        ["spec"] = new JsonObject { ["containers"] = new JsonArray(new JsonObject { ["name"] = "app", ["image"] = "app" }) },
    });
}

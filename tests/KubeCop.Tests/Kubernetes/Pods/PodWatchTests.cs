using System.Text.Json.Nodes;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Pods;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace KubeCop.Tests.Kubernetes.Pods;

public sealed class PodWatchTests : IAsyncLifetime
{
    private static readonly WorkloadKey Web = new("default", "Deployment", "web");

    private readonly TestDirectory _files = new();
    private EmulatedApi _api = null!;
    private PodDirectory _directory = null!;
    private PodWatch _watch = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _api = await EmulatedApi.StartAsync();
        Own("apps/v1", "Deployment", "web");
        Own("apps/v1", "ReplicaSet", "web-1", ("apps/v1", "Deployment", "web"));
    }

    public async ValueTask DisposeAsync()
    {
        if (_watch is not null)
        {
            await _watch.StopAsync(CancellationToken.None);
            _watch.Dispose();
        }

        await _api.DisposeAsync();
        _files.Dispose();
    }

    [Fact]
    public async Task Pod_OfADeployment_IsKnownWithItsDeploymentAndLabels()
    {
        Run("web-1-a", ("apps/v1", "ReplicaSet", "web-1"), labels: new JsonObject { ["app"] = "web" });
        await StartAsync();

        var pod = await KnownAsync("web-1-a", static pod => pod.Workload is not null, "its workload");

        Assert.Equal(Web, pod.Workload!.Key);
        Assert.Equal(("apps/v1", UidOf("deployments.apps", "web")), (pod.Workload.Object.ApiVersion, pod.Workload.Object.Uid));
        Assert.Equal("web", pod.Labels["app"]);
    }

    [Fact]
    public async Task Owners_AreAskedForOnce_HoweverManyPodsTheyHave()
    {
        await StartAsync();
        for (var number = 0; number < 20; number++)
        {
            Run($"web-1-{number}", ("apps/v1", "ReplicaSet", "web-1"));
            await KnownAsync($"web-1-{number}", static pod => pod.Workload is not null, "its workload");
        }

        Assert.Equal(1, _api.Server.Requests().Where(static request => request is { Verb: "get", Resource: "replicasets.apps" }).Sum(static request => request.Requests));
    }

    [Fact]
    public async Task Pods_OfEachKindOfController_HaveTheWorkloadThatPeopleMade()
    {
        Own("batch/v1", "CronJob", "nightly");
        Own("batch/v1", "Job", "nightly-1", ("batch/v1", "CronJob", "nightly"));
        Own("batch/v1", "Job", "once");
        Own("apps/v1", "StatefulSet", "db");
        Own("apps/v1", "ReplicaSet", "bare");
        Run("nightly-1-x", ("batch/v1", "Job", "nightly-1"));
        Run("once-x", ("batch/v1", "Job", "once"));
        Run("db-0", ("apps/v1", "StatefulSet", "db"));
        Run("bare-x", ("apps/v1", "ReplicaSet", "bare"));
        Run("rollout-x", ("argoproj.io/v1alpha1", "Rollout", "shop"));
        Run("alone", owner: null);
        await StartAsync();

        foreach (var (pod, kind, name) in ((string, string, string)[])
        [
            ("nightly-1-x", "CronJob", "nightly"), ("once-x", "Job", "once"), ("db-0", "StatefulSet", "db"), ("bare-x", "ReplicaSet", "bare"),
            ("rollout-x", "Rollout", "shop"), ("alone", "Pod", "alone"),
        ])
        {
            Assert.Equal(new WorkloadKey("default", kind, name), (await KnownAsync(pod, static known => known.Workload is not null, "its workload")).Workload!.Key);
        }
    }

    [Fact]
    public async Task Pod_WhoseOwnerIsGone_BelongsToThatOwner()
    {
        Run("gone-x", ("apps/v1", "ReplicaSet", "gone"));
        await StartAsync();

        Assert.Equal(new WorkloadKey("default", "ReplicaSet", "gone"), (await KnownAsync("gone-x", static pod => pod.Workload is not null, "its workload")).Workload!.Key);
    }

    [Fact]
    public async Task StaticPod_IsKnownByTheUidItsContainersHave()
    {
        var mirror = Pod("proxy-node-1", ("v1", "Node", "node-1"));
        mirror["metadata"]!["annotations"] = new JsonObject { ["kubernetes.io/config.mirror"] = "hash-of-file" };
        _api.Server.Apply(mirror);
        await StartAsync();

        var pod = await KnownAsync("proxy-node-1", static _ => true, "that pod");

        Assert.Equal("hash-of-file", pod.Uid);
        Assert.Equal(new WorkloadKey("default", "Pod", "proxy-node-1"), pod.Workload!.Key);
    }

    [Fact]
    public async Task Labels_ThatChange_AreKnown()
    {
        Run("alone", owner: null);
        await StartAsync();
        await KnownAsync("alone", static _ => true, "that pod");

        Run("alone", owner: null, labels: new JsonObject { ["tier"] = "front" });

        await KnownAsync("alone", static pod => pod.Labels.ContainsKey("tier"), "the new label");
    }

    [Fact]
    public async Task Pods_OfOtherNodes_AreNotAskedFor()
    {
        Run("elsewhere", owner: null, node: "node-2");
        Run("here", owner: null);
        await StartAsync();
        await KnownAsync("here", static _ => true, "the pod of this node");

        Assert.DoesNotContain(_directory.Pods, static pod => pod.Name == "elsewhere");
    }

    [Fact]
    public async Task Watch_ThatIsCut_GoesOnWithoutAnotherList()
    {
        Run("first", owner: null);
        await StartAsync();
        await KnownAsync("first", static _ => true, "the first pod");
        await Wait.UntilAsync(() => Watches() > 0, static watches => watches, "the watch");

        using (_api.Server.Inject(new Fault(static request => request.Verb == "watch") { Cuts = true, Times = 1 }))
        {
            Run("second", owner: null);
            await KnownAsync("second", static _ => true, "the pod made while the watch was cut");
        }

        Assert.Equal(1, _api.Server.Requests().Where(static request => request is { Verb: "list", Resource: "pods" }).Sum(static request => request.Requests));
    }

    [Fact]
    public async Task History_ThatHasExpired_IsListedAnew_AndPodsThatWentMeanwhileAreGone()
    {
        Run("first", owner: null);
        await StartAsync();
        await KnownAsync("first", static _ => true, "the first pod");
        await _api.Server.StopAsync();
        _api.Server.Delete("pods", "default", "first");
        Run("second", owner: null);
        _api.Server.ForgetHistory();
        await _api.Server.StartAgainAsync();

        await KnownAsync("second", static _ => true, "the pod made while the server was away");

        await KnownAsync("first", static pod => pod.GoneAt is not null, "that it is gone");
    }

    [Fact]
    public async Task Server_ThatMayNotBeAskedForOwners_IsSaidSo_AndTriedAgain()
    {
        using var forbidden = _api.Server.Inject(new Fault(static request => request.Resource == "replicasets.apps") { Status = 403 });
        Run("web-1-a", ("apps/v1", "ReplicaSet", "web-1"));
        await StartAsync();

        var failure = await Wait.UntilAsync(() => _watch.Failure, static failure => failure is not null, "the failure");
        Assert.Contains("apiGroups: [\"apps\"], resources: [\"replicasets\"], verbs: [\"get\"]", failure, StringComparison.Ordinal);
        Assert.Null((await KnownAsync("web-1-a", static _ => true, "that pod")).Workload);

        forbidden.Dispose();
        await KnownAsync("web-1-a", static pod => pod.Workload is not null, "its workload");
        await Wait.UntilAsync(() => _watch.Failure is null, static fine => fine, "that it is fine again");
    }

    [Fact]
    public async Task Pods_AreKnown_AtAStartWithoutTheServer()
    {
        Run("web-1-a", ("apps/v1", "ReplicaSet", "web-1"));
        await StartAsync();
        await KnownAsync("web-1-a", static pod => pod.Workload is not null, "its workload");
        await Wait.UntilAsync(() => File.Exists(_files.Combine("pods.json")), static saved => saved, "the file");
        await _watch.StopAsync(Token);
        _watch.Dispose();
        await _api.Server.StopAsync();

        await StartAsync();

        Assert.Equal(Web, (await KnownAsync("web-1-a", static pod => pod.Workload is not null, "what was known before")).Workload!.Key);
        await Wait.UntilAsync(() => _watch.Failure, static failure => failure?.Contains("cannot be asked", StringComparison.Ordinal) is true, "the failure");
    }

    [Fact]
    public async Task DamagedFile_IsPassedOver()
    {
        File.WriteAllText(_files.Combine("pods.json"), """{"version":1,"pods":[{"uid":"u","workload":"no key"}]}""");
        Run("alone", owner: null);

        await StartAsync();

        await KnownAsync("alone", static _ => true, "that pod");
    }

    private async Task StartAsync()
    {
        _directory = new PodDirectory(TimeProvider.System);
        _watch = new PodWatch(
            _api.Client,
            _directory,
            new PodCache(_files.Path, NullLogger<PodCache>.Instance),
            new OwnerResolver(_api.Client),
            Options.Create(new NodeOptions { Name = "node-1" }),
            TimeProvider.System,
            NullLogger<PodWatch>.Instance);
        await _watch.StartAsync(Token);
    }

    private long Watches() => _api.Server.Requests().Where(static request => request is { Verb: "watch", Resource: "pods" }).Sum(static request => request.Requests);

    private async Task<KnownPod> KnownAsync(string name, Func<KnownPod, bool> condition, string what) => (await Wait.UntilAsync(
        () => _directory.Pods.FirstOrDefault(pod => pod.Name == name && condition(pod)), static pod => pod is not null, what))!;

    private string UidOf(string resource, string name) => (string)_api.Server.Get(resource, "default", name)!["metadata"]!["uid"]!;

    private void Own(string apiVersion, string kind, string name, (string ApiVersion, string Kind, string Name)? owner = null) =>
        _api.Server.Apply(new JsonObject { ["apiVersion"] = apiVersion, ["kind"] = kind, ["metadata"] = Metadata(name, owner, null), ["spec"] = new JsonObject() });

    private void Run(string name, (string ApiVersion, string Kind, string Name)? owner, JsonObject? labels = null, string node = "node-1") =>
        _api.Server.Apply(Pod(name, owner, labels, node));

    private JsonObject Pod(string name, (string ApiVersion, string Kind, string Name)? owner, JsonObject? labels = null, string node = "node-1") => new()
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = Metadata(name, owner, labels),
        ["spec"] = new JsonObject { ["nodeName"] = node, ["containers"] = new JsonArray(new JsonObject { ["name"] = "app", ["image"] = "app" }) },
    };

    private JsonObject Metadata(string name, (string ApiVersion, string Kind, string Name)? owner, JsonObject? labels)
    {
        var metadata = new JsonObject { ["name"] = name, ["namespace"] = "default" };
        if (labels is not null)
        {
            metadata["labels"] = labels;
        }

        if (owner is { } controller)
        {
            var (apiVersion, kind, ownerName) = controller;
            var resource = $"{kind.ToLowerInvariant()}s.{apiVersion.Split('/')[0]}";
            var known = kind is "ReplicaSet" or "Deployment" or "StatefulSet" or "Job" or "CronJob" ? _api.Server.Get(resource, "default", ownerName) : null;
            metadata["ownerReferences"] = new JsonArray(new JsonObject
            {
                ["apiVersion"] = apiVersion,
                ["kind"] = kind,
                ["name"] = ownerName,
                ["uid"] = (string?)known?["metadata"]!["uid"] ?? $"uid-of-{ownerName}",
                ["controller"] = true,
            });
        }

        return metadata;
    }
}

using System.Text.Json.Nodes;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Pods;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

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
        Assert.Equal(("apps/v1", UidOf("deployments.apps", "web")), (pod.Workload.Object?.ApiVersion, pod.Workload.Object?.Uid));
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
        Assert.Null(pod.Workload.Object);
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

    [Fact]
    public async Task Owners_ThatMayNotBeAskedFor_KeepNobodyFromAskingForTheOthers()
    {
        using var forbidden = _api.Server.Inject(new Fault(static request => request.Resource == "jobs.batch") { Status = 403 });
        for (var number = 0; number < 20; number++)
        {
            Own("batch/v1", "Job", $"once-{number}");
            Run($"once-{number}-x", ("batch/v1", "Job", $"once-{number}"));
        }

        Run("web-1-a", ("apps/v1", "ReplicaSet", "web-1"));
        await StartAsync();

        Assert.Equal(Web, (await KnownAsync("web-1-a", static pod => pod.Workload is not null, "its workload")).Workload!.Key);
        var failure = await Wait.UntilAsync(() => _watch.Failure, static failure => failure is not null, "the failure");
        Assert.Contains("resources: [\"jobs\"]", failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Pods_ThatComeAndGoWhileOwnersAreNotTold_AreForgotten()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        using var away = _api.Server.Inject(new Fault(static request => request.Resource == "replicasets.apps") { Status = 503 });
        for (var number = 0; number < 40; number++)
        {
            Run($"web-1-{number}", ("apps/v1", "ReplicaSet", "web-1"));
        }

        await StartAsync(time);
        await Wait.UntilAsync(() => _watch.Unresolved, static pods => pods == 40, "all of them waiting");
        for (var number = 0; number < 40; number++)
        {
            _api.Server.Delete("pods", "default", $"web-1-{number}");
        }

        await Wait.UntilAsync(() => _directory.Pods, static pods => pods.All(static pod => pod.GoneAt is not null), "all of them gone");
        time.Advance(PodDirectory.Remembered + TimeSpan.FromMinutes(1));
        Run("web-1-last", ("apps/v1", "ReplicaSet", "web-1"));
        await Wait.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMinutes(1));
                return _watch.Unresolved;
            },
            static pods => pods == 1,
            "only the last of them waiting");

        away.Dispose();
        await Wait.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromMinutes(1));
                return _watch.Unresolved;
            },
            static pods => pods == 0,
            "that it is known");
    }

    [Fact]
    public async Task Deployment_ThatIsRenamed_HasItsNewPodsByItsNewName()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        Run("web-1-a", ("apps/v1", "ReplicaSet", "web-1"));
        await StartAsync(time);
        Assert.Equal(Web, (await KnownAsync("web-1-a", static pod => pod.Workload is not null, "its workload")).Workload!.Key);

        // kubectl delete deployment web --cascade=orphan; then another one selects the same pods.
        _api.Server.Delete("deployments.apps", "default", "web");
        Own("apps/v1", "Deployment", "shop");
        Own("apps/v1", "ReplicaSet", "web-1", ("apps/v1", "Deployment", "shop"));
        time.Advance(OwnerResolver.Validity);
        Run("web-1-b", ("apps/v1", "ReplicaSet", "web-1"));

        var renamed = await KnownAsync("web-1-b", static pod => pod.Workload is not null, "its workload");
        Assert.Equal(new WorkloadKey("default", "Deployment", "shop"), renamed.Workload!.Key);
        Assert.Equal(UidOf("deployments.apps", "shop"), renamed.Workload.Object?.Uid);

        // What runs goes on under the name it began with, by whose profile it is judged.
        Run("web-1-a", ("apps/v1", "ReplicaSet", "web-1"), labels: new JsonObject { ["tier"] = "front" });
        Assert.Equal(Web, (await KnownAsync("web-1-a", static pod => pod.Labels.ContainsKey("tier"), "the one before, changed")).Workload!.Key);
    }

    [Fact]
    public async Task Pod_With30Containers_IsOneQuestion_AndEachContainerHasItsWorkload()
    {
        var pod = Pod("web-1-a", ("apps/v1", "ReplicaSet", "web-1"));
        pod["spec"]!["containers"] = new JsonArray(
            [.. Enumerable.Range(0, 30).Select(static number => new JsonObject { ["name"] = $"c{number}", ["image"] = "app", ["args"] = new JsonArray(new string('x', 1000)) })]);
        var uid = (string)_api.Server.Apply(pod)["metadata"]!["uid"]!;
        await StartAsync();
        await KnownAsync("web-1-a", static known => known.Workload is not null, "its workload");

        Assert.All(Enumerable.Range(0, 30), number => Assert.Equal((Web, false), Described($"c{number}", "web-1-a", uid)));
        Assert.Equal(1, _api.Server.Requests().Where(static request => request is { Verb: "get", Resource: "replicasets.apps" }).Sum(static request => request.Requests));
        Assert.InRange(_api.Server.Requests().Where(static request => request.Resource == "pods").Sum(static request => request.BytesOut), 1, 10_000);
    }

    [Fact]
    public async Task Pod_OfTheHostsNetwork_IsOneOfItsWorkload()
    {
        Own("apps/v1", "DaemonSet", "proxy");
        var pod = Pod("proxy-x", ("apps/v1", "DaemonSet", "proxy"));
        pod["spec"]!["hostNetwork"] = true;
        var uid = (string)_api.Server.Apply(pod)["metadata"]!["uid"]!;
        await StartAsync();
        await KnownAsync("proxy-x", static _ => true, "that pod");

        Assert.Equal((new WorkloadKey("default", "DaemonSet", "proxy"), false), Described("app", "proxy-x", uid));
    }

    [Fact]
    public async Task StaticPod_WhoseFileChanges_IsKnownByItsNewUid()
    {
        Mirror("hash-1");
        await StartAsync();
        await KnownAsync("proxy-node-1", static pod => pod.Uid == "hash-1", "the first");

        // Kubelet deletes the mirror pod and makes another one of the same name.
        _api.Server.Delete("pods", "default", "proxy-node-1");
        Mirror("hash-2");

        await KnownAsync("proxy-node-1", static pod => pod.Uid == "hash-2" && pod.GoneAt is null, "the second");
        await KnownAsync("proxy-node-1", static pod => pod.Uid == "hash-1" && pod.GoneAt is not null, "that the first is gone");
        Assert.Equal((new WorkloadKey("default", "Pod", "proxy-node-1"), false), Described("app", "proxy-node-1", "hash-2"));

        void Mirror(string hash)
        {
            var mirror = Pod("proxy-node-1", ("v1", "Node", "node-1"));
            mirror["metadata"]!["annotations"] = new JsonObject { ["kubernetes.io/config.mirror"] = hash };
            mirror["spec"]!["hostNetwork"] = true;
            _api.Server.Apply(mirror);
        }
    }

    [Fact]
    public async Task Namespace_DeletedInTheMiddle_TakesItsPodsAlong_AndNoOthers()
    {
        _api.Server.Apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop");
        var inside = Pod("inside", owner: null);
        inside["metadata"]!["namespace"] = "shop";
        _api.Server.Apply(inside);
        Run("outside", owner: null);
        await StartAsync();
        await KnownAsync("inside", static _ => true, "the pod inside");

        _api.Server.Delete("namespaces", "", "shop");

        await KnownAsync("inside", static pod => pod.GoneAt is not null, "that it is gone");
        Run("later", owner: null);
        await KnownAsync("later", static _ => true, "a pod made afterwards");
        await KnownAsync("outside", static pod => pod.GoneAt is null, "that the other is there");
        Assert.Null(_watch.Failure);
    }

    [Fact]
    public async Task FiveThousandPods_AreReadPageByPage_MetadataAlone()
    {
        for (var number = 0; number < 5000; number++)
        {
            Run($"web-1-{number}", ("apps/v1", "ReplicaSet", "web-1"), labels: new JsonObject { ["app"] = "web", ["pod-template-hash"] = "1" });
        }

        await StartAsync();
        await Wait.UntilAsync(() => _directory.Pods.Count(static pod => pod.Workload is not null), static known => known == 5000, "all of them");

        var lists = _api.Server.Requests().Where(static request => request is { Verb: "list", Resource: "pods" }).ToList();
        Assert.Equal(10, lists.Sum(static request => request.Requests));
        Assert.InRange(lists.Sum(static request => request.BytesOut) / 10, 1, 1024 * 1024);
        Assert.Equal(1, _api.Server.Requests().Where(static request => request is { Verb: "get", Resource: "replicasets.apps" }).Sum(static request => request.Requests));
    }

    private async Task StartAsync(TimeProvider? clock = null)
    {
        var time = clock ?? TimeProvider.System;
        _directory = new PodDirectory(time);
        _watch = new PodWatch(
            _api.Client,
            _directory,
            new PodCache(_files.Path, NullLogger<PodCache>.Instance),
            new OwnerResolver(_api.Client, time),
            Options.Create(new NodeOptions { Name = "node-1" }),
            time,
            NullLogger<PodWatch>.Instance);
        await _watch.StartAsync(Token);
    }

    private long Watches() => _api.Server.Requests().Where(static request => request is { Verb: "watch", Resource: "pods" }).Sum(static request => request.Requests);

    private async Task<KnownPod> KnownAsync(string name, Func<KnownPod, bool> condition, string what) => (await Wait.UntilAsync(
        () => _directory.Pods.FirstOrDefault(pod => pod.Name == name && condition(pod)), static pod => pod is not null, what))!;

    private (WorkloadKey Workload, bool AwaitsOwner) Described(string container, string pod, string uid)
    {
        var described = _directory.Describe(new ContainerDescription
        {
            Id = container,
            Name = container,
            Runtime = "containerd",
            Node = "node-1",
            Workload = new WorkloadKey("default", "Pod", "guessed"),
            Pod = new PodDescription { Name = pod, Namespace = "default", Uid = uid },
            Origin = ContainerOrigin.Started,
            SeenAt = DateTimeOffset.UtcNow,
            CgroupId = 1,
            CgroupPath = $"/{container}",
            Revision = "r1",
        });
        return (described.Workload, described.AwaitsOwner);
    }

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

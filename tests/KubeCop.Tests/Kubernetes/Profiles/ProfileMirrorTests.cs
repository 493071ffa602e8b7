using System.Text.Json.Nodes;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Profiles;
using KubeCop.Testing.Kubernetes;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Kubernetes.Profiles;

public sealed class ProfileMirrorTests : IAsyncLifetime
{
    private const string Profiles = "applicationprofiles.kubescape.io";
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly WorkloadKey Web = new("default", "Deployment", "web");

    private EmulatedApi _api = null!;

    private ApiServer Server => _api.Server;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _api = await EmulatedApi.StartAsync();

    public ValueTask DisposeAsync() => _api.DisposeAsync();

    [Fact]
    public async Task Written_IsReadBackAsOwn_WithAllThatItSays()
    {
        using var mirror = Mirror();
        var shown = Shown(Web);

        var version = await mirror.WriteAsync(shown, "", Token);
        var found = await mirror.ReadAsync(Web, Token);

        Assert.Equal(version, found!.Version);
        Assert.True(found.IsOwn, "nobody else has written it");
        Assert.True(found.IsFinal, "it is final");
        Assert.Equal(ProfileItems.Of(shown.Profile.Containers[0]).ToHashSet(), [.. ProfileItems.Of(found.Containers[0])]);
        Assert.Equal(shown.Revisions, found.Revisions);
    }

    [Fact]
    public async Task Written_HasKubeCopsLabelsAndOwner_AndItsStatus()
    {
        using var mirror = Mirror();

        await mirror.WriteAsync(Shown(Web), "", Token);

        var written = Server.Get(Profiles, "default", "deployment-web")!;
        Assert.Equal("true", (string?)written["metadata"]!["labels"]!["kapprofiler.kubescape.io/final"]);
        Assert.Equal("uid-web", (string?)written["metadata"]!["ownerReferences"]![0]!["uid"]);
        Assert.Equal("final", (string?)written["status"]!["phase"]);
        Assert.Equal(2, (int?)written["status"]!["execs"]);
        Assert.Equal(["Complete", "Truncated", "Lossy"], written["status"]!["conditions"]!.AsArray().Select(static condition => (string?)condition!["type"]));
        Assert.Equal((long?)written["metadata"]!["generation"], (long?)written["status"]!["observedGeneration"]);
    }

    [Fact]
    public async Task Edited_IsNotOwn_UntilItIsWrittenAgain()
    {
        using var mirror = Mirror();
        await mirror.WriteAsync(Shown(Web), "", Token);
        Edit("deployment-web", static spec => spec["containers"]![0]!["execs"]!.AsArray().Add(new JsonObject { ["path"] = "/bin/date", ["args"] = new JsonArray() }));

        var edited = await mirror.ReadAsync(Web, Token);
        Assert.False(edited!.IsOwn, "somebody has added a program");
        Assert.Contains(edited.Containers[0].Execs, static exec => exec.Path == "/bin/date");

        await mirror.WriteAsync(Shown(Web), edited.Version, Token);
        Assert.True((await mirror.ReadAsync(Web, Token))!.IsOwn, "it says what was written");
    }

    [Fact]
    public async Task Failure_TellsWhatARoleLacks_UntilItIsAllowed()
    {
        using var mirror = Mirror();
        Assert.Null(mirror.Failure);
        using (Server.Inject(new Fault(static request => request.Verb == "create") { Status = 403 }))
        {
            await Assert.ThrowsAsync<ApiException>(() => mirror.WriteAsync(Shown(Web), "", Token));
            Assert.Contains("verbs: [\"create\"]", mirror.Failure, StringComparison.Ordinal);
        }

        await mirror.WriteAsync(Shown(Web), "", Token);
        Assert.Null(mirror.Failure);
    }

    [Fact]
    public async Task Delete_TakesAwayThatVersionOnly()
    {
        using var mirror = Mirror();
        var version = await mirror.WriteAsync(Shown(Web), "", Token);
        Edit("deployment-web", static spec => spec["containers"]![0]!["syscalls"] = new JsonArray("reboot"));

        await Assert.ThrowsAsync<MirrorChangedException>(() => mirror.DeleteAsync(Web, version, Token));
        Assert.NotNull(Server.Get(Profiles, "default", "deployment-web"));

        await mirror.DeleteAsync(Web, (await mirror.ReadAsync(Web, Token))!.Version, Token);
        Assert.Null(Server.Get(Profiles, "default", "deployment-web"));
        await mirror.DeleteAsync(Web, version, Token);
    }

    [Fact]
    public async Task Write_OverAVersionThatSomebodyHasChanged_IsRefused_AndTheirsStays()
    {
        using var mirror = Mirror();
        var version = await mirror.WriteAsync(Shown(Web), "", Token);
        Edit("deployment-web", static spec => spec["containers"]![0]!["syscalls"] = new JsonArray("reboot"));

        await Assert.ThrowsAsync<MirrorChangedException>(() => mirror.WriteAsync(Shown(Web), version, Token));

        Assert.Equal("reboot", (string?)Server.Get(Profiles, "default", "deployment-web")!["spec"]!["containers"]![0]!["syscalls"]![0]);
    }

    [Fact]
    public async Task Write_WhereSomebodyHasJustMadeOne_IsRefused()
    {
        using var mirror = Mirror();
        Server.Apply("""
            apiVersion: kubescape.io/v1
            kind: ApplicationProfile
            metadata: {name: deployment-web, namespace: default}
            spec: {containers: [{name: app, syscalls: [read]}]}
            """);

        await Assert.ThrowsAsync<MirrorChangedException>(() => mirror.WriteAsync(Shown(Web), "", Token));

        var given = await mirror.ReadAsync(Web, Token);
        Assert.False(given!.IsOwn, "it was given");
        Assert.False(given.IsFinal, "it has no label");
    }

    [Fact]
    public async Task Containers_ThatAreNotShownAnyMore_AreGone()
    {
        using var mirror = Mirror();
        var shown = Shown(Web);
        var both = shown with { Profile = shown.Profile with { Containers = [.. shown.Profile.Containers, shown.Profile.Containers[0] with { Name = "sidecar" }] } };
        var version = await mirror.WriteAsync(both, "", Token);

        await mirror.WriteAsync(shown, version, Token);

        Assert.Equal("app", Assert.Single((await mirror.ReadAsync(Web, Token))!.Containers).Name);
    }

    [Fact]
    public async Task OneNamespace_HasAllProfiles_AndTwoOfOneNameDoNotMeet()
    {
        Server.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: kubescape}}");
        using var mirror = Mirror("kubescape");
        var (one, other) = (new WorkloadKey("c", "Deployment", "a-b"), new WorkloadKey("b-c", "Deployment", "a"));

        Assert.Null(await mirror.ReadAsync(one, Token));
        await mirror.WriteAsync(Shown(one), "", Token);
        Assert.Null(await mirror.ReadAsync(other, Token));
        await mirror.WriteAsync(Shown(other), "", Token);

        Assert.Equal("c", (string?)Server.Get(Profiles, "kubescape", "deployment-a-b-c")!["metadata"]!["labels"]!["kapprofiler.kubescape.io/namespace"]);
        Assert.Equal(2, Server.Objects(Profiles).Count);
        using var restarted = Mirror("kubescape");
        Assert.True((await restarted.ReadAsync(other, Token))!.IsOwn, "it is found by its other name after a restart");

        Server.Delete(Profiles, "kubescape", "deployment-a-b-c");
        using var later = Mirror("kubescape");
        Assert.True((await later.ReadAsync(other, Token))!.IsOwn, "it is found by its other name although nobody has the first one any more");
        Assert.Null(await later.ReadAsync(one, Token));
    }

    [Fact]
    public async Task Profile_CopiedFromAnotherNamespaceWithItsAnnotations_IsGivenToTheWorkloadThere()
    {
        Server.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: staging}}");
        using var mirror = Mirror();
        await mirror.WriteAsync(Shown(new WorkloadKey("staging", "Deployment", "web")), "", Token);
        var copy = Server.Get(Profiles, "staging", "deployment-web")!;
        var metadata = copy["metadata"]!;
        copy["metadata"] = new JsonObject
        {
            ["name"] = "deployment-web",
            ["namespace"] = "default",
            ["labels"] = metadata["labels"]!.DeepClone(),
            ["annotations"] = metadata["annotations"]!.DeepClone(),
        };
        copy.Remove("status");
        Server.Apply(copy);

        var found = await mirror.ReadAsync(Web, Token);

        Assert.False(found!.IsOwn, "somebody gave it");
        Assert.True(found.IsFinal, "it is labelled as final");
    }

    [Fact]
    public async Task Owner_IsTheWorkloadsObject_UntilSomebodyPartsThem()
    {
        using var mirror = Mirror();
        await mirror.WriteAsync(Shown(Web), "", Token);
        Assert.Equal("uid-web", (await mirror.ReadAsync(Web, Token))!.OwnerUid);

        var profile = Server.Get(Profiles, "default", "deployment-web")!;
        profile["metadata"]!["ownerReferences"] = new JsonArray();
        Server.Apply(profile);

        Assert.Null((await mirror.ReadAsync(Web, Token))!.OwnerUid);
    }

    [Fact]
    public async Task Refusal_SaysWhichRuleIsMissing()
    {
        await using var poor = await EmulatedApi.StartAsync(token: static server => server.AddUser("kubecop"));
        using var mirror = new ProfileMirror(poor.Client, Options.Create(new KubernetesOptions()), TimeProvider.System);

        var refusal = await Assert.ThrowsAsync<ApiException>(() => mirror.ReadAsync(Web, Token));

        Assert.Contains("apiGroups: [\"kubescape.io\"], resources: [\"applicationprofiles\"], verbs: [\"get\"]", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Profile_MadeByAClockThatIsAhead_CountsFromNow()
    {
        await using var ahead = await EmulatedApi.StartAsync(new ApiServerOptions { Clock = new FakeTimeProvider(DateTimeOffset.UtcNow.AddHours(3)) });
        Give(ahead.Server);
        using var mirror = new ProfileMirror(ahead.Client, Options.Create(new KubernetesOptions()), TimeProvider.System);

        // What is done before this time is not judged by it.
        Assert.InRange((await mirror.ReadAsync(Web, Token))!.Containers[0].CompletesAt, DateTimeOffset.UtcNow.AddMinutes(-10), DateTimeOffset.UtcNow);
    }

    [Fact]
    public async Task Profile_MadeByAClockThatIsBehind_CountsFromThen()
    {
        var then = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        await using var behind = await EmulatedApi.StartAsync(new ApiServerOptions { Clock = new FakeTimeProvider(then) });
        Give(behind.Server);
        using var mirror = new ProfileMirror(behind.Client, Options.Create(new KubernetesOptions()), TimeProvider.System);

        Assert.Equal(then, (await mirror.ReadAsync(Web, Token))!.Containers[0].CompletesAt);
    }

    [Fact]
    public async Task Namespace_ThatEnds_IsNotTakenForAMissingRight_AndKeepsNoOtherFromBeingWritten()
    {
        Server.Apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop");
        Server.Apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: stays, namespace: shop, finalizers: [example.com/wait]}");
        Server.Delete("namespaces", "", "shop");
        using var mirror = Mirror();

        var refusal = await Assert.ThrowsAsync<ApiException>(() => mirror.WriteAsync(Shown(new WorkloadKey("shop", "Deployment", "web")), "", Token));

        Assert.Contains("because it is being terminated", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("A role of", refusal.Message, StringComparison.Ordinal);
        await mirror.WriteAsync(Shown(Web), "", Token);
    }

    [Fact]
    public async Task Profile_OfAnotherDefinition_IsReadAsFarAsItIsOne_OrNamedAsTheOneThatIsWrong()
    {
        await using var loose = await EmulatedApi.StartAsync(new ApiServerOptions { Definitions = LooseDefinitions.All });
        Give(loose.Server, """{"unknown": [1], "containers": [{"name": "app", "new": {"a": 1}, "syscalls": ["read"]}]}""");
        Give(loose.Server, """{"containers": "none"}""", "deployment-odd");
        Give(loose.Server, $$"""{"containers": [{"name": "app", "opens": [{"path": "/{{new string('x', 1_400_000)}}", "flags": []}]}]}""", "deployment-large");
        using var mirror = new ProfileMirror(loose.Client, Options.Create(new KubernetesOptions()), TimeProvider.System);

        Assert.Equal("read", Assert.Single((await mirror.ReadAsync(Web, Token))!.Containers[0].Syscalls).Name);
        Assert.Equal(1_400_001, Assert.Single((await mirror.ReadAsync(Web with { Name = "large" }, Token))!.Containers[0].Opens).Path.Length);
        var refusal = await Assert.ThrowsAsync<ApiException>(() => mirror.ReadAsync(Web with { Name = "odd" }, Token));
        Assert.Contains("default/deployment-odd", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("$.containers", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Workload_OutsideOfPods_IsNotShown()
    {
        using var mirror = Mirror();

        Assert.True(mirror.Shows(Web), "a deployment is");
        Assert.False(mirror.Shows(new WorkloadKey("moby", "Container", "db")), "a container without a pod is not");
        Assert.False(mirror.Shows(new WorkloadKey("default", "Deployment", "Not_A_Name")), "what is no name cannot be");
    }

    private ProfileMirror Mirror(string storeNamespace = "") =>
        new(_api.Client, Options.Create(new KubernetesOptions { StoreNamespace = storeNamespace }), TimeProvider.System);

    private static void Give(ApiServer server, string spec = """{"containers": [{"name": "app", "syscalls": ["read"]}]}""", string name = "deployment-web") => server.Apply(new JsonObject
    {
        ["apiVersion"] = "kubescape.io/v1",
        ["kind"] = "ApplicationProfile",
        ["metadata"] = new JsonObject { ["name"] = name, ["namespace"] = "default", ["labels"] = new JsonObject { ["kapprofiler.kubescape.io/final"] = "true" } },
        ["spec"] = JsonNode.Parse(spec),
    });

    private void Edit(string name, Action<JsonObject> edit)
    {
        var profile = Server.Get(Profiles, "default", name)!;
        edit(profile["spec"]!.AsObject());
        Server.Apply(profile);
    }

    private static ShownProfile Shown(WorkloadKey workload) => new(
        new ApplicationProfile
        {
            Name = workload.ProfileName,
            Namespace = workload.Namespace,
            Workload = workload,
            State = ProfileState.Final,
            RemainingSeconds = 0,
            Revision = "r1",
            Containers =
            [
                new ContainerProfile
                {
                    Name = "app",
                    Revision = "r1",
                    State = ProfileState.Final,
                    Version = 7,
                    Generation = 1,
                    LearningStartedAt = Now,
                    CompletesAt = Now,
                    IsPartial = false,
                    Sections = ProfileSections.All,
                    Execs = [new ExecEntry("/bin/sh", "/bin/busybox", ["-c", "ls"], Now), new ExecEntry("/bin/ls", "/bin/busybox", [], Now)],
                    Opens = [new OpenEntry("/data/⋯/x", ["O_RDONLY", "O_CLOEXEC"], Now, 12), new OpenEntry("/etc/passwd", ["O_RDONLY"], Now)],
                    Syscalls = [new SyscallEntry("read", Now)],
                    Capabilities = [new CapabilityEntry("bind", ["NET_BIND_SERVICE"], ["SYS_ADMIN"], Now)],
                    Dns = [new DnsEntry("db.default.svc", ["10.0.0.1"], Now)],
                    Incoming = [new NetworkEntry("tcp", 80, "", Now)],
                    Outgoing = [new NetworkEntry("tcp", 5432, "10.0.0.1", Now)],
                },
            ],
        },
        [new ShownRevision("app", "r1", ProfileState.Final, Now)],
        new WorkloadObject("apps/v1", "uid-web"));
}

using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace KubeCop.Tests.Kubernetes.Emulator;

/// <summary>What the server does with single objects.</summary>
public sealed class ObjectTests : EmulatorTests
{
    private const string Pods = "/api/v1/namespaces/default/pods";
    private const string Pod = """{"metadata":{"name":"web-1","labels":{"app":"web"}},"spec":{"containers":[{"name":"web","image":"nginx"}]}}""";

    [Fact]
    public async Task ClientLibrary_DoesEverythingWithAPod()
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var client = new k8s.Kubernetes(_server.ClientConfiguration());
        var pod = new V1Pod
        {
            Metadata = new V1ObjectMeta { Name = "web-1", Labels = new Dictionary<string, string> { ["app"] = "web" } },
            Spec = new V1PodSpec { NodeName = "a", Containers = [new V1Container { Name = "web", Image = "nginx" }] },
        };

        var created = await client.CoreV1.CreateNamespacedPodAsync(pod, "default", cancellationToken: cancellation);
        Assert.Equal(("Pending", 1L), (created.Status.Phase, created.Metadata.Generation));
        created.Status.Phase = "Running";
        var running = await client.CoreV1.ReplaceNamespacedPodStatusAsync(created, "web-1", "default", cancellationToken: cancellation);
        Assert.Equal("Running", running.Status.Phase);
        var stale = await Assert.ThrowsAsync<HttpOperationException>(
            () => client.CoreV1.ReplaceNamespacedPodAsync(created, "web-1", "default", cancellationToken: cancellation));
        Assert.Equal(HttpStatusCode.Conflict, stale.Response.StatusCode);
        var patch = new V1Patch("""{"metadata":{"labels":{"app":null,"tier":"front"}}}""", V1Patch.PatchType.MergePatch);
        Assert.Equal(["tier"], (await client.CoreV1.PatchNamespacedPodAsync(patch, "web-1", "default", cancellationToken: cancellation)).Metadata.Labels.Keys);
        Assert.Single((await client.CoreV1.ListPodForAllNamespacesAsync(fieldSelector: "spec.nodeName=a", cancellationToken: cancellation)).Items);
        await client.CoreV1.DeleteNamespacedPodAsync("web-1", "default", cancellationToken: cancellation);
        Assert.Empty((await client.CoreV1.ListNamespacedPodAsync("default", cancellationToken: cancellation)).Items);
    }

    [Fact]
    public async Task Object_GetsWhatTheServerGivesIt_WhenCreated()
    {
        var created = await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a", ""","status":{"phase":"final"}"""));

        Assert.Equal(201, created.Code);
        Assert.True(Guid.TryParse(created.Body["metadata"]!["uid"]!.GetValue<string>(), out _), "it has no uid");
        Assert.Equal("default", created.Body["metadata"]!["namespace"]!.GetValue<string>());
        Assert.Equal(1, created.Body["metadata"]!["generation"]!.GetValue<int>());
        Assert.Null(created.Body["status"]);
        var named = await _client.PostAsync(Pods, """{"metadata":{"generateName":"web-"},"spec":{}}""");
        Assert.Matches("^web-[a-z0-9]{5}$", named.Body["metadata"]!["name"]!.GetValue<string>());
    }

    [Fact]
    public async Task Create_IsRefused_WhenTheObjectIsThere()
    {
        await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a"));
        var again = await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a"));

        Assert.Equal((409, "AlreadyExists", "applicationprofiles.kubescape.io \"a\" already exists"), (again.Code, again.Reason, again.Message));
    }

    [Fact]
    public async Task Create_IsRefused_WhenTheNamespaceIsNotThere()
    {
        var refused = await _client.PostAsync(ApiClient.Profiles.Replace("default", "nowhere", StringComparison.Ordinal), ApiClient.Profile("a"));

        Assert.Equal((404, "namespaces \"nowhere\" not found"), (refused.Code, refused.Message));
    }

    [Fact]
    public async Task Update_IsRefused_WhenItsVersionIsStale()
    {
        var first = await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a"));
        await _client.MergeAsync($"{ApiClient.Profiles}/a", """{"metadata":{"labels":{"b":"c"}}}""");
        var put = await _client.PutAsync($"{ApiClient.Profiles}/a", first.Body);
        var patched = await _client.MergeAsync($"{ApiClient.Profiles}/a", $$$"""{"metadata":{"resourceVersion":"{{{first.Version}}}"}}""");
        var deleted = await _client.SendAsync(HttpMethod.Delete, $"{ApiClient.Profiles}/a", $$$"""{"preconditions":{"resourceVersion":"{{{first.Version}}}"}}""");

        const string Message = "Operation cannot be fulfilled on applicationprofiles.kubescape.io \"a\": "
            + "the object has been modified; please apply your changes to the latest version and try again";
        Assert.Equal((409, "Conflict", Message), (put.Code, put.Reason, put.Message));
        Assert.Equal((409, Message), (patched.Code, patched.Message));
        Assert.Equal((409, "Conflict"), (deleted.Code, deleted.Reason));
    }

    [Fact]
    public async Task Update_NeedsAVersion_OfCustomResourcesAlone()
    {
        await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a"));
        await _client.PostAsync(Pods, Pod);
        var profile = await _client.PutAsync($"{ApiClient.Profiles}/a", JsonNode.Parse(ApiClient.Profile("a"))!.AsObject());
        var pod = await _client.PutAsync($"{Pods}/web-1", JsonNode.Parse(Pod)!.AsObject());

        Assert.Equal((422, "Invalid"), (profile.Code, profile.Reason));
        Assert.Contains("must be specified for an update", profile.Message, StringComparison.Ordinal);
        Assert.Equal(200, pod.Code);
    }

    [Fact]
    public async Task Update_OfNothing_LeavesTheVersion()
    {
        var first = await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a"));
        var again = await _client.PutAsync($"{ApiClient.Profiles}/a", first.Body);

        Assert.Equal((200, first.Version), (again.Code, again.Version));
    }

    [Fact]
    public async Task Status_IsWrittenAtItsSubresourceAlone()
    {
        var created = await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a"));
        var main = await _client.MergeAsync($"{ApiClient.Profiles}/a", """{"spec":{"containers":[]},"status":{"phase":"final"}}""");
        var status = await _client.MergeAsync($"{ApiClient.Profiles}/a/status", """{"spec":{"containers":null},"metadata":{"labels":{"a":"b"}},"status":{"phase":"learning"}}""");

        Assert.Null(main.Body["status"]);
        Assert.Equal(2, main.Body["metadata"]!["generation"]!.GetValue<int>());
        Assert.Equal("learning", status.Body["status"]!["phase"]!.GetValue<string>());
        Assert.Null(status.Body["metadata"]!["labels"]);
        Assert.True(status.Body["spec"]!["containers"] is JsonArray, "the subresource changed the spec");
        Assert.Equal(2, status.Body["metadata"]!["generation"]!.GetValue<int>());
        Assert.True(long.Parse(status.Version, null) > long.Parse(created.Version, null), "the version did not rise");
    }

    [Fact]
    public async Task Schema_RefusesWhatItDoesNotAllow()
    {
        var refused = await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a").Replace("\"read\"", "1", StringComparison.Ordinal));

        Assert.Equal((422, "Invalid"), (refused.Code, refused.Reason));
        Assert.StartsWith("ApplicationProfile.kubescape.io \"a\" is invalid: spec.containers[0].syscalls[0]: Invalid value", refused.Message, StringComparison.Ordinal);
        var cause = refused.Body["details"]!["causes"]![0]!;
        Assert.Equal(("FieldValueTypeInvalid", "spec.containers[0].syscalls[0]"), (cause["reason"]!.GetValue<string>(), cause["field"]!.GetValue<string>()));
    }

    [Theory]
    [InlineData("Strict", 400, 0)]
    [InlineData("Warn", 201, 1)]
    [InlineData("Ignore", 201, 0)]
    public async Task UnknownField_IsTreated_AsTheClientAsks(string validation, int code, int warnings)
    {
        var answer = await _client.PostAsync($"{ApiClient.Profiles}?fieldValidation={validation}", ApiClient.Profile("a", ""","spce":{}"""));

        Assert.Equal((code, warnings), (answer.Code, answer.Warnings.Count));
        Assert.Null(answer.Body["spce"]);
        var said = $"{answer.Message} {string.Join(' ', answer.Warnings)}".Replace("\\", "", StringComparison.Ordinal);
        Assert.True(validation == "Ignore" || said.Contains("unknown field \"spce\"", StringComparison.Ordinal), said);
    }

    [Fact]
    public async Task JsonPatch_IsCarriedOut_OrRefusedAsAWhole()
    {
        await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a"));
        const string Type = "application/json-patch+json";
        var patched = await _client.SendAsync(
            HttpMethod.Patch,
            $"{ApiClient.Profiles}/a",
            """
            [{"op":"test","path":"/spec/containers/0/name","value":"web"},
             {"op":"add","path":"/spec/containers/0/syscalls/-","value":"write"},
             {"op":"remove","path":"/spec/containers/0/syscalls/0"}]
            """,
            Type);
        var refused = await _client.SendAsync(
            HttpMethod.Patch, $"{ApiClient.Profiles}/a", """[{"op":"remove","path":"/spec/containers/0"},{"op":"test","path":"/kind","value":"x"}]""", Type);

        Assert.Equal("""["write"]""", patched.Body["spec"]!["containers"]![0]!["syscalls"]!.ToJsonString());
        Assert.Equal((422, "Invalid"), (refused.Code, refused.Reason));
        Assert.Single(_server.Get("applicationprofiles.kubescape.io", "default", "a")!["spec"]!["containers"]!.AsArray());
    }

    [Fact]
    public async Task Object_WithAFinalizer_StaysUntilThatIsTakenAway()
    {
        await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a"));
        await _client.MergeAsync($"{ApiClient.Profiles}/a", """{"metadata":{"finalizers":["kubecop.io/x"]}}""");
        var deleted = await _client.SendAsync(HttpMethod.Delete, $"{ApiClient.Profiles}/a");
        Assert.NotNull(deleted.Body["metadata"]!["deletionTimestamp"]);
        Assert.Equal(200, (await _client.GetAsync($"{ApiClient.Profiles}/a")).Code);

        await _client.MergeAsync($"{ApiClient.Profiles}/a", """{"metadata":{"finalizers":null}}""");
        Assert.Equal((404, "applicationprofiles.kubescape.io \"a\" not found"), (await _client.GetAsync($"{ApiClient.Profiles}/a")) is var gone ? (gone.Code, gone.Message) : default);
    }

    [Fact]
    public async Task Namespace_TakesWhatIsInItAlong()
    {
        const string Profiles = "/apis/kubescape.io/v1/namespaces/shop/applicationprofiles";
        await _client.PostAsync("/api/v1/namespaces", """{"metadata":{"name":"shop"}}""");
        await _client.PostAsync("/api/v1/namespaces/shop/pods", Pod);
        await _client.PostAsync(Profiles, ApiClient.Profile("a"));
        await _client.MergeAsync($"{Profiles}/a", """{"metadata":{"finalizers":["kubecop.io/x"]}}""");
        await _client.SendAsync(HttpMethod.Delete, "/api/v1/namespaces/shop");

        Assert.Empty(_server.Objects("pods"));
        Assert.Equal("Terminating", (await _client.GetAsync("/api/v1/namespaces/shop")).Body["status"]!["phase"]!.GetValue<string>());
        var refused = await _client.PostAsync("/api/v1/namespaces/shop/pods", Pod);
        Assert.Equal((403, true), (refused.Code, refused.Message.EndsWith("unable to create new content in namespace shop because it is being terminated", StringComparison.Ordinal)));
        await _client.MergeAsync($"{Profiles}/a", """{"metadata":{"finalizers":[]}}""");
        Assert.Equal(404, (await _client.GetAsync("/api/v1/namespaces/shop")).Code);
    }

    [Fact]
    public async Task Lease_IsCreatedByAnUpdate_AndThenNeedsItsVersion()
    {
        const string Lease = "/apis/coordination.k8s.io/v1/namespaces/default/leases/a";
        static JsonObject Held(string by) => JsonNode.Parse($$$"""{"metadata":{"name":"a"},"spec":{"holderIdentity":"{{{by}}}"}}""")!.AsObject();

        Assert.Equal(201, (await _client.PutAsync(Lease, Held("x"))).Code);
        Assert.Equal(422, (await _client.PutAsync(Lease, Held("y"))).Code);
    }

    [Fact]
    public async Task StrategicMerge_MergesListsByTheirKeys_OfBuiltInKindsAlone()
    {
        const string Type = "application/strategic-merge-patch+json";
        await _client.PostAsync(Pods, """{"metadata":{"name":"web"},"spec":{"containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}]}}""");
        var merged = await _client.SendAsync(
            HttpMethod.Patch, $"{Pods}/web", """{"spec":{"$setElementOrder/containers":[{"name":"a"},{"name":"b"}],"containers":[{"name":"b","image":"z"}]}}""", Type);
        Assert.Equal("""[{"name":"a","image":"x"},{"name":"b","image":"z"}]""", merged.Body["spec"]!["containers"]!.ToJsonString());

        Assert.Equal(400, (await _client.SendAsync(HttpMethod.Patch, $"{Pods}/web", """{"spec":{"containers":[{"name":"b","$patch":"delete"}]}}""", Type)).Code);
        await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a"));
        Assert.Equal(415, (await _client.SendAsync(HttpMethod.Patch, $"{ApiClient.Profiles}/a", "{}", Type)).Code);
    }

    [Fact]
    public async Task ClientLibrary_AppliesACustomResource()
    {
        using var client = new k8s.Kubernetes(_server.ClientConfiguration());
        var applied = (JsonElement)await client.CustomObjects.PatchNamespacedCustomObjectAsync(
            new V1Patch(ApiClient.Profile("a"), V1Patch.PatchType.ApplyPatch),
            "kubescape.io", "v1", "default", "applicationprofiles", "a", fieldManager: "kubecop", force: true, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal("kubecop", applied.GetProperty("metadata").GetProperty("managedFields")[0].GetProperty("manager").GetString());
    }

    [Fact]
    public async Task TooLarge_IsRefused()
    {
        string OfSize(int bytes) => $$$"""{"metadata":{"name":"big"},"data":{"a":"{{{new string('x', bytes)}}}"}}""";

        var body = await _client.PostAsync("/api/v1/namespaces/default/configmaps", OfSize(3 * 1024 * 1024));
        var value = await _client.PostAsync("/api/v1/namespaces/default/configmaps", OfSize(2 * 1024 * 1024));
        var fits = await _client.PostAsync("/api/v1/namespaces/default/configmaps", OfSize(1024 * 1024));

        Assert.Equal((413, "RequestEntityTooLarge"), (body.Code, body.Reason));
        Assert.Equal((500, "etcdserver: request is too large"), (value.Code, value.Message));
        Assert.Equal(201, fits.Code);
    }

    [Fact]
    public async Task Definition_ThatComesAndGoes_BringsItsResourceAndTakesItAway()
    {
        const string Things = "/apis/example.org/v1/things";
        Assert.Equal(404, (await _client.GetAsync(Things)).Code);
        _server.Apply("""
            apiVersion: apiextensions.k8s.io/v1
            kind: CustomResourceDefinition
            metadata: {name: things.example.org}
            spec:
              group: example.org
              scope: Cluster
              names: {plural: things, kind: Thing}
              versions:
              - name: v1
                served: true
                storage: true
                schema: {openAPIV3Schema: {type: object, properties: {size: {type: integer}}}}
            """);

        Assert.Equal(201, (await _client.PostAsync(Things, """{"apiVersion":"example.org/v1","kind":"Thing","metadata":{"name":"a"},"size":3}""")).Code);
        Assert.Single((await _client.GetAsync(Things)).Body["items"]!.AsArray());
        _server.Delete("customresourcedefinitions.apiextensions.k8s.io", "", "things.example.org");
        Assert.Equal(404, (await _client.GetAsync(Things)).Code);
    }
}

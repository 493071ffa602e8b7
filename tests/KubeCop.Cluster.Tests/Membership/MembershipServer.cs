using System.Text.Json.Nodes;
using k8s;
using KubeCop.Testing.Kubernetes;
using KubeClient = k8s.Kubernetes;

namespace KubeCop.Cluster.Tests.Membership;

/// <summary>An API server with KubeCop's namespace, whose users may do what the documentation says that membership needs, and nothing else.</summary>
public sealed class MembershipServer : IAsyncLifetime
{
    public const string Namespace = "kubecop";

    public ApiServer Api { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Api = await ApiServer.StartAsync();
        Api.Apply("{apiVersion: v1, kind: Namespace, metadata: {name: kubecop}}");
    }

    public ValueTask DisposeAsync() => Api.DisposeAsync();

    /// <summary>The rules of a cluster's Role.</summary>
    public static IReadOnlyList<AccessRule> Role(string clusterId) => AccessRule.FromYaml(
        $$"""
        kind: Role
        metadata: {name: kubecop-membership, namespace: {{Namespace}}}
        rules:
        - {apiGroups: [""], resources: [configmaps], resourceNames: [{{clusterId}}-membership], verbs: [get, patch]}
        - {apiGroups: [""], resources: [configmaps], verbs: [create]}
        - {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [list, create, patch, delete]}
        """);

    public string TokenFor(string clusterId) => Api.AddUser($"silo-of-{clusterId}", Role(clusterId));

    public IKubernetes ClientFor(string token) => new KubeClient(Api.ClientConfiguration(token));

    public JsonObject? Table(string clusterId) => Api.Get("configmaps", Namespace, $"{clusterId}-membership");

    /// <summary>A silo's row; null when there is none.</summary>
    public JsonObject? Row(string clusterId, SiloAddress silo) => Rows(clusterId).SingleOrDefault(row => (string?)row["address"] == silo.ToParsableString());

    public IReadOnlyList<JsonObject> Rows(string clusterId) =>
    [
        .. (Table(clusterId)?["data"] as JsonObject ?? []).Where(static item => item.Key is not ("format" or "version")).Select(static item => JsonNode.Parse((string)item.Value!)!.AsObject()),
    ];

    public IReadOnlyList<JsonObject> Leases(string clusterId) =>
        [.. Api.Objects("leases.coordination.k8s.io").Where(lease => (string?)lease["metadata"]!["labels"]?["kubecop.io/cluster"] == clusterId)];

    public long Count(string verb, string resource) => Api.Requests().Where(request => request.Verb == verb && request.Resource == resource).Sum(static request => request.Requests);
}

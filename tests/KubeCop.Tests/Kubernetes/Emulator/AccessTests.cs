using KubeCop.Testing.Kubernetes;

namespace KubeCop.Tests.Kubernetes.Emulator;

/// <summary>Who may do what.</summary>
public sealed class AccessTests : IAsyncLifetime
{
    private const string Roles = """
        apiVersion: rbac.authorization.k8s.io/v1
        kind: ClusterRole
        metadata: {name: a}
        rules:
        - {apiGroups: [""], resources: [pods], verbs: [get, list, watch]}
        - {apiGroups: [kubescape.io], resources: [applicationprofiles/status], verbs: ["*"]}
        ---
        apiVersion: rbac.authorization.k8s.io/v1
        kind: Role
        metadata: {name: b, namespace: default}
        rules:
        - {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get], resourceNames: [mine]}
        """;

    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    [Theory]
    [InlineData("GET", "/api/v1/pods", null)]
    [InlineData("GET", "/api/v1/namespaces/default/pods", null)]
    [InlineData("GET", "/api/v1/namespaces", "namespaces is forbidden: User \"u\" cannot list resource \"namespaces\" in API group \"\" at the cluster scope")]
    [InlineData("GET", "/api/v1/namespaces/x", "namespaces \"x\" is forbidden: User \"u\" cannot get resource \"namespaces\" in API group \"\" in the namespace \"x\"")]
    [InlineData("DELETE", "/api/v1/namespaces/default/pods/a", "pods \"a\" is forbidden: User \"u\" cannot delete resource \"pods\" in API group \"\" in the namespace \"default\"")]
    [InlineData("PUT", "/apis/kubescape.io/v1/namespaces/default/applicationprofiles/a", "applicationprofiles.kubescape.io \"a\" is forbidden: User \"u\" cannot update resource \"applicationprofiles\" in API group \"kubescape.io\" in the namespace \"default\"")]
    [InlineData("GET", "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/mine", "leases.coordination.k8s.io \"mine\" is forbidden: User \"u\" cannot get resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"kube-system\"")]
    [InlineData("GET", "/apis/coordination.k8s.io/v1/namespaces/default/leases/other", "leases.coordination.k8s.io \"other\" is forbidden: User \"u\" cannot get resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"default\"")]
    public async Task Request_IsForbidden_WhenNoRuleAllowsIt(string method, string path, string? message)
    {
        using var client = new ApiClient(_server, _server.AddUser("u", AccessRule.FromYaml(Roles)));
        var answer = await client.SendAsync(new HttpMethod(method), path);

        Assert.Equal(message is null ? (200, "") : (403, message), (answer.Code, message is null ? "" : answer.Message));
    }

    [Fact]
    public async Task Request_IsNotFound_WhenARuleAllowsIt()
    {
        using var client = new ApiClient(_server, _server.AddUser("u", AccessRule.FromYaml(Roles)));

        Assert.Equal(404, (await client.GetAsync("/apis/coordination.k8s.io/v1/namespaces/default/leases/mine")).Code);
        Assert.Equal(404, (await client.MergeAsync("/apis/kubescape.io/v1/namespaces/default/applicationprofiles/a/status", "{}")).Code);
    }

    [Fact]
    public async Task Token_ThatIsRevoked_IsNobodys()
    {
        var (old, @new) = (_server.AddUser("u", AccessRule.Everything), _server.IssueToken("u"));
        using var before = new ApiClient(_server, old);
        using var after = new ApiClient(_server, @new);
        Assert.Equal(200, (await before.GetAsync("/api/v1/pods")).Code);

        _server.RevokeToken(old);
        var refused = await before.GetAsync("/api/v1/pods");
        Assert.Equal((401, "Unauthorized"), (refused.Code, refused.Reason));
        Assert.Equal(200, (await after.GetAsync("/api/v1/pods")).Code);
    }
}

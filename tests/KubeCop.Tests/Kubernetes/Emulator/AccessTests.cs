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
    [InlineData("GET", "/api/v1/pods")]
    [InlineData("GET", "/api/v1/namespaces/default/pods")]
    [InlineData("GET", "/apis/coordination.k8s.io/v1/namespaces/default/leases/mine", 404)]
    [InlineData("PATCH", "/apis/kubescape.io/v1/namespaces/default/applicationprofiles/a/status", 404)]
    public async Task Request_IsAnswered_WhenARuleAllowsIt(string method, string path, int code = 200)
    {
        using var client = new ApiClient(_server, _server.AddUser("u", AccessRule.FromYaml(Roles)));

        Assert.Equal(code, (await client.SendAsync(new HttpMethod(method), path, method == "GET" ? null : "{}", "application/merge-patch+json")).Code);
    }

    [Theory]
    [InlineData("GET", "/api/v1/namespaces", "namespaces is forbidden", "list resource \"namespaces\" in API group \"\" at the cluster scope")]
    [InlineData("GET", "/api/v1/namespaces/x", "namespaces \"x\" is forbidden", "get resource \"namespaces\" in API group \"\" in the namespace \"x\"")]
    [InlineData("DELETE", "/api/v1/namespaces/default/pods/a", "pods \"a\" is forbidden", "delete resource \"pods\" in API group \"\" in the namespace \"default\"")]
    [InlineData(
        "PUT",
        "/apis/kubescape.io/v1/namespaces/default/applicationprofiles/a",
        "applicationprofiles.kubescape.io \"a\" is forbidden",
        "update resource \"applicationprofiles\" in API group \"kubescape.io\" in the namespace \"default\"")]
    [InlineData(
        "GET",
        "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/mine",
        "leases.coordination.k8s.io \"mine\" is forbidden",
        "get resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"kube-system\"")]
    [InlineData(
        "GET",
        "/apis/coordination.k8s.io/v1/namespaces/default/leases/other",
        "leases.coordination.k8s.io \"other\" is forbidden",
        "get resource \"leases\" in API group \"coordination.k8s.io\" in the namespace \"default\"")]
    public async Task Request_IsForbidden_WhenNoRuleAllowsIt(string method, string path, string what, string doing)
    {
        using var client = new ApiClient(_server, _server.AddUser("u", AccessRule.FromYaml(Roles)));
        var refused = await client.SendAsync(new HttpMethod(method), path);

        Assert.Equal((403, "Forbidden", $"{what}: User \"u\" cannot {doing}"), (refused.Code, refused.Reason, refused.Message));
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

    [Fact]
    public async Task TokenReview_TellsWhoseATokenIs_AndKeepsNothing()
    {
        using var client = new ApiClient(_server);
        var token = _server.AddUser("system:serviceaccount:shop:web");

        var known = await ReviewAsync(client, $$"""{"token":"{{token}}"}""");
        Assert.Equal(201, known.Code);
        Assert.Equal(
            """{"authenticated":true,"user":{"username":"system:serviceaccount:shop:web","uid":"uid-of-system:serviceaccount:shop:web","groups":"""
            + """["system:serviceaccounts","system:serviceaccounts:shop","system:authenticated"]},"audiences":["https://kubernetes.default.svc"]}""",
            known.Body["status"]!.ToJsonString());
        Assert.Null((await ReviewAsync(client, """{"token":"x"}""")).Body["status"]!["authenticated"]);
        Assert.Null((await ReviewAsync(client, $$"""{"token":"{{token}}","audiences":["other"]}""")).Body["status"]!["authenticated"]);
        var refused = await ReviewAsync(client, "{}");
        Assert.Equal((400, "BadRequest"), (refused.Code, refused.Reason));
        Assert.Equal(405, (await client.GetAsync("/apis/authentication.k8s.io/v1/tokenreviews")).Code);
    }

    [Fact]
    public async Task Token_ForSomebodyElse_IsNotTakenByTheServer()
    {
        _server.AddUser("u", AccessRule.Everything);
        using var client = new ApiClient(_server, _server.IssueToken("u", "other"));
        Assert.Equal(401, (await client.GetAsync("/api/v1/pods")).Code);
    }

    [Theory]
    [InlineData("""{"user":"u","nonResourceAttributes":{"path":"/a/b","verb":"get"}}""", true)]
    [InlineData("""{"user":"u","nonResourceAttributes":{"path":"/a","verb":"get"}}""", false)]
    [InlineData("""{"user":"u","nonResourceAttributes":{"path":"/b","verb":"get"}}""", true)]
    [InlineData("""{"user":"u","nonResourceAttributes":{"path":"/b/c","verb":"get"}}""", false)]
    [InlineData("""{"user":"u","nonResourceAttributes":{"path":"/a/b","verb":"post"}}""", false)]
    [InlineData("""{"user":"v","nonResourceAttributes":{"path":"/a/b","verb":"get"}}""", false)]
    [InlineData("""{"user":"u","resourceAttributes":{"resource":"pods","verb":"get","namespace":"default"}}""", true)]
    [InlineData("""{"user":"u","resourceAttributes":{"resource":"pods","verb":"delete","namespace":"default"}}""", false)]
    [InlineData("""{"user":"u"}""", null)]
    [InlineData("""{"nonResourceAttributes":{"path":"/a/b","verb":"get"}}""", null)]
    public async Task SubjectAccessReview_TellsWhatAUserMay(string spec, bool? isAllowed)
    {
        _server.AddUser("u", [.. AccessRule.FromYaml(Roles), .. AccessRule.FromYaml("{kind: ClusterRole, rules: [{nonResourceURLs: [/a/*, /b], verbs: [get]}]}")]);
        using var client = new ApiClient(_server);

        var answer = await client.PostAsync(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews", $$"""{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{{spec}}}""");

        Assert.Equal(isAllowed is null ? 422 : 201, answer.Code);
        Assert.Equal(isAllowed, isAllowed is null ? null : (bool?)answer.Body["status"]!["allowed"]);
    }

    private static Task<ApiResponse> ReviewAsync(ApiClient client, string spec) =>
        client.PostAsync("/apis/authentication.k8s.io/v1/tokenreviews", $$"""{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{{spec}}}""");
}

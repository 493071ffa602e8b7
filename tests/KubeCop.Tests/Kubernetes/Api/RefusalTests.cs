using KubeCop.Kubernetes.Api;

namespace KubeCop.Tests.Kubernetes.Api;

/// <summary>Each right that docs/kubernetes.md names, missing.</summary>
public sealed class RefusalTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("", "pods", "list")]
    [InlineData("", "pods", "watch")]
    [InlineData("", "namespaces", "list")]
    [InlineData("", "namespaces", "watch")]
    [InlineData("apps", "replicasets", "get")]
    [InlineData("batch", "jobs", "get")]
    [InlineData("kubescape.io", "runtimerulealertbindings", "list")]
    [InlineData("kubescape.io", "runtimerulealertbindings", "watch")]
    [InlineData("kubescape.io", "applicationprofiles", "get")]
    [InlineData("kubescape.io", "applicationprofiles", "list")]
    [InlineData("kubescape.io", "applicationprofiles", "watch")]
    [InlineData("kubescape.io", "applicationprofiles", "create")]
    [InlineData("kubescape.io", "applicationprofiles", "patch")]
    [InlineData("kubescape.io", "applicationprofiles", "delete")]
    [InlineData("kubescape.io", "applicationprofiles/status", "patch")]
    [InlineData("authentication.k8s.io", "tokenreviews", "create")]
    [InlineData("authorization.k8s.io", "subjectaccessreviews", "create")]
    [InlineData("events.k8s.io", "events", "create")]
    [InlineData("events.k8s.io", "events", "patch")]
    public async Task Right_ThatIsMissing_IsNamedAsTheRuleThatGivesIt(string group, string resource, string verb)
    {
        await using var api = await EmulatedApi.StartAsync(token: static server => server.AddUser("kubecop"));

        var refusal = await Assert.ThrowsAsync<ApiException>(() => AskAsync(api.Client, group, resource, verb));

        Assert.Contains($"apiGroups: [\"{group}\"], resources: [\"{resource}\"], verbs: [\"{verb}\"]", refusal.Message, StringComparison.Ordinal);
    }

    private static async Task AskAsync(ApiClient api, string group, string name, string verb)
    {
        var resource = new ApiResource(group, "v1", name.Split('/')[0]);
        var body = "{}"u8.ToArray();
        switch (verb)
        {
            case "get":
                await api.GetAsync(resource, "default", "x", metadataOnly: true, Token);
                break;
            case "list":
                await api.ListAsync(new ObjectSelection(resource), Token);
                break;
            case "watch":
                await foreach (var _ in api.WatchAsync(new ObjectSelection(resource), "1", TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(5), static () => { }, Token))
                {
                    // Nothing comes of it.
                }

                break;
            case "create":
                await api.CreateAsync(resource, "default", body, "kubecop", Token);
                break;
            case "delete":
                await api.DeleteAsync(resource, "default", "x", "1", Token);
                break;
            default:
                await (group == "events.k8s.io"
                    ? api.MergeAsync(resource, "default", "x", body, "kubecop", Token)
                    : api.ApplyAsync($"{resource.PathOf("default", "x")}{(name.Contains('/', StringComparison.Ordinal) ? "/status" : "")}", name, body, "kubecop", Token));
                break;
        }
    }
}

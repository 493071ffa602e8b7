using System.Net;
using System.Text.Json;
using k8s;
using k8s.Autorest;
using k8s.Models;

namespace KubeCop.Kubernetes.Membership;

/// <summary>
/// The requests to the API server of which membership is made, each bounded in time and its failure put into words. Nothing is tried again here:
/// Orleans does, with its own back-off.
/// </summary>
internal sealed class MembershipApi(IKubernetes client, string @namespace)
{
    /// <summary>Above what a busy API server takes, below what holds up a silo that is to end.</summary>
    public static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    private static readonly Resource ConfigMaps = new("", "configmaps");
    private static readonly Resource Leases = new("coordination.k8s.io", "leases");

    public string Namespace => @namespace;

    /// <returns>Null when there is none of that name.</returns>
    public Task<V1ConfigMap?> ReadTableAsync(string name, CancellationToken cancellationToken) => UnlessMissingAsync(
        CallAsync("get", ConfigMaps, name, token => client.CoreV1.ReadNamespacedConfigMapAsync(name, @namespace, cancellationToken: token), cancellationToken));

    /// <returns>Null when somebody else has just made it.</returns>
    public async Task<V1ConfigMap?> CreateTableAsync(string name, IDictionary<string, string> data, CancellationToken cancellationToken)
    {
        var table = new V1ConfigMap { Metadata = new V1ObjectMeta { Name = name }, Data = data };
        try
        {
            return await CallAsync("create", ConfigMaps, name, token => client.CoreV1.CreateNamespacedConfigMapAsync(table, @namespace, cancellationToken: token), cancellationToken);
        }
        catch (MembershipException exception) when (exception.Status == HttpStatusCode.Conflict)
        {
            return null;
        }
    }

    /// <param name="patch">With the resource version that it applies to.</param>
    /// <returns>Null when the table has changed since.</returns>
    public async Task<V1ConfigMap?> PatchTableAsync(string name, string patch, CancellationToken cancellationToken)
    {
        try
        {
            return await CallAsync("patch", ConfigMaps, name, token => client.CoreV1.PatchNamespacedConfigMapAsync(Merge(patch), name, @namespace, cancellationToken: token), cancellationToken);
        }
        catch (MembershipException exception) when (exception.Status == HttpStatusCode.Conflict)
        {
            return null;
        }
    }

    /// <param name="label">Label selector.</param>
    /// <param name="fromCache">
    /// Whether what the API server has in memory will do (resourceVersion=0): that costs its store nothing, and is usually less than a second old.
    /// </param>
    public async Task<IList<V1Lease>> ListLeasesAsync(string label, bool fromCache, CancellationToken cancellationToken) => (await CallAsync(
        "list",
        Leases,
        null,
        token => client.CoordinationV1.ListNamespacedLeaseAsync(@namespace, labelSelector: label, resourceVersion: fromCache ? "0" : null, cancellationToken: token),
        cancellationToken)).Items;

    /// <returns>Null when there is none of that name.</returns>
    public Task<V1Lease?> PatchLeaseAsync(string name, string patch, CancellationToken cancellationToken) => UnlessMissingAsync(
        CallAsync("patch", Leases, name, token => client.CoordinationV1.PatchNamespacedLeaseAsync(Merge(patch), name, @namespace, cancellationToken: token), cancellationToken));

    public Task CreateLeaseAsync(V1Lease lease, CancellationToken cancellationToken) => CallAsync(
        "create", Leases, lease.Metadata.Name, token => client.CoordinationV1.CreateNamespacedLeaseAsync(lease, @namespace, cancellationToken: token), cancellationToken);

    /// <summary>Also when there is none of that name.</summary>
    public Task DeleteLeaseAsync(string name, CancellationToken cancellationToken) => UnlessMissingAsync(
        CallAsync("delete", Leases, name, token => client.CoordinationV1.DeleteNamespacedLeaseAsync(name, @namespace, cancellationToken: token), cancellationToken));

    private static V1Patch Merge(string patch) => new(patch, V1Patch.PatchType.MergePatch);

    private static async Task<T?> UnlessMissingAsync<T>(Task<T> call)
        where T : class
    {
        try
        {
            return await call;
        }
        catch (MembershipException exception) when (exception.Status == HttpStatusCode.NotFound)
        {
            return null;
        }
    }

    private async Task<T> CallAsync<T>(string verb, Resource resource, string? name, Func<CancellationToken, Task<T>> call, CancellationToken cancellationToken)
    {
        using var bounded = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        bounded.CancelAfter(Timeout);
        try
        {
            return await call(bounded.Token);
        }
        catch (HttpOperationException exception)
        {
            throw Explain(verb, resource, name, exception);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            var reason = exception is OperationCanceledException ? $"it did not answer within {Timeout.TotalSeconds} s" : exception.Message.TrimEnd('.');
            var message = $"The API server could not be asked to {verb} {Describe(resource, name)}: {reason}. This may pass; kubecop goes on trying.";
            throw new MembershipException(message, null, exception) { MayPass = true };
        }
        catch (JsonException exception)
        {
            throw new MembershipException($"What the API server answered when asked to {verb} {Describe(resource, name)} is not readable: {exception.Message}", null, exception);
        }
    }

    private string Describe(Resource resource, string? name) => $"{resource.Name}{(name is null ? "" : $" '{name}'")} in namespace '{@namespace}'";

    private MembershipException Explain(string verb, Resource resource, string? name, HttpOperationException exception)
    {
        var status = exception.Response.StatusCode;
        var told = Told(exception.Response.Content);
        var what = $"{verb} {Describe(resource, name)}";
        var (message, mayPass) = status switch
        {
            HttpStatusCode.Unauthorized => (
                $"The API server does not accept kubecop's token ({told}). See that the pod's service account exists and its token is mounted (automountServiceAccountToken).", false),
            HttpStatusCode.Forbidden when told.Contains($"cannot {verb} resource", StringComparison.Ordinal) => (
                $"kubecop may not {what} ({told}). Its Role in that namespace needs the rule {resource.Rule(verb, name)}", false),
            HttpStatusCode.NotFound when told.StartsWith("namespaces ", StringComparison.Ordinal) => (
                $"There is no namespace '{@namespace}' for the membership table. Create it, or name the one kubecop runs in.", false),
            HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError => (
                $"The API server could not {what}: {(int)status} {told}. This may pass; kubecop goes on trying.", true),
            _ => ($"The API server refused to {what}: {(int)status} {told}.", false),
        };
        return new MembershipException(message, status, exception) { MayPass = mayPass };
    }

    /// <summary>The message of a Status object; of anything else its beginning.</summary>
    private static string Told(string? content)
    {
        try
        {
            return content is null ? "" : KubernetesJson.Deserialize<V1Status>(content)?.Message ?? "";
        }
        catch (JsonException)
        {
            return content is { Length: > 200 } ? content[..200] : content ?? "";
        }
    }

    private readonly record struct Resource(string Group, string Name)
    {
        /// <summary>The ConfigMap is allowed by name; but nothing can be made by its name alone, and a silo's Lease has no name before it starts.</summary>
        public string Rule(string verb, string? name) =>
            $"{{apiGroups: [\"{Group}\"], resources: [\"{Name}\"]{(Group.Length > 0 || verb == "create" ? "" : $", resourceNames: [\"{name}\"]")}, verbs: [\"{verb}\"]}}.";
    }
}

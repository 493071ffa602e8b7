using System.Net.Http.Headers;
using k8s.Authentication;

namespace KubeCop.Kubernetes.Api;

/// <summary>
/// The token of a pod's service account, read anew for each request: kubelet replaces it while the pod runs, and the API server may refuse the
/// one before from then on. The client library's own keeps one for nine minutes, by a clock that may be set.
/// </summary>
/// <param name="path">Of the file that kubelet keeps.</param>
internal sealed class TokenFile(string path) : ITokenProvider
{
    /// <summary>Where a pod has its own (Kubernetes documentation, "Accessing the Kubernetes API from a Pod").</summary>
    public const string OfPod = "/var/run/secrets/kubernetes.io/serviceaccount/token";

    public async Task<AuthenticationHeaderValue> GetAuthenticationHeaderAsync(CancellationToken cancellationToken) =>
        new("Bearer", (await File.ReadAllTextAsync(path, cancellationToken)).Trim());
}

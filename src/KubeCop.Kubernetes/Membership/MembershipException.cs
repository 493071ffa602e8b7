using System.Net;

namespace KubeCop.Kubernetes.Membership;

/// <summary>The membership table cannot be read or written; the message says why and what to do. Orleans tries again.</summary>
/// <param name="status">What the API server answered; null when it did not, or when what it holds is at fault.</param>
internal sealed class MembershipException(string message, HttpStatusCode? status = null, Exception? inner = null) : Exception(message, inner)
{
    public HttpStatusCode? Status { get; } = status;

    /// <summary>Whether it may pass without anybody doing anything, as an outage does. Default: false.</summary>
    public bool MayPass { get; init; }
}

using System.Net;

namespace KubeCop.Kubernetes.Api;

/// <summary>The API server refused a request, or could not be asked. The message is for people: what, why, and what to do.</summary>
internal sealed class ApiException(string message, Exception? cause = null) : Exception(message, cause)
{
    /// <summary>Null when there was no answer.</summary>
    public HttpStatusCode? Code { get; init; }

    /// <summary>How long the server asks to wait.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The version that was asked for is not kept any more (410): everything has to be listed anew.</summary>
    public bool IsExpired => Code == HttpStatusCode.Gone;

    /// <summary>Nothing can be made in the namespace any more, because it is being deleted. That is said as 403, like a right that is missing.</summary>
    public bool IsOfEndingNamespace { get; init; }

    public bool IsNotFound => Code == HttpStatusCode.NotFound;
}

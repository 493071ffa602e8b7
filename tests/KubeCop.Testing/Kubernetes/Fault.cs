namespace KubeCop.Testing.Kubernetes;

/// <summary>A request, as faults and counts see it.</summary>
/// <param name="Resource">With its group: <c>pods</c>, <c>applicationprofiles.kubescape.io</c>; of requests for no resource the path.</param>
/// <param name="Name">Empty for a collection.</param>
public sealed record ApiRequest(string User, string Verb, string Resource, string Subresource, string Namespace, string Name);

/// <summary>What goes wrong with some requests, from when it is injected until it is lifted.</summary>
/// <param name="Matches">Which requests it is about.</param>
public sealed record Fault(Func<ApiRequest, bool> Matches)
{
    private int _left = int.MaxValue;

    /// <summary>How much later requests are begun with.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>The status with which requests are refused, in the API server's words for it; null when they are not.</summary>
    public int? Status { get; init; }

    /// <summary>When the client is told to come again, in seconds.</summary>
    public int? RetryAfterSeconds { get; init; }

    /// <summary>Whether the connection is cut: of requests instead of an answer, of open watches when the fault is injected.</summary>
    public bool Cuts { get; init; }

    /// <summary>Whether watches, open ones too, hear nothing any more while their connection stays. Lifting the fault does not bring them back.</summary>
    public bool Silences { get; init; }

    /// <summary>How many requests it meets; all of them unless said otherwise.</summary>
    public int Times { init => _left = value; }

    /// <returns>Whether it meets this request.</returns>
    internal bool Meets(ApiRequest request) => Matches(request) && Interlocked.Decrement(ref _left) >= 0;

    internal ApiStatusException? Refusal => Status is not { } status ? null : new ApiStatusException(status, ReasonOf(status), MessageOf(status)) { RetryAfterSeconds = RetryAfterSeconds };

    private static string ReasonOf(int status) => status switch
    {
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        409 => "Conflict",
        410 => "Expired",
        429 => "TooManyRequests",
        500 => "InternalError",
        503 => "ServiceUnavailable",
        504 => "Timeout",
        _ => "",
    };

    private static string MessageOf(int status) => status switch
    {
        409 => "the object has been modified; please apply your changes to the latest version and try again",
        429 => "too many requests, please try again later",
        500 => "Internal error occurred: etcdserver: request timed out",
        503 => "the server is currently unable to handle the request",
        504 => "request did not complete within the allotted timeout",
        _ => "injected fault",
    };
}

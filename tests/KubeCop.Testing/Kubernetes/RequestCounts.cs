using System.Collections.Concurrent;

namespace KubeCop.Testing.Kubernetes;

/// <summary>Requests that are alike, and what they were answered with.</summary>
/// <param name="Resource">As of <see cref="ApiRequest"/>, with the subresource.</param>
/// <param name="Code">The HTTP status; 0 when the connection was cut.</param>
/// <param name="BytesOut">Of the bodies; of watches what they were given until now.</param>
public sealed record RequestCount(string User, string Verb, string Resource, int Code, long Requests, long BytesOut);

/// <summary>Counts what clients ask for.</summary>
internal sealed class RequestCounts
{
    private readonly ConcurrentDictionary<(string User, string Verb, string Resource, int Code), Counter> _counters = [];

    public Counter Count(ApiRequest request, int code)
    {
        var resource = request.Subresource.Length == 0 ? request.Resource : $"{request.Resource}/{request.Subresource}";
        var counter = _counters.GetOrAdd((request.User, request.Verb, resource, code), static _ => new Counter());
        Interlocked.Increment(ref counter.Requests);
        return counter;
    }

    public IReadOnlyList<RequestCount> Snapshot() =>
    [
        .. _counters.Select(static counter => new RequestCount(
            counter.Key.User, counter.Key.Verb, counter.Key.Resource, counter.Key.Code, Volatile.Read(ref counter.Value.Requests), Volatile.Read(ref counter.Value.BytesOut))),
    ];

    internal sealed class Counter
    {
        public long Requests;
        public long BytesOut;

        public void Sent(long bytes) => Interlocked.Add(ref BytesOut, bytes);
    }
}

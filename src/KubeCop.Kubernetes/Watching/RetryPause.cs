namespace KubeCop.Kubernetes.Watching;

/// <summary>Between tries: twice as long each time, and never the same for all nodes, so that they do not come back together.</summary>
internal struct RetryPause(TimeSpan first, TimeSpan longest)
{
    private readonly TimeSpan _first = first;
    private TimeSpan _next = first;

    public void Succeeded() => _next = _first;

    /// <param name="atLeast">What the server asks for.</param>
    public TimeSpan Next(TimeSpan? atLeast = null)
    {
        var pause = _next * (0.5 + (Random.Shared.NextDouble() / 2));
        _next = _next * 2 < longest ? _next * 2 : longest;
        return atLeast > pause ? atLeast.Value + (pause / 2) : pause;
    }
}

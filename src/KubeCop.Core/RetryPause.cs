namespace KubeCop.Core;

/// <summary>Between tries: twice as long each time, and never the same for all nodes, so that they do not come back together.</summary>
public struct RetryPause(TimeSpan first, TimeSpan longest)
{
    /// <summary>The longest time that a server can ask for: a date in its answer is by its clock, and a proxy may say anything.</summary>
    private static readonly TimeSpan MostAsked = TimeSpan.FromMinutes(5);

    private readonly TimeSpan _first = first;
    private TimeSpan _next = first;

    public void Succeeded() => _next = _first;

    /// <param name="atLeast">What the server asks for; heard up to five minutes.</param>
    public TimeSpan Next(TimeSpan? atLeast = null)
    {
        var pause = _next * (0.5 + (Random.Shared.NextDouble() / 2));
        _next = _next * 2 < longest ? _next * 2 : longest;
        var asked = atLeast < MostAsked ? atLeast.Value : atLeast is null ? TimeSpan.Zero : MostAsked;
        return asked > pause ? asked + (pause / 2) : pause;
    }
}

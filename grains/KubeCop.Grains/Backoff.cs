namespace KubeCop.Grains;

/// <summary>When to try again what failed: after 1 s, then twice as long each time up to 30 s, each shortened by up to a quarter at random.</summary>
internal struct Backoff
{
    private static readonly TimeSpan First = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private TimeSpan _delay;
    private TimeSpan _wait;
    private long _failedAt;

    public readonly bool IsDue(TimeProvider time) => _delay == default || time.GetElapsedTime(_failedAt) >= _wait;

    public void Failed(TimeProvider time)
    {
        _delay = _delay == default ? First : _delay * 2 < Longest ? _delay * 2 : Longest;
        // Nodes that lost the same storage at the same time must not come back to it at the same time.
        _wait = _delay * (1 - (Random.Shared.NextDouble() / 4));
        _failedAt = time.GetTimestamp();
    }

    public void Succeeded() => this = default;
}

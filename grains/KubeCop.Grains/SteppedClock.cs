namespace KubeCop.Grains;

/// <summary>The wall clock, and by how much somebody has set it: told by the clock that nobody can set. Not thread safe.</summary>
internal sealed class SteppedClock(TimeProvider time)
{
    // Between two looks a clock that is only slewed gains or loses far less.
    private static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(1);

    private long _timestamp = time.GetTimestamp();
    private DateTimeOffset _wall = time.GetUtcNow();

    /// <summary>Tells the time.</summary>
    /// <param name="step">By how much the clock was set since the last look; zero when it was not.</param>
    public DateTimeOffset Look(out TimeSpan step)
    {
        var (timestamp, wall) = (time.GetTimestamp(), time.GetUtcNow());
        step = wall - _wall - time.GetElapsedTime(_timestamp, timestamp);
        if (step.Duration() < Tolerance)
        {
            step = TimeSpan.Zero;
        }

        (_timestamp, _wall) = (timestamp, wall);
        return wall;
    }
}

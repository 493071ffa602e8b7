namespace KubeCop.Scanning.Pressure;

/// <summary>
/// Holds a scan to so many files and bytes a second. What was not used is kept for one second; a file larger than a second's bytes passes, and
/// those after it wait for it, a minute at most. Any thread may use it.
/// </summary>
/// <param name="filesPerSecond">0 for no limit.</param>
/// <param name="bytesPerSecond">0 for no limit.</param>
internal sealed class RateLimit(double filesPerSecond, double bytesPerSecond, TimeProvider time)
{
    private const double Burst = 1;

    // A sparse file may say it has more bytes than any disk.
    private const double MostSeconds = 60;

    private readonly Lock _lock = new();
    private readonly long _start = time.GetTimestamp();

    // When all that was taken will have been paid for, in seconds since the start.
    private double _filesPaid;
    private double _bytesPaid;

    /// <summary>Takes a file of so many bytes.</summary>
    /// <returns>How long to wait before it is read; zero when at once.</returns>
    public TimeSpan Take(long bytes)
    {
        lock (_lock)
        {
            var now = time.GetElapsedTime(_start).TotalSeconds;
            var wait = Math.Max(Charge(ref _filesPaid, 1, filesPerSecond, now), Charge(ref _bytesPaid, bytes, bytesPerSecond, now));
            return wait > 0 ? TimeSpan.FromSeconds(wait) : TimeSpan.Zero;
        }
    }

    /// <summary>Takes a file of so many bytes and waits until it may be read.</summary>
    public Task WaitAsync(long bytes, CancellationToken cancellationToken)
    {
        var wait = Take(bytes);
        return wait > TimeSpan.Zero ? Task.Delay(wait, time, cancellationToken) : Task.CompletedTask;
    }

    // A limit's debt is paid by the passing time, from at most one burst ago on; it may begin as soon as the debt before it is less than a burst.
    private static double Charge(ref double paid, long amount, double perSecond, double now)
    {
        if (perSecond <= 0)
        {
            return 0;
        }

        paid = Math.Max(paid, now - Burst);
        var wait = paid - now;
        paid += Math.Min(amount / perSecond, MostSeconds);
        return wait;
    }
}

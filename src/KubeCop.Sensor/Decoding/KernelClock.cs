using KubeCop.Core.Events;
using KubeCop.Sensor.Bpf;

namespace KubeCop.Sensor.Decoding;

/// <summary>
/// CLOCK_BOOTTIME to wall-clock time. The difference is measured anew every second, so that a stepped clock is followed; in between, a
/// translation is one addition.
/// </summary>
internal sealed class KernelClock(TimeProvider time) : IKernelClock
{
    private const int RefreshMilliseconds = 1000;

    private long _bootTicks;
    private long _measuredAt = -2 * RefreshMilliseconds;

    public DateTimeOffset ToUtc(long bootNanoseconds)
    {
        var now = Environment.TickCount64;
        if (now - Volatile.Read(ref _measuredAt) is > RefreshMilliseconds or < 0)
        {
            Volatile.Write(ref _bootTicks, time.GetUtcNow().UtcTicks - (Now() / TimeSpan.NanosecondsPerTick));
            Volatile.Write(ref _measuredAt, now);
        }

        var ticks = Volatile.Read(ref _bootTicks) + (bootNanoseconds / TimeSpan.NanosecondsPerTick);
        return new DateTimeOffset(Math.Clamp(ticks, 0, DateTimeOffset.MaxValue.UtcTicks), TimeSpan.Zero);
    }

    /// <summary>CLOCK_BOOTTIME in nanoseconds.</summary>
    public static unsafe long Now()
    {
        LibC.TimeSpec now;
        _ = LibC.GetTime(LibC.ClockBootTime, &now);
        return (now.Seconds * 1_000_000_000) + now.Nanoseconds;
    }
}

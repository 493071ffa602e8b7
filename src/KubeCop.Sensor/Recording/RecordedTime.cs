using KubeCop.Core.Events;

namespace KubeCop.Sensor.Recording;

/// <summary>The time of a recording: as late as the record read last. Has no timers; who replays asks for what is due.</summary>
/// <param name="booted">Wall-clock time of CLOCK_BOOTTIME 0.</param>
/// <param name="started">CLOCK_BOOTTIME in nanoseconds to begin with.</param>
public sealed class RecordedTime(DateTimeOffset booted, long started) : TimeProvider, IKernelClock
{
    private long _now = started;

    public override long TimestampFrequency => 1_000_000_000;

    public override long GetTimestamp() => _now;

    public override DateTimeOffset GetUtcNow() => ToUtc(_now);

    /// <inheritdoc/>
    public DateTimeOffset ToUtc(long bootNanoseconds)
    {
        var ticks = booted.UtcTicks + (bootNanoseconds / TimeSpan.NanosecondsPerTick);
        return new DateTimeOffset(Math.Clamp(ticks, 0, DateTimeOffset.MaxValue.UtcTicks), TimeSpan.Zero);
    }

    /// <summary>Time only goes on: records of two processors can be out of order by a moment.</summary>
    internal void AdvanceTo(long bootNanoseconds) => _now = Math.Max(_now, bootNanoseconds);
}

namespace KubeCop.Sensor.Containers;

/// <summary>
/// Start times of processes in the one precision that the kernel's events and <c>/proc</c> share, so that a process has the same
/// <see cref="Core.Events.ProcessKey"/> in both: nanoseconds of CLOCK_BOOTTIME, rounded down to clock ticks of 10 ms. For a pid to be used
/// twice within a tick, all pids would have to be used up in it.
/// </summary>
internal static class ProcessStartTime
{
    // USER_HZ is 100 on every architecture .NET runs on. /proc shows nsec_to_clock_t(start_boottime), which for a USER_HZ that divides a
    // second is a plain division (kernel/time/time.c, fs/proc/array.c).
    private const long NanosecondsPerTick = 10_000_000;

    /// <param name="bootNanoseconds">The kernel's <c>start_boottime</c>.</param>
    public static long Round(long bootNanoseconds) => bootNanoseconds - (bootNanoseconds % NanosecondsPerTick);

    /// <param name="ticks">Field 22 of <c>/proc/pid/stat</c>.</param>
    public static long FromTicks(long ticks) => ticks * NanosecondsPerTick;
}

using KubeCop.Sensor.Bpf;

namespace KubeCop.Benchmarks;

internal static unsafe class LinuxClock
{
    /// <summary>CLOCK_THREAD_CPUTIME_ID of clock_gettime(2)</summary>
    private const int ThreadCpu = 3;

    /// <summary>What this thread has used of a processor.</summary>
    public static double ThreadCpuSeconds()
    {
        LibC.TimeSpec time;
        _ = LibC.GetTime(ThreadCpu, &time);
        return time.Seconds + (time.Nanoseconds / 1e9);
    }
}

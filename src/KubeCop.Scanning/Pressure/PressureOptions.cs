namespace KubeCop.Scanning.Pressure;

/// <summary>
/// When a scan pauses, by the kernel's pressure stall information (Documentation/accounting/psi.rst): the share of the last ten seconds in which
/// some task waited for a CPU, or for the disk.
/// </summary>
public sealed class PressureOptions
{
    /// <summary>Percent of the time in which some task waits for a CPU from which on a scan pauses; 1 to 100, 0 for never. Default: 60.</summary>
    public double CpuPercent { get; set; } = 60;

    /// <summary>Percent of the time in which some task waits for the disk from which on a scan pauses; 1 to 100, 0 for never. Default: 50.</summary>
    public double IoPercent { get; set; } = 50;

    /// <summary>
    /// How long a scan pauses at most; then it goes on for a fifth of that, whatever the pressure: whoever keeps a node busy must not keep it from
    /// being scanned. 1 s to 1 day. Default: 5 min.
    /// </summary>
    public TimeSpan LongestPause { get; set; } = TimeSpan.FromMinutes(5);

    /// <returns>What is wrong, as a sentence; null when nothing is.</returns>
    public string? FindMistake()
    {
        if (!IsPercent(CpuPercent) || !IsPercent(IoPercent))
        {
            return $"{(IsPercent(CpuPercent) ? nameof(IoPercent) : nameof(CpuPercent))} must be 1 to 100, or 0 for never.";
        }

        return LongestPause < TimeSpan.FromSeconds(1) || LongestPause > TimeSpan.FromDays(1) ? $"{nameof(LongestPause)} must be 1 s to 1 day." : null;
    }

    private static bool IsPercent(double value) => value is 0 or (>= 1 and <= 100);
}

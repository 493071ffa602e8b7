namespace KubeCop.Exporters.Delivery;

/// <summary>How long and how much waits for a receiver that is away. Section <c>KubeCop:Export:Delivery</c>.</summary>
public sealed class DeliveryOptions
{
    public const string Section = "KubeCop:Export:Delivery";

    /// <summary>
    /// Alerts that wait in memory for one exporter before further ones are dropped, at least 64. The last quarter is for those of high severity and
    /// above. They go to the disk as fast as it takes them, so this matters when they come faster, or the disk refuses. Default: 16384.
    /// </summary>
    public int MaxInMemory { get; set; } = 16_384;

    /// <summary>
    /// Bytes that wait on the disk for one exporter, at least 1 MiB; an alert takes about 1.5 KiB. When they are used up, alerts of high severity
    /// and above push out older ones below, and other new ones are dropped. Default: 64 MiB.
    /// </summary>
    public long MaxDiskBytes { get; set; } = 64 * 1024 * 1024;

    /// <summary>How long an alert is tried before it is given up, at least 1 minute. Default: 24 hours.</summary>
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromHours(24);

    /// <summary>
    /// How long an alert waits in memory for its receiver before it is written to the disk, 10 ms to 10 s: what a power loss can cost while
    /// a receiver is away. Default: 500 ms.
    /// </summary>
    public TimeSpan SpillAfter { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>The pause after a first failure, 10 ms to 1 minute; each further one is twice as long. Default: 1 s.</summary>
    public TimeSpan FirstPause { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest pause between tries, from <see cref="FirstPause"/> to 1 hour. Default: 1 minute.</summary>
    public TimeSpan LongestPause { get; set; } = TimeSpan.FromMinutes(1);

    /// <returns>A sentence that names the value; null when all are right.</returns>
    public string? FindMistake() =>
        MaxInMemory < 64 ? Mistake(nameof(MaxInMemory), MaxInMemory, "at least 64")
        : MaxDiskBytes < 1024 * 1024 ? Mistake(nameof(MaxDiskBytes), MaxDiskBytes, "at least 1048576")
        : MaxAge < TimeSpan.FromMinutes(1) ? Mistake(nameof(MaxAge), MaxAge, "at least 1m")
        : SpillAfter < TimeSpan.FromMilliseconds(10) || SpillAfter > TimeSpan.FromSeconds(10) ? Mistake(nameof(SpillAfter), SpillAfter, "00:00:00.01 to 10s")
        : FirstPause < TimeSpan.FromMilliseconds(10) || FirstPause > TimeSpan.FromMinutes(1) ? Mistake(nameof(FirstPause), FirstPause, "00:00:00.01 to 1m")
        : LongestPause < FirstPause || LongestPause > TimeSpan.FromHours(1) ? Mistake(nameof(LongestPause), LongestPause, $"{nameof(FirstPause)} to 1h")
        : null;

    private static string Mistake(string name, object value, string accepted) => $"{Section}:{name} '{value}' is not accepted; expected {accepted}.";
}

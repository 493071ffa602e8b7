namespace KubeCop.Sensor.Journal;

/// <summary>The node's journal of behaviour not yet stored. Section <c>KubeCop:Journal</c>.</summary>
public sealed class JournalOptions
{
    public const string Section = "KubeCop:Journal";

    /// <summary>How long appended behaviour may wait for company before it is written and synced; 10 ms to 1 s. Default: 500 ms.</summary>
    public TimeSpan SyncInterval { get; set; } = TimeSpan.FromMilliseconds(500);

    /// <summary>
    /// Bytes kept in memory for the disk, at least 64 KiB. What comes when they are used up is sent to its workload but not journaled, and
    /// counted. Default: 16 MiB.
    /// </summary>
    public long MaxBufferBytes { get; set; } = 16 * 1024 * 1024;

    /// <summary>
    /// Bytes of the journal on disk, at least <see cref="SegmentBytes"/>. What comes when they are used up is sent to its workload but not
    /// journaled, and counted: older behaviour is never given up for it. Default: 256 MiB.
    /// </summary>
    public long MaxDiskBytes { get; set; } = 256 * 1024 * 1024;

    /// <summary>Size at which a new file is begun, 4 KiB to 64 MiB. A file is deleted when all in it is acknowledged. Default: 4 MiB.</summary>
    public int SegmentBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>How long to wait before a disk that refused is tried again, more than zero. Default: 5 s.</summary>
    public TimeSpan RetryInterval { get; set; } = TimeSpan.FromSeconds(5);

    internal bool IsValid() =>
        SyncInterval >= TimeSpan.FromMilliseconds(10) && SyncInterval <= TimeSpan.FromSeconds(1)
        && MaxBufferBytes >= 64 * 1024
        && SegmentBytes is >= 4096 and <= 64 * 1024 * 1024
        && MaxDiskBytes >= SegmentBytes
        && RetryInterval > TimeSpan.Zero;
}

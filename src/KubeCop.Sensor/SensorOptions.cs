namespace KubeCop.Sensor;

/// <summary>The node's sensor. Section <c>KubeCop:Sensor</c>.</summary>
public sealed class SensorOptions
{
    public const string Section = "KubeCop:Sensor";

    /// <summary>Bytes of the ring buffer between kernel and sensor; a power of two, at least 64 KiB. Default: 8 MiB.</summary>
    public int RingBytes { get; set; } = 8 * 1024 * 1024;

    /// <summary>The most events in a batch to a container grain, 16 to 1024. Default: 256.</summary>
    public int BatchSize { get; set; } = 256;

    /// <summary>
    /// Batches kept for one container while its grain is busy, or while it is not yet known to be a container; further events are dropped and
    /// counted for this container alone. 1 to 1024. Default: 32.
    /// </summary>
    public int StagedBatches { get; set; } = 32;

    /// <summary>How long events of a new cgroup are kept before it is taken for no container. Default: 10 s.</summary>
    public TimeSpan PendingTime { get; set; } = TimeSpan.FromSeconds(10);
}

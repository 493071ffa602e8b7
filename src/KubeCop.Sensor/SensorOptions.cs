namespace KubeCop.Sensor;

/// <summary>The node's sensor. Section <c>KubeCop:Sensor</c>.</summary>
public sealed class SensorOptions
{
    public const string Section = "KubeCop:Sensor";

    /// <summary>
    /// Bytes of the ring buffer for what must not be lost (processes, containers, rare events); a power of two, at least 64 KiB. A container
    /// may have a quarter of it unread. Default: 4 MiB.
    /// </summary>
    public int CriticalRingBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>Bytes of the ring buffer for everything else (files, network, DNS, capabilities, system calls), likewise. Default: 4 MiB.</summary>
    public int BulkRingBytes { get; set; } = 4 * 1024 * 1024;

    /// <summary>
    /// Containers, new cgroups included, whose repeats end in the kernel; takes 26 KiB of kernel memory for each. Further ones are watched
    /// too, at a higher cost and without their system calls. 16 to 4096. Default: 512.
    /// </summary>
    public int MaxContainers { get; set; } = 512;

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

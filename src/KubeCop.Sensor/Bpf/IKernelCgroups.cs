namespace KubeCop.Sensor.Bpf;

/// <summary>Tells the kernel side which cgroups are containers.</summary>
internal interface IKernelCgroups
{
    /// <summary>A cgroup the kernel side knows is (part of) a container. Nothing happens when it was removed meanwhile.</summary>
    void Watch(ulong cgroupId, ulong containerCgroupId);

    /// <summary>Sees only the execs and the life of a cgroup that was not recognised for long.</summary>
    void Rest(ulong cgroupId);

    /// <summary>Stops watching a cgroup.</summary>
    void Ignore(ulong cgroupId);
}

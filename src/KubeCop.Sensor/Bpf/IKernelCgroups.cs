namespace KubeCop.Sensor.Bpf;

/// <summary>Tells the kernel side which cgroups are containers.</summary>
internal interface IKernelCgroups
{
    /// <summary>A cgroup the kernel side knows is (part of) a container. Nothing happens when it was removed meanwhile.</summary>
    void Watch(ulong cgroupId, ulong containerCgroupId);

    /// <summary>Events of this container that the kernel side has lost since the last call.</summary>
    long TakeLost(ulong cgroupId);

    /// <summary>Events of this container were lost after the kernel had sent them: what they told is to be reported anew.</summary>
    void ForgetAll(ulong cgroupId);

    /// <summary>The cgroup is gone, and all its events have been read.</summary>
    void Removed(ulong cgroupId);

    /// <summary>Takes back what was left of cgroups whose removal was not told, because that record was lost. To be called now and then.</summary>
    void Sweep();

    /// <summary>Whether a cgroup is known: it has not been removed since.</summary>
    bool Knows(ulong cgroupId);

    /// <summary>Sees only the execs and the life of a cgroup that was not recognised for long.</summary>
    void Rest(ulong cgroupId);

    /// <summary>Stops watching a cgroup.</summary>
    void Ignore(ulong cgroupId);
}

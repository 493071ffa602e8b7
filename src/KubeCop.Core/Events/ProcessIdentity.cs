namespace KubeCop.Core.Events;

/// <summary>Names a process unmistakably, also after its pid was used again.</summary>
/// <param name="Pid">Thread group id in the initial pid namespace.</param>
/// <param name="StartTime">When the process started, in nanoseconds of CLOCK_BOOTTIME.</param>
[GenerateSerializer, Immutable, Alias("kubecop.ProcessKey")]
public readonly record struct ProcessKey([property: Id(0)] uint Pid, [property: Id(1)] long StartTime);

/// <summary>Who did something: what the kernel says about the process at the time of the event.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ProcessIdentity")]
public readonly record struct ProcessIdentity
{
    [Id(0)] public ProcessKey Key { get; init; }
    [Id(1)] public ProcessKey Parent { get; init; }

    /// <summary>Effective user id in the initial user namespace.</summary>
    [Id(2)] public uint Uid { get; init; }

    /// <summary>Effective group id in the initial user namespace.</summary>
    [Id(3)] public uint Gid { get; init; }

    /// <summary>The thread's name, at most 15 bytes; the process itself can change it.</summary>
    [Id(4)] public string Comm { get; init; }
}

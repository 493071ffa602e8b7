using KubeCop.Core.Events;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Decoding;

namespace KubeCop.Sensor;

/// <summary>One kernel hook and what became of it.</summary>
/// <param name="Name">For example <c>sched_process_exec</c>.</param>
/// <param name="Program">The program that stands there: named differently where the kernel does not take the best.</param>
/// <param name="Type">For example <c>BTF tracepoint</c>.</param>
/// <param name="Attached">Whether it delivers events.</param>
/// <param name="Detail">Why not, and what to do; empty when attached.</param>
public sealed record HookStatus(string Name, string Program, string Type, bool Attached, string Detail);

/// <summary>Events lost, counted since start.</summary>
/// <param name="Kind">Kind of the lost events; None where it is not known.</param>
/// <param name="Reason">A stable word, for example <c>ring_full</c>.</param>
public sealed record LossCount(EventKind Kind, string Reason, long Count)
{
    /// <summary>The reason of what was dropped because a container's grain did not keep up, or failed.</summary>
    public const string GrainBusy = "grain_busy";

    /// <summary>The reason of what was dropped because its cgroup was not recognised as a container, or as a part of one, in time.</summary>
    public const string Unrecognised = "unrecognised_container";

    /// <summary>
    /// The reason of runs that the kernel skipped because the same program was already running on that processor, whose events nobody knows.
    /// </summary>
    public const string ProgramBusy = "program_busy";

    /// <summary>The reason of records that could not be read: the kernel side is not of this version.</summary>
    public const string Unreadable = "unreadable";

    /// <summary>Every reason there is.</summary>
    public static IReadOnlyList<string> Reasons { get; } = [.. Wire.LossReasons, GrainBusy, Unrecognised, ProgramBusy, Unreadable];
}

/// <summary>Events that a container which is watched now has lost, counted since it was found.</summary>
/// <param name="ContainerId">Its full id.</param>
/// <param name="Loss">What and why.</param>
public sealed record ContainerLoss(string ContainerId, LossCount Loss);

/// <summary>How full a ring of events is, in bytes.</summary>
/// <param name="Ring">critical or bulk.</param>
/// <param name="Unread">Waits to be read now.</param>
/// <param name="Peak">The most that has waited at once since the start, as far as the reader saw.</param>
public sealed record RingFill(string Ring, long Size, long Unread, long Peak);

/// <summary>How a container runtime's socket is doing.</summary>
public enum RuntimeSocketState
{
    /// <summary>It is there; nobody needed it so far.</summary>
    Unasked,

    Available,

    /// <summary>It is not there, or does not answer as a runtime does.</summary>
    Unavailable,
}

/// <summary>A container runtime that can be asked about its containers.</summary>
/// <param name="Socket">Its path on the host.</param>
/// <param name="Runtime">containerd, cri-o, docker or podman; empty before it has answered.</param>
/// <param name="Version">Empty before it has answered.</param>
/// <param name="Detail">Why it is not available; empty when it is.</param>
public sealed record RuntimeStatus(string Socket, string Runtime, string Version, RuntimeSocketState State, string Detail);

/// <summary>What the sensor does on this node, for <c>/api/v1/node</c>, readiness, metrics and <c>doctor</c>.</summary>
public sealed record SensorStatus
{
    /// <summary>All hooks attached and the running containers listed.</summary>
    public required bool Ready { get; init; }

    public required IReadOnlyList<HookStatus> Hooks { get; init; }

    /// <summary>What rules do not get to see because hooks are not attached.</summary>
    public IReadOnlyList<EventOutage> Outages => HookEvents.Outages(Hooks);

    /// <summary>Events read from the ring, by kind.</summary>
    public required IReadOnlyDictionary<EventKind, long> Events { get; init; }

    public required IReadOnlyList<LossCount> Lost { get; init; }

    /// <summary>The part of <see cref="Lost"/> that is known to be of a container watched now.</summary>
    public IReadOnlyList<ContainerLoss> LostByContainer { get; init; } = [];

    /// <summary>Events that ended in the kernel because their behaviour was known already, by kind.</summary>
    public IReadOnlyDictionary<EventKind, long> Repeats { get; init; } = new Dictionary<EventKind, long>();

    /// <summary>Cgroups whose repeats can end in the kernel, out of <see cref="SensorOptions.MaxContainers"/>.</summary>
    public int FilteredCgroups { get; init; }

    /// <summary>Cgroups whose events go to a grain, or wait until it is known what they are.</summary>
    public int FollowedCgroups { get; init; }

    /// <summary>The rings between the kernel and this process.</summary>
    public IReadOnlyList<RingFill> Rings { get; init; } = [];

    /// <summary>Batches of events, and starts and ends of containers, that are just being taken: at most one for each container.</summary>
    public int BatchesInFlight { get; init; }

    /// <summary>Container runtimes' processes that set a container up now.</summary>
    public int SetupProcesses { get; init; }

    /// <summary>Containers now watched.</summary>
    public required int Containers { get; init; }

    /// <summary>Cgroups in the kernel side's table: containers, cgroups inside them, and new ones not yet recognised.</summary>
    public required int Cgroups { get; init; }

    /// <summary>Whether this kernel lets only those with CAP_BPF use maps that they have open, so that it cannot be dropped.</summary>
    public bool MapsNeedCapability { get; init; }

    /// <summary>Container runtimes' sockets.</summary>
    public IReadOnlyList<RuntimeStatus> Runtimes { get; init; } = [];
}

/// <summary>The node's sensor, as the rest of the host sees it.</summary>
public interface ISensor
{
    SensorStatus GetStatus();

    /// <summary>What rules do not get to see because hooks are not attached.</summary>
    IReadOnlyList<EventOutage> Outages => GetStatus().Outages;

    /// <summary>Ids of the containers now watched.</summary>
    IReadOnlyList<string> ContainerIds { get; }

    /// <summary>Completes when <see cref="SensorStatus.Ready"/>; faults with the cause when the sensor cannot work.</summary>
    Task Ready { get; }
}

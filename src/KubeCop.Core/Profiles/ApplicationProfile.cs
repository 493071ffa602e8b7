using KubeCop.Core.Workloads;

namespace KubeCop.Core.Profiles;

/// <summary>What a workload normally does, as people and programs read it.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ApplicationProfile")]
public sealed record ApplicationProfile
{
    /// <summary><c>kind-name</c>, as KubeCop names it.</summary>
    [Id(0)] public required string Name { get; init; }

    [Id(1)] public required string Namespace { get; init; }

    [Id(2)] public required WorkloadKey Workload { get; init; }

    /// <summary>Of the whole: learning while any container learns, else the weakest of its containers.</summary>
    [Id(3)] public required ProfileState State { get; init; }

    /// <summary>Seconds until learning ends; 0 when it has.</summary>
    [Id(4)] public required long RemainingSeconds { get; init; }

    /// <summary>Of the container learned last.</summary>
    [Id(5)] public required string Revision { get; init; }

    /// <summary>In the order of their names.</summary>
    [Id(6)] public required IReadOnlyList<ContainerProfile> Containers { get; init; }
}

/// <summary>What one container of a workload normally does.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ContainerProfile")]
public sealed record ContainerProfile
{
    [Id(0)] public required string Name { get; init; }
    [Id(1)] public required string Revision { get; init; }
    [Id(2)] public required ProfileState State { get; init; }

    /// <summary>Grows with every change of the content or the state.</summary>
    [Id(3)] public required long Version { get; init; }

    /// <summary>Grows when the user asks to learn again.</summary>
    [Id(4)] public required int Generation { get; init; }

    [Id(5)] public required DateTimeOffset LearningStartedAt { get; init; }

    /// <summary>When learning ends, or ended. What is observed later is judged.</summary>
    [Id(6)] public required DateTimeOffset CompletesAt { get; init; }

    [Id(7)] public required IReadOnlyList<ExecEntry> Execs { get; init; }
    [Id(8)] public required IReadOnlyList<OpenEntry> Opens { get; init; }

    /// <summary>Times nobody watched while it learned.</summary>
    [Id(9)] public IReadOnlyList<ObservationGap> Gaps { get; init; } = [];

    /// <summary>Events lost while it learned.</summary>
    [Id(10)] public long Lost { get; init; }

    [Id(11)] public required bool IsPartial { get; init; }

    [Id(12)] public IReadOnlyList<SyscallEntry> Syscalls { get; init; } = [];
    [Id(13)] public IReadOnlyList<CapabilityEntry> Capabilities { get; init; } = [];
    [Id(14)] public IReadOnlyList<DnsEntry> Dns { get; init; } = [];

    /// <summary>Where others reach it: ports it listens on or took connections at.</summary>
    [Id(15)] public IReadOnlyList<NetworkEntry> Incoming { get; init; } = [];

    /// <summary>Where it connects to.</summary>
    [Id(16)] public IReadOnlyList<NetworkEntry> Outgoing { get; init; } = [];

    /// <summary>
    /// The sections that were learned, or given by who wrote the profile. An empty section that is not among them says nothing, and no rule
    /// judges by it. Profiles from before this was recorded have learned programs and files.
    /// </summary>
    [Id(17)] public ProfileSections Sections { get; init; } = ProfileSections.Execs | ProfileSections.Opens;

    /// <summary>Its place in <see cref="ApplicationProfile.Containers"/>, from 0.</summary>
    [Id(18)] public int Index { get; init; }

    /// <summary>While it learns: whose profile guards its containers meanwhile, an earlier revision's. Null when there is none.</summary>
    [Id(19)] public ProfileSlot? GuardedBy { get; init; }

    /// <summary>
    /// Entries that are missing because there was no room: those that came when their section was full, repeats included, and those that
    /// would have made the whole too large to be shown. A profile with any does not know everything that is normal.
    /// </summary>
    [Id(20)] public long Truncated { get; init; }
}

/// <summary>A program of a profile. Of each entry <c>Replicas</c> tells how many containers showed it: see <see cref="ReplicaSketch"/>.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ExecEntry")]
public sealed record ExecEntry(
    [property: Id(0)] string Path,
    [property: Id(1)] string Executable,
    [property: Id(2)] IReadOnlyList<string> Args,
    [property: Id(3)] DateTimeOffset FirstSeen,
    [property: Id(4)] ulong Replicas = 0);

/// <summary>A file of a profile; the flags are the union of all opens of this path.</summary>
/// <param name="Collapsed">Of how many files learning has made this pattern; 0 for a file, and for a pattern somebody wrote.</param>
[GenerateSerializer, Immutable, Alias("kubecop.OpenEntry")]
public sealed record OpenEntry(
    [property: Id(0)] string Path,
    [property: Id(1)] IReadOnlyList<string> Flags,
    [property: Id(2)] DateTimeOffset FirstSeen,
    [property: Id(3)] int Collapsed = 0,
    [property: Id(4)] ulong Replicas = 0);

/// <summary>A system call of a profile.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.SyscallEntry")]
public sealed record SyscallEntry(
    [property: Id(0)] string Name,
    [property: Id(1)] DateTimeOffset FirstSeen,
    [property: Id(2)] ulong Replicas = 0);

/// <summary>The capabilities of a profile that one system call needs.</summary>
/// <param name="Syscall">Its name; <see cref="CapabilityItem.AnySyscall"/> for all of them.</param>
/// <param name="Caps">Used: the process had them.</param>
/// <param name="Refused">Checked, but the process did not have them.</param>
[GenerateSerializer, Immutable, Alias("kubecop.CapabilityEntry")]
public sealed record CapabilityEntry(
    [property: Id(0)] string Syscall,
    [property: Id(1)] IReadOnlyList<string> Caps,
    [property: Id(2)] IReadOnlyList<string> Refused,
    [property: Id(3)] DateTimeOffset FirstSeen,
    [property: Id(4)] ulong Replicas = 0);

/// <summary>A name of a profile that is looked up, and up to <see cref="DnsItem.MaxAddresses"/> addresses it led to.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.DnsEntry")]
public sealed record DnsEntry(
    [property: Id(0)] string DnsName,
    [property: Id(1)] IReadOnlyList<string> Addresses,
    [property: Id(2)] DateTimeOffset FirstSeen,
    [property: Id(3)] ulong Replicas = 0);

/// <summary>A connection of a profile; an incoming one has no endpoint.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.NetworkEntry")]
public sealed record NetworkEntry(
    [property: Id(0)] string Protocol,
    [property: Id(1)] ushort Port,
    [property: Id(2)] string DstEndpoint,
    [property: Id(3)] DateTimeOffset FirstSeen,
    [property: Id(4)] ulong Replicas = 0);

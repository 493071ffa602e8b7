using System.ComponentModel;
using System.ComponentModel.DataAnnotations;

namespace KubeCop.Kubernetes.CustomResources;

/// <summary>
/// What a workload does normally, as KubeCop has it: everything KubeCop's readers know is where it was; status and what validates are new.
/// </summary>
[CustomResource("ApplicationProfile", "applicationprofiles", ShortNames = ["approf"])]
[PrinterColumn("Phase", "string", ".status.phase", Description = "learning, final or partial.")]
[PrinterColumn("Containers", "integer", ".status.containers")]
[PrinterColumn("Execs", "integer", ".status.execs")]
[PrinterColumn("Opens", "integer", ".status.opens")]
[PrinterColumn("Lost", "integer", ".status.lost", Description = "Events lost while it was learned.")]
[PrinterColumn("Syscalls", "integer", ".status.syscalls", IsWide = true)]
[PrinterColumn("Connections", "integer", ".status.connections", IsWide = true)]
[PrinterColumn("Age", "date", ".metadata.creationTimestamp")]
[Description("What the containers of a workload do normally. What is not in it is alerted on, once it is final.")]
internal sealed record ApplicationProfileResource
{
    [Description("The behaviour that guards the workload. What you add or remove here stays so, whatever is learned.")]
    public ApplicationProfileSpec? Spec { get; init; }

    [Description("How far learning is. Written by KubeCop alone.")]
    public ApplicationProfileStatus? Status { get; init; }
}

internal sealed record ApplicationProfileSpec
{
    [Description("By the containers' names in the workload.")]
    [ListKey("name"), MaxLength(256)]
    public IReadOnlyList<ContainerBehaviour>? Containers { get; init; }

    [Description("Init containers, as profiles of other makers list them.")]
    [ListKey("name"), MaxLength(256)]
    public IReadOnlyList<ContainerBehaviour>? InitContainers { get; init; }

    [Description("Ephemeral containers, as profiles of other makers list them.")]
    [ListKey("name"), MaxLength(256)]
    public IReadOnlyList<ContainerBehaviour>? EphemeralContainers { get; init; }
}

[Description("A section that is not there is not judged by; one that is empty allows nothing.")]
internal sealed record ContainerBehaviour
{
    [Description("The container's name in the workload."), MinLength(1), MaxLength(253)]
    public required string Name { get; init; }

    [Description("Names of system calls, as read or openat.")]
    public IReadOnlyList<string>? Syscalls { get; init; }

    [Description("Programs that are started.")]
    public IReadOnlyList<ExecBehaviour>? Execs { get; init; }

    [Description("Files that are opened.")]
    public IReadOnlyList<OpenBehaviour>? Opens { get; init; }

    [Description("Capabilities that are used, by the system call that needs them.")]
    public IReadOnlyList<CapabilityBehaviour>? Capabilities { get; init; }

    [Description("Names that are asked of DNS servers.")]
    public IReadOnlyList<DnsBehaviour>? Dns { get; init; }

    [Description("Connections from and to the container.")]
    public NetworkBehaviour? NetworkActivity { get; init; }
}

internal sealed record ExecBehaviour
{
    [Description("The program as it is invoked, absolute.")]
    public string? Path { get; init; }

    [Description("Its arguments. Without any it may have whichever.")]
    public IReadOnlyList<string>? Args { get; init; }

    [Description("Not written; KubeCop's profiles may have it.")]
    public IReadOnlyList<string>? Envs { get; init; }

    [Description("Not written; KubeCop's profiles may have it.")]
    public bool? UpperLayer { get; init; }
}

internal sealed record OpenBehaviour
{
    [Description("The file, absolute. A name in it that is ⋯ stands for any, * at its end for one or more.")]
    public string? Path { get; init; }

    [Description("The flags of open(2) with which it is opened, as O_RDONLY.")]
    public IReadOnlyList<string>? Flags { get; init; }

    [Description("Not written; KubeCop's profiles may have it.")]
    public string? TaskName { get; init; }

    [Description("Not written; KubeCop's profiles may have it.")]
    public int? TaskId { get; init; }
}

internal sealed record CapabilityBehaviour
{
    [Description("The system call; * for any.")]
    public string? Syscall { get; init; }

    [Description("As NET_ADMIN.")]
    public IReadOnlyList<string>? Caps { get; init; }
}

internal sealed record DnsBehaviour
{
    [Description("The name, with or without the final dot, in any case.")]
    public string? DnsName { get; init; }

    [Description("What it led to. Not compared.")]
    public IReadOnlyList<string>? Addresses { get; init; }
}

internal sealed record NetworkBehaviour
{
    [Description("Connections that are accepted. Their peers are not compared.")]
    public IReadOnlyList<ConnectionBehaviour>? Incoming { get; init; }

    [Description("Connections that are made.")]
    public IReadOnlyList<ConnectionBehaviour>? Outgoing { get; init; }
}

internal sealed record ConnectionBehaviour
{
    [Description("tcp or udp, in any case.")]
    public string? Protocol { get; init; }

    [Description("Of the server."), Range(0, 65535)]
    public int? Port { get; init; }

    [Description("Address of the peer.")]
    public string? DstEndpoint { get; init; }
}

internal sealed record ApplicationProfileStatus
{
    [Description("learning while the first revision is learned, then final; partial when it was learned from containers that ran already.")]
    [AllowedValues("learning", "final", "partial")]
    public string? Phase { get; init; }

    [Description("The metadata.generation this status is of.")]
    public long? ObservedGeneration { get; init; }

    [Description("Seconds until learning ends."), Range(0, long.MaxValue)]
    public long? RemainingSeconds { get; init; }

    [Description("Containers in the spec."), Range(0, int.MaxValue)]
    public int? Containers { get; init; }

    [Description("Execs of all containers."), Range(0, int.MaxValue)]
    public int? Execs { get; init; }

    [Description("Opens of all containers."), Range(0, int.MaxValue)]
    public int? Opens { get; init; }

    [Description("System calls of all containers."), Range(0, int.MaxValue)]
    public int? Syscalls { get; init; }

    [Description("Connections of all containers."), Range(0, int.MaxValue)]
    public int? Connections { get; init; }

    [Description("Events lost while it was learned, of all containers."), Range(0, long.MaxValue)]
    public long? Lost { get; init; }

    [Description("The revisions of its containers that are known, those that learn among them.")]
    public IReadOnlyList<RevisionStatus>? Revisions { get; init; }

    [Description("What else there is to say of it.")]
    [ListKey("type")]
    public IReadOnlyList<ResourceCondition>? Conditions { get; init; }
}

internal sealed record RevisionStatus
{
    [Description("The container's name.")]
    public required string Container { get; init; }

    [Description("Of its image, command and arguments.")]
    public required string Revision { get; init; }

    [Description("learning, final or partial.")]
    [AllowedValues("learning", "final", "partial")]
    public required string Phase { get; init; }

    [Description("When its learning ends, or ended.")]
    public DateTimeOffset? CompletesAt { get; init; }
}

[Description("As of metav1.Condition.")]
internal sealed record ResourceCondition
{
    [Description("Complete, Truncated, Lossy."), MaxLength(316)]
    public required string Type { get; init; }

    [AllowedValues("True", "False", "Unknown")]
    [Description("Whether it is so.")]
    public required string Status { get; init; }

    [Description("The metadata.generation it is of.")]
    public long? ObservedGeneration { get; init; }

    [Description("When the status changed last.")]
    public DateTimeOffset? LastTransitionTime { get; init; }

    [Description("Why, in a word.")]
    public string? Reason { get; init; }

    [Description("Why, for people."), MaxLength(32768)]
    public string? Message { get; init; }
}

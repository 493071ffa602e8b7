using KubeCop.Core.Events;
using KubeCop.Core.Malware;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;

namespace KubeCop.Core.Alerts;

/// <summary>Whether an alert line is the first of its kind or tells of repeats.</summary>
public enum AlertState
{
    New,

    /// <summary>Closes a window of repeats of an alert that was sent as new; its count is greater than 1.</summary>
    Summary,

    /// <summary>
    /// What was sent as new is still so. It is for receivers alone that hold alerts as firing; others, and standard output, have been told.
    /// </summary>
    Ongoing,
}

/// <summary>
/// Something a rule found, with everything needed to act. <c>AlertJson</c> writes it as docs/alerts.md describes; scripts depend on the names.
/// </summary>
[GenerateSerializer, Immutable, Alias("kubecop.Alert")]
public sealed record Alert
{
    /// <summary>Unique and sortable by time (UUID version 7).</summary>
    [Id(0)] public required string Id { get; init; }

    [Id(1)] public required AlertState State { get; init; }
    [Id(2)] public required string RuleId { get; init; }
    [Id(3)] public required string RuleName { get; init; }
    [Id(4)] public required Severity Severity { get; init; }
    [Id(5)] public required string Message { get; init; }

    /// <summary>When the event happened.</summary>
    [Id(6)] public required DateTimeOffset Timestamp { get; init; }

    [Id(7)] public required DateTimeOffset FirstSeen { get; init; }
    [Id(8)] public required DateTimeOffset LastSeen { get; init; }

    /// <summary>Events folded into this alert, itself included.</summary>
    [Id(9)] public required long Count { get; init; }

    /// <summary>The same for the same rule, workload, container and subject, as far as that is shown: secrets in arguments make no difference.</summary>
    [Id(10)] public required string Fingerprint { get; init; }

    /// <summary>The container's own revision was still learning.</summary>
    [Id(11)] public required bool Learning { get; init; }

    [Id(12)] public required MitreTechnique Mitre { get; init; }
    [Id(13)] public required IReadOnlyList<string> Tags { get; init; }
    [Id(14)] public required string Node { get; init; }
    [Id(15)] public required ContainerDescription Container { get; init; }
    [Id(16)] public required AlertProcess Process { get; init; }
    [Id(17)] public required SensorEvent Event { get; init; }
    [Id(18)] public required string Expected { get; init; }
    [Id(19)] public required string Fix { get; init; }

    /// <summary>The file, with the container's place alone, when the alert is about malware and not about an event; then <see cref="Event"/> has no kind.</summary>
    [Id(20)] public MalwareFinding? Malware { get; init; }

    /// <summary>Until when it counts as firing, unless it is told of again; null for what happened and is over.</summary>
    [Id(21)] public DateTimeOffset? Until { get; init; }
}

/// <summary>The process an alert is about.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.AlertProcess")]
public sealed record AlertProcess
{
    /// <summary>Of an alert about what no process is known to have done.</summary>
    public static AlertProcess None { get; } = new()
    {
        Pid = 0,
        ParentPid = 0,
        Uid = 0,
        Gid = 0,
        Comm = "",
        Executable = "",
        Arguments = [],
        WorkingDirectory = "",
        StartTime = DateTimeOffset.UnixEpoch,
        Ancestors = [],
    };

    /// <summary>Whether there is one: 0 is the pid of none that does anything.</summary>
    public bool IsKnown => Pid != 0;

    [Id(0)] public required uint Pid { get; init; }
    [Id(1)] public required uint ParentPid { get; init; }
    [Id(2)] public required uint Uid { get; init; }
    [Id(3)] public required uint Gid { get; init; }
    [Id(4)] public required string Comm { get; init; }

    /// <summary>Empty when the process was started before the sensor and has ended since.</summary>
    [Id(5)] public required string Executable { get; init; }

    [Id(6)] public required IReadOnlyList<string> Arguments { get; init; }
    [Id(7)] public required string WorkingDirectory { get; init; }
    [Id(8)] public required DateTimeOffset StartTime { get; init; }

    /// <summary>Parent first, up to the process that entered the container or its first process.</summary>
    [Id(9)] public required IReadOnlyList<AncestorProcess> Ancestors { get; init; }
}

[GenerateSerializer, Immutable, Alias("kubecop.AncestorProcess")]
public sealed record AncestorProcess(
    [property: Id(0)] uint Pid,
    [property: Id(1)] string Comm,
    [property: Id(2)] string Executable);

using System.Text.Json;
using System.Text.Json.Serialization;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Exporters.Delivery;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Host.Node;

namespace KubeCop.Host.Http;

/// <summary>Every list of the API.</summary>
internal sealed record ItemList<T>(IReadOnlyList<T> Items);

internal sealed record WorkloadView(string Kind, string Name, string Namespace)
{
    public static WorkloadView Of(WorkloadKey workload) => new(workload.Kind, workload.Name, workload.Namespace);

    public override string ToString() => $"{Namespace}/{Kind}/{Name}";
}

internal sealed record NodeView
{
    public required string Name { get; init; }
    public required string Version { get; init; }
    public required bool Ready { get; init; }
    public required long UptimeSeconds { get; init; }

    /// <summary>What does not work as it should, while the node detects; empty when all is well.</summary>
    public required IReadOnlyList<Degradation> Degraded { get; init; }

    public required string DataDirectory { get; init; }
    public required long LearningPeriodSeconds { get; init; }

    /// <summary>Rules that some binding binds.</summary>
    public required int Rules { get; init; }

    public required int Containers { get; init; }
    public required SiloView Silo { get; init; }
    public required SensorView Sensor { get; init; }
    public required PrivilegesView Privileges { get; init; }

    /// <summary>Sockets of container runtimes.</summary>
    public required IReadOnlyList<RuntimeView> Runtimes { get; init; }

    public required JournalView Journal { get; init; }
    public required AlertsView Alerts { get; init; }
}

/// <param name="State">member, alone or changing.</param>
/// <param name="Since">Since when.</param>
/// <param name="Reason">Why it is not a member of its cluster; empty when it is, or when there is none.</param>
/// <param name="Changes">How often another silo took its place.</param>
internal sealed record SiloView(string State, DateTimeOffset Since, string Reason, int Changes);

/// <param name="Repeats">Events that ended in the kernel because their behaviour was known.</param>
/// <param name="Cgroups">In the kernel side's table.</param>
/// <param name="FilteredCgroups">Those whose repeats can end in the kernel.</param>
/// <param name="FollowedCgroups">Those whose events go to a grain, or wait until it is known what they are.</param>
/// <param name="SetupProcesses">Container runtimes' processes that set a container up now.</param>
internal sealed record SensorView(
    IReadOnlyList<HookView> Hooks,
    IReadOnlyDictionary<string, long> Events,
    IReadOnlyDictionary<string, long> Repeats,
    IReadOnlyList<LossView> Lost,
    IReadOnlyList<ContainerLossView> LostByContainer,
    int Cgroups,
    int FilteredCgroups,
    int FollowedCgroups,
    int SetupProcesses);

/// <param name="State">dropped; kept when it was not to be, or failed.</param>
/// <param name="Capabilities">What the process has now.</param>
internal sealed record PrivilegesView(string State, IReadOnlyList<KeptCapabilityView> Capabilities);

/// <param name="Name">For example <c>CAP_BPF</c>.</param>
internal sealed record KeptCapabilityView(string Name, string Reason);

internal sealed record ContainerLossView(string ContainerId, string Kind, string Reason, long Count);

/// <param name="State">unasked, available or unavailable.</param>
internal sealed record RuntimeView(string Socket, string Runtime, string Version, string State, string Detail);

internal sealed record HookView(string Name, string Type, bool Attached, string Detail);

internal sealed record LossView(string Kind, string Reason, long Count);

/// <param name="Suppressed">What rules found or could have, and nobody heard of, by reason: see <see cref="Suppression"/>.</param>
/// <param name="Exporters">Where alerts go.</param>
/// <param name="FoldingOverflows">Alerts whose repeats are not folded, because their container had too many folding windows open.</param>
internal sealed record AlertsView(
    long Raised, int Kept, IReadOnlyDictionary<string, long> Suppressed, long FoldingOverflows, IReadOnlyList<DropView> Dropped, IReadOnlyList<ExporterView> Exporters);

/// <summary>What containers have learned and their workloads have not stored yet.</summary>
/// <param name="Unacknowledged">Deltas.</param>
/// <param name="BufferedBytes">Waiting for the disk.</param>
/// <param name="Overflow">Deltas that were not journaled, by reason: lost if the node goes down before their workload has stored them.</param>
internal sealed record JournalView(int Unacknowledged, long BufferedBytes, long DiskBytes, IReadOnlyDictionary<string, long> Overflow);

internal sealed record DropView(string Exporter, string Reason, long Count);

/// <param name="Receiver">Where its alerts go.</param>
/// <param name="Exported">Alert lines handed over since start.</param>
/// <param name="Waiting">Alert lines that wait, in memory and on the disk.</param>
/// <param name="LagSeconds">How long those that are handed over now have waited.</param>
/// <param name="LastSuccess">When the receiver last took something; null when it has not since start.</param>
/// <param name="Failure">Why the last ones were not handed over; null when they were.</param>
internal sealed record ExporterView(
    string Name, string Receiver, long Exported, long Waiting, long DiskBytes, double LagSeconds, DateTimeOffset? LastSuccess, string? Failure)
{
    public static ExporterView Of(ExporterStatus status) => new(
        status.Name, status.Receiver, status.Exported, status.Waiting, status.DiskBytes, Math.Round(status.Lag.TotalSeconds, 3), status.LastSuccess, status.Failure);
}

/// <summary>What became of a test alert, an exporter each.</summary>
/// <param name="Answer">The receiver's, or why there is none.</param>
internal sealed record TestDeliveryView(string Exporter, string Receiver, bool Delivered, string Answer, double Milliseconds);

internal sealed record ContainerView
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public required string Runtime { get; init; }
    public required string Node { get; init; }
    public required WorkloadView Workload { get; init; }
    public PodView? Pod { get; init; }
    public required string Image { get; init; }
    public required string ImageDigest { get; init; }
    public required string Type { get; init; }
    public required int Attempt { get; init; }
    public required IReadOnlyList<MountView> Mounts { get; init; }
    public required string Origin { get; init; }
    public required DateTimeOffset SeenAt { get; init; }
    public required string Revision { get; init; }
    public required string State { get; init; }
    public required long RemainingSeconds { get; init; }
    public required long Events { get; init; }
    public required IReadOnlyDictionary<string, long> EventsByKind { get; init; }
    public required long EventsLost { get; init; }

    /// <summary>From here until a second ago, no event was lost.</summary>
    public required DateTimeOffset CompleteSince { get; init; }

    /// <summary>Events that nobody judged because no rule is bound to the container.</summary>
    public required long EventsUnjudged { get; init; }

    public required long Alerts { get; init; }
    public required int Processes { get; init; }

    /// <summary>Live processes forgotten because there are more than can be remembered.</summary>
    public required long ProcessesForgotten { get; init; }

    public static ContainerView Of(ContainerStatus status) => new()
    {
        Id = status.Container.Id,
        Name = status.Container.Name,
        Runtime = status.Container.Runtime,
        Node = status.Container.Node,
        Workload = WorkloadView.Of(status.Container.Workload),
        Pod = status.Container.Pod is { } pod ? new PodView(pod.Name, pod.Namespace, pod.Uid, pod.Labels) : null,
        Image = status.Container.Image,
        ImageDigest = status.Container.ImageDigest,
        Type = Word.Of(status.Container.Type),
        Attempt = status.Container.Attempt,
        Mounts =
        [
            .. status.Container.Volumes.Select(static mount => new MountView(mount.Path, mount.Source, mount.Type, mount.Volume, mount.ReadOnly)),
        ],
        Origin = Word.Of(status.Container.Origin),
        SeenAt = status.Container.SeenAt,
        Revision = status.Container.Revision,
        State = Word.Of(status.ProfileState),
        RemainingSeconds = status.RemainingSeconds,
        Events = status.Events,
        EventsByKind = status.EventsByKind.ToDictionary(static kind => Word.Of(kind.Key), static kind => kind.Value),
        EventsLost = status.EventsLost,
        EventsUnjudged = status.EventsUnjudged,
        CompleteSince = status.CompleteSince,
        Alerts = status.Alerts,
        Processes = status.Processes,
        ProcessesForgotten = status.ProcessesForgotten,
    };
}

internal sealed record PodView(string Name, string Namespace, string Uid, IReadOnlyDictionary<string, string> Labels);

internal sealed record MountView(string Path, string Source, string Type, string Volume, bool ReadOnly);

internal sealed record ProfileView
{
    public required string Name { get; init; }
    public required string Namespace { get; init; }
    public required WorkloadView Workload { get; init; }
    public required string State { get; init; }
    public required long RemainingSeconds { get; init; }
    public required string Revision { get; init; }
    public required IReadOnlyList<ContainerProfileView> Containers { get; init; }

    public static ProfileView Of(ApplicationProfile profile) => new()
    {
        Name = profile.Name,
        Namespace = profile.Namespace,
        Workload = WorkloadView.Of(profile.Workload),
        State = Word.Of(profile.State),
        RemainingSeconds = profile.RemainingSeconds,
        Revision = profile.Revision,
        Containers = [.. profile.Containers.Select(ContainerProfileView.Of)],
    };
}

internal sealed record ContainerProfileView
{
    public required string Name { get; init; }
    public required string Revision { get; init; }
    public required string State { get; init; }
    public required bool Partial { get; init; }
    public required DateTimeOffset LearningStartedAt { get; init; }
    public required DateTimeOffset CompletesAt { get; init; }
    public required long Lost { get; init; }

    /// <summary>Entries left out because there was no room.</summary>
    public long Truncated { get; init; }

    public required IReadOnlyList<GapView> Gaps { get; init; }
    public required IReadOnlyList<ExecView> Execs { get; init; }
    public required IReadOnlyList<OpenView> Opens { get; init; }
    public required IReadOnlyList<string> Syscalls { get; init; }
    public required IReadOnlyList<CapabilityView> Capabilities { get; init; }
    public required IReadOnlyList<DnsView> Dns { get; init; }
    public required NetworkActivityView NetworkActivity { get; init; }

    /// <summary>The sections that were learned; rules do not judge by the others.</summary>
    public required IReadOnlyList<string> LearnedSections { get; init; }

    public static ContainerProfileView Of(ContainerProfile profile) => new()
    {
        Name = profile.Name,
        Revision = profile.Revision,
        State = Word.Of(profile.State),
        Partial = profile.IsPartial,
        LearningStartedAt = profile.LearningStartedAt,
        CompletesAt = profile.CompletesAt,
        Lost = profile.Lost,
        Truncated = profile.Truncated,
        Gaps = [.. profile.Gaps.Select(static gap => new GapView(gap.From, gap.To))],
        Execs = [.. profile.Execs.Select(static exec => new ExecView(exec.Path, exec.Executable, exec.Args, exec.FirstSeen, ReplicaSketch.Count(exec.Replicas)))],
        Opens = [.. profile.Opens.Select(static open => new OpenView(open.Path, open.Flags, open.FirstSeen, open.Collapsed, ReplicaSketch.Count(open.Replicas)))],
        Syscalls = [.. profile.Syscalls.Select(static syscall => syscall.Name)],
        Capabilities = [.. profile.Capabilities.Select(static entry => new CapabilityView(entry.Syscall, entry.Caps, entry.Refused, entry.FirstSeen, ReplicaSketch.Count(entry.Replicas)))],
        Dns = [.. profile.Dns.Select(static dns => new DnsView(dns.DnsName, dns.Addresses, dns.FirstSeen, ReplicaSketch.Count(dns.Replicas)))],
        NetworkActivity = new NetworkActivityView([.. profile.Incoming.Select(NetworkView.Of)], [.. profile.Outgoing.Select(NetworkView.Of)]),
        LearnedSections = ProfileSection.Names(profile.Sections),
    };
}

internal sealed record GapView(DateTimeOffset From, DateTimeOffset To);

/// <param name="Replicas">About how many containers showed it; 0 when that is not known. The same in the other entries.</param>
internal sealed record ExecView(string Path, string Executable, IReadOnlyList<string> Args, DateTimeOffset FirstSeen, int Replicas = 0);

/// <param name="Collapsed">Of how many files learning has made this pattern; 0 for a file, and for a pattern somebody wrote.</param>
internal sealed record OpenView(string Path, IReadOnlyList<string> Flags, DateTimeOffset FirstSeen, int Collapsed = 0, int Replicas = 0);

internal sealed record CapabilityView(string Syscall, IReadOnlyList<string> Caps, IReadOnlyList<string> Refused, DateTimeOffset FirstSeen, int Replicas = 0);

internal sealed record DnsView(string DnsName, IReadOnlyList<string> Addresses, DateTimeOffset FirstSeen, int Replicas = 0);

internal sealed record NetworkActivityView(IReadOnlyList<NetworkView> Incoming, IReadOnlyList<NetworkView> Outgoing);

internal sealed record NetworkView(string Protocol, int Port, string DstEndpoint, DateTimeOffset FirstSeen, int Replicas = 0)
{
    public static NetworkView Of(NetworkEntry entry) => new(entry.Protocol, entry.Port, entry.DstEndpoint, entry.FirstSeen, ReplicaSketch.Count(entry.Replicas));
}

internal sealed record RuleView
{
    public required string Id { get; init; }
    public required string Name { get; init; }
    public required string Description { get; init; }
    public required string Severity { get; init; }
    public required IReadOnlyList<string> Tags { get; init; }
    public required MitreView Mitre { get; init; }
    public required IReadOnlyList<string> Events { get; init; }
    public required bool NeedsProfile { get; init; }
    public required string FalsePositives { get; init; }
    public required IReadOnlyList<ParameterView> Parameters { get; init; }

    // Of a running node only.

    /// <summary>Whether the rule sees any of its events on this node.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public bool? Works { get; init; }

    /// <summary>What it does not see, and why; empty when it sees everything.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Reason { get; init; }

    /// <summary>Events it was asked about.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Evaluations { get; init; }

    /// <summary>Raised, repeats not counted.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Alerts { get; init; }

    /// <summary>Times it threw instead of judging.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Failures { get; init; }

    /// <summary>What it found or could have found, and nobody heard of, by reason: see <see cref="Suppression"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyDictionary<string, long>? Suppressed { get; init; }

    public static ItemList<RuleView> List(RuleSet rules) => new([.. rules.Rules.Select(static bound => Of(bound.Rule.Descriptor, bound.Severity))]);

    /// <summary>The same with what the rules do on this node.</summary>
    public static ItemList<RuleView> List(RuleSet rules, RuleCounters counters, IReadOnlyList<EventOutage> outages) =>
        new([.. rules.Rules.Select(bound => Of(bound, counters.Of(bound.Rule.Descriptor.Id), RuleReadiness.Of(bound.Rule.Descriptor, outages)))]);

    private static RuleView Of(BoundRule bound, RuleCount count, RuleReadiness readiness) => Of(bound.Rule.Descriptor, bound.Severity) with
    {
        Works = readiness.Works,
        Reason = readiness.Reason,
        Evaluations = count.Evaluations,
        Alerts = count.Alerts,
        Failures = count.Failures,
        Suppressed = Word.Counts<Suppression>(count.SuppressedFor),
    };

    private static RuleView Of(RuleDescriptor rule, Severity severity) => new()
    {
        Id = rule.Id,
        Name = rule.Name,
        Description = rule.Description,
        Severity = Word.Of(severity),
        Tags = rule.Tags,
        Mitre = new MitreView(rule.Mitre.Id, rule.Mitre.Name, rule.Mitre.Tactic),
        Events = [.. rule.Events.Select(Word.Of)],
        NeedsProfile = rule.NeedsProfile,
        FalsePositives = rule.FalsePositives,
        Parameters = [.. rule.Parameters.Select(static parameter => new ParameterView(parameter.Name, parameter.Type, parameter.Default, parameter.Description))],
    };
}

internal sealed record MitreView(string Id, string Name, string Tactic);

internal sealed record ParameterView(string Name, string Type, string Default, string Description);

/// <summary>What a user allows a container, body of <c>POST /api/v1/profiles/NAME/allow</c>.</summary>
/// <param name="Execs">Absolute paths as programs are invoked.</param>
/// <param name="Executable">What the paths have to lead to; absent for whatever they lead to.</param>
/// <param name="Arguments">Of the one program in <paramref name="Execs"/>, without its name; none stands for any.</param>
/// <param name="Capabilities"><c>CAP:SYSCALL</c>, or <c>CAP</c> for every system call.</param>
/// <param name="RefusedCapabilities">The same, of what may be asked for in vain but not used.</param>
/// <param name="Connections">Outgoing ones, as <c>PROTO:ADDRESS:PORT</c>.</param>
/// <param name="Incoming">Ports where others reach it, as <c>PROTO:PORT</c>.</param>
internal sealed record AllowRequest(
    string Container,
    IReadOnlyList<string>? Execs = null,
    IReadOnlyList<AllowedOpen>? Opens = null,
    IReadOnlyList<string>? Syscalls = null,
    IReadOnlyList<string>? Capabilities = null,
    IReadOnlyList<string>? Dns = null,
    IReadOnlyList<string>? Connections = null,
    string? Executable = null,
    IReadOnlyList<string>? RefusedCapabilities = null,
    IReadOnlyList<string>? Incoming = null,
    IReadOnlyList<string>? Arguments = null);

internal sealed record AllowedOpen(string Path, IReadOnlyList<string> Flags);

/// <summary>An error as RFC 9457 has it.</summary>
internal sealed record ProblemView(string Title, int Status, string Detail);

/// <summary>The words of enumerations, the same in JSON, labels and text.</summary>
internal static class Word
{
    public static string Of<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();

    /// <summary>As <c>snake_case</c>, for enumerations whose values are of several words.</summary>
    public static string OfReason<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    /// <summary>Counts by reason; those that are 0 are left out.</summary>
    public static Dictionary<string, long> Counts<T>(Func<T, long> count)
        where T : struct, Enum =>
        Enum.GetValues<T>().Select(reason => (Reason: OfReason(reason), Count: count(reason))).Where(static reason => reason.Count > 0).ToDictionary();
}

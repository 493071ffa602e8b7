using System.Text.Json;

namespace KubeCop.Testing.Node;

// What tests read of the HTTP and alert contracts: written out here, not shared with the product, so that a renamed field is noticed.

/// <summary>A line of <c>kubecop run --output json</c>.</summary>
public sealed record AlertView
{
    public required string Id { get; init; }
    public required string State { get; init; }
    public required string RuleId { get; init; }
    public required string Severity { get; init; }
    public required string Message { get; init; }
    public required DateTimeOffset Timestamp { get; init; }
    public required long Count { get; init; }
    public required string Fingerprint { get; init; }
    public required bool Learning { get; init; }
    public required AlertContainerView Container { get; init; }
    public required WorkloadView Workload { get; init; }

    /// <summary>Null in fact when no process is known, as of malware that a scan found.</summary>
    public required AlertProcessView Process { get; init; }
    public required JsonElement Event { get; init; }
    public required string Expected { get; init; }
    public required string Fix { get; init; }

    /// <summary>When the test read the line.</summary>
    public DateTimeOffset ReceivedAt { get; init; }

    /// <summary>A text field of the event; null when it has none by this name.</summary>
    public string? EventText(string name) => Event.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    public bool EventFlag(string name) => Event.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;

    public override string ToString() =>
        $"{RuleId} {State} x{Count} {Container.Id} pid {Process?.Pid} {Process?.Exe} [{string.Join(' ', Process?.Args.Take(5) ?? [])}]: {Message}";
}

public sealed record AlertContainerView(string Id, string Name);

public sealed record WorkloadView(string Kind, string Name, string Namespace);

public sealed record AlertProcessView(
    int Pid,
    int Ppid,
    int Uid,
    string Comm,
    string Exe,
    string Cwd,
    IReadOnlyList<string> Args,
    DateTimeOffset StartTime,
    IReadOnlyList<AncestorView> Ancestors);

public sealed record AncestorView(int Pid, string Comm, string Exe);

/// <summary>What <c>/api/v1/profiles/&lt;name&gt;</c> answers.</summary>
public sealed record ProfileView
{
    public required string Name { get; init; }
    public required string Namespace { get; init; }
    public required WorkloadView Workload { get; init; }
    public required string State { get; init; }
    public required long RemainingSeconds { get; init; }
    public required string Revision { get; init; }
    public required IReadOnlyList<ContainerProfileView> Containers { get; init; }

    public override string ToString() => $"{Namespace}/{Name} {State} {RemainingSeconds} s left: {string.Join("; ", Containers)}";
}

public sealed record ContainerProfileView
{
    public required string Name { get; init; }
    public required string State { get; init; }
    public required DateTimeOffset LearningStartedAt { get; init; }
    public required DateTimeOffset CompletesAt { get; init; }

    /// <summary>Events lost while it was learned.</summary>
    public long Lost { get; init; }

    public IReadOnlyList<ExecView> Execs { get; init; } = [];
    public IReadOnlyList<OpenView> Opens { get; init; } = [];
    public IReadOnlyList<string> Syscalls { get; init; } = [];
    public IReadOnlyList<CapabilityView> Capabilities { get; init; } = [];
    public IReadOnlyList<DnsView> Dns { get; init; } = [];
    public NetworkActivityView NetworkActivity { get; init; } = new([], []);

    public override string ToString() =>
        $"{Name} {State} execs [{string.Join(' ', Execs.Select(static exec => exec.Path))}] opens [{string.Join(' ', Opens.Select(static open => open.Path))}]";
}

public sealed record ExecView(string Path, string Executable, IReadOnlyList<string> Args);

public sealed record OpenView(string Path, IReadOnlyList<string> Flags, int Collapsed = 0);

public sealed record CapabilityView(string Syscall, IReadOnlyList<string> Caps, IReadOnlyList<string> Refused);

public sealed record DnsView(string DnsName, IReadOnlyList<string> Addresses);

public sealed record NetworkActivityView(IReadOnlyList<NetworkView> Incoming, IReadOnlyList<NetworkView> Outgoing);

public sealed record NetworkView(string Protocol, int Port, string DstEndpoint);

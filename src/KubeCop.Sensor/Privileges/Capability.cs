using KubeCop.Core.Events;

namespace KubeCop.Sensor.Privileges;

/// <summary>A capability of Linux (capabilities(7)) that the program uses: the one list of them, for <c>doctor</c>, for what is dropped, and for tests.</summary>
public sealed record Capability
{
    private const int SystemAdministration = 21;

    /// <summary>All there are. What is not in it is never used.</summary>
    public static IReadOnlyList<Capability> All { get; } =
    [
        new()
        {
            Number = 39,
            Use = "load BPF programs and make their maps",
            Without = "nothing is detected",
            IsFatal = true,
            StaysFor = static needs => needs.MapsNeedCapability
                ? "this kernel asks for it at each use of a map (Linux before 5.19 with kernel.unprivileged_bpf_disabled)"
                : "",
        },
        new()
        {
            Number = 38,
            Use = "attach BPF programs to tracepoints, and read kernel memory in them",
            Without = "nothing is detected",
            IsFatal = true,
        },
        new()
        {
            Number = 12,
            Use = "attach BPF programs to cgroups",
            Without = "neither outgoing connections nor DNS are seen",
        },
        new()
        {
            Number = 19,
            Use = "reach files through a process's root",
            Without = "containers' files cannot be scanned, nor the host's files read where they are reached in this way",
            IsNeededFor = static needs => ReachesThroughProcesses(needs),
            StaysFor = static needs => needs.IsScanning ? "containers' files are scanned"
                : ReachesThroughProcesses(needs) ? $"the host's files are reached through {needs.HostRoot}"
                : "",
        },
        new()
        {
            Number = 2,
            Use = "read containers' files, whoever owns them",
            Without = "files that only another user may read are not scanned",
            IsNeededFor = static needs => needs.IsScanning,
            StaysFor = static needs => needs.IsScanning ? "containers' files are scanned" : "",
        },
        new()
        {
            Number = 1,
            Use = "use files of another user",
            Without = "a file or directory that is set cannot be used",
            IsNeededFor = static needs => needs.ForeignPath.Length > 0,
            StaysFor = static needs => needs.ForeignPath.Length > 0 ? $"{needs.ForeignPath} is another user's" : "",
        },
        new()
        {
            Number = 10,
            Use = "listen at a reserved port",
            Without = "the port that is set cannot be bound",
            IsNeededFor = static needs => needs.HasReservedEndpoint || needs.HasReservedSiloPort,
            StaysFor = static needs => needs.HasReservedSiloPort ? "each new silo binds a reserved port" : "",
        },
    ];

    /// <summary>As include/uapi/linux/capability.h numbers it.</summary>
    public required int Number { get; init; }

    /// <summary>For example <c>CAP_BPF</c>.</summary>
    public string Name => $"CAP_{Capabilities.Name(Number)}";

    /// <summary>What it is used for; completes "to …".</summary>
    public required string Use { get; init; }

    /// <summary>What fails without it.</summary>
    public required string Without { get; init; }

    /// <summary>Whether nothing can be detected without it. Default: no.</summary>
    public bool IsFatal { get; init; }

    /// <summary>Whether a node with these settings uses it at all. Default: each does.</summary>
    public Func<PrivilegeNeeds, bool> IsNeededFor { get; init; } = static _ => true;

    /// <summary>Why it is kept once the hooks are attached; empty to drop it then. Default: dropped.</summary>
    public Func<PrivilegeNeeds, string> StaysFor { get; init; } = static _ => "";

    /// <summary>The bit in the masks of <c>/proc/&lt;pid&gt;/status</c>.</summary>
    public ulong Mask => 1UL << Number;

    /// <summary>Whether a process with these capabilities may do what this one is for. The kernel takes CAP_SYS_ADMIN for some of them.</summary>
    public bool IsIn(ulong effective) => (effective & Mask) != 0 || (Number is 12 or 38 or 39 && (effective >> SystemAdministration & 1) != 0);

    /// <summary>The bits to keep of a process's, so that it goes on to have this one; 0 when it has not.</summary>
    public ulong MaskIn(ulong effective) => (effective & Mask) != 0 ? Mask : IsIn(effective) ? 1UL << SystemAdministration : 0;

    // A process's root is reached only by who may trace it.
    private static bool ReachesThroughProcesses(PrivilegeNeeds needs) =>
        needs.IsScanning || needs.HostRoot.StartsWith("/proc/", StringComparison.Ordinal);
}

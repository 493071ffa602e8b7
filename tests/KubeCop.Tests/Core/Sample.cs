using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;

namespace KubeCop.Tests.Core;

/// <summary>A container, its events and its profile, as small as they can be.</summary>
internal static class Sample
{
    public static readonly DateTimeOffset Boot = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static readonly ContainerDescription Container = new()
    {
        Id = "c0ffee",
        Name = "web",
        Runtime = "containerd",
        Node = "node-1",
        Workload = new WorkloadKey("shop", "Deployment", "web"),
        Image = "registry/web:1",
        Origin = ContainerOrigin.Started,
        SeenAt = Boot,
        CgroupId = 1,
        CgroupPath = "/kubepods/c0ffee",
        Revision = "r1",
        Mounts = ["/data", "/etc/config/"],
    };

    public static SensorEvent Exec(string path, string? executable = null, EventFlags flags = EventFlags.None, double at = 1, uint pid = 10, string[]? args = null) => new()
    {
        Kind = EventKind.Exec,
        Flags = flags,
        Timestamp = Nanoseconds(at),
        Process = Process(pid),
        Path = path,
        Executable = executable ?? path,
        Details = new ExecDetails(path, "/work", args ?? [path]),
        ParentComm = "",
    };

    public static SensorEvent Open(string path, uint flags = 0, EventFlags eventFlags = EventFlags.None, double at = 1, uint pid = 10) => new()
    {
        Kind = EventKind.Open,
        Flags = eventFlags,
        Timestamp = Nanoseconds(at),
        Process = Process(pid),
        Path = path,
        Executable = "",
        Value = flags,
        ParentComm = "",
    };

    public static SensorEvent Fork(uint pid, uint parent, EventFlags flags = EventFlags.None) => new()
    {
        Kind = EventKind.Fork,
        Flags = flags,
        Process = Process(pid, parent),
        Path = "",
        Executable = "",
        ParentComm = "",
    };

    public static SensorEvent Exit(uint pid) => new() { Kind = EventKind.Exit, Process = Process(pid), Path = "", Executable = "", ParentComm = "" };

    public static ProcessIdentity Process(uint pid, uint parent = 1) => new()
    {
        Key = Key(pid),
        Parent = Key(pid == 1 ? 0 : parent),
        Uid = 1000,
        Gid = 1000,
        Comm = $"p{pid}",
    };

    public static ProcessKey Key(uint pid) => new(pid, pid * 1000L);

    public static CompiledProfile Profile(params BehaviourItem[] items) => ProfileOf("r1", items);

    public static CompiledProfile ProfileOf(string revision, params BehaviourItem[] items) => new(new ContainerProfile
    {
        Name = "web",
        Revision = revision,
        State = ProfileState.Final,
        Version = 1,
        Generation = 1,
        LearningStartedAt = Boot,
        CompletesAt = Boot.AddSeconds(10),
        Execs = [.. items.OfType<ExecItem>().Select(static item => new ExecEntry(item.Path, item.Executable, item.Arguments.Values, Boot))],
        Opens = [.. items.OfType<OpenItem>().Select(static item => new OpenEntry(item.Path, OpenFlags.Names(item.Flags), Boot))],
        IsPartial = false,
    });

    public static ExecItem ExecItem(string path, string? executable = null, params string[] args) => new(path, executable ?? path, new ArgumentList(args));

    private static long Nanoseconds(double seconds) => (long)(seconds * 1e9);
}

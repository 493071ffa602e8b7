using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Workloads;

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

    /// <summary>The same on these standard streams, and of this process.</summary>
    public static SensorEvent On(SensorEvent exec, ProcessIdentity process, params string[] streams)
    {
        exec.Process = process;
        exec.Details = exec.Exec! with { Streams = streams };
        return exec;
    }

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

    public static SensorEvent Syscall(string name, double at = 1) => Event(EventKind.Syscall, name, at);

    public static SensorEvent Capability(string name, string syscall, bool granted = true, double at = 1) =>
        Event(EventKind.Capability, name, at, new CapabilityDetails(name, syscall, granted)) with { Flags = granted ? EventFlags.None : EventFlags.Refused };

    public static SensorEvent Query(string name, double at = 1) => Event(EventKind.Dns, name, at, new DnsDetails(name, "A", false, "", [], "udp", "10.96.0.10"));

    public static SensorEvent Answer(string name, string[] addresses, string outcome = "NOERROR", double at = 1) =>
        Event(EventKind.Dns, name, at, new DnsDetails(name, "A", true, outcome, addresses, "udp", "10.96.0.10"));

    public static SensorEvent Network(NetworkAction action, string protocol, string address, ushort port, double at = 1) =>
        Event(EventKind.Network, address, at, new NetworkDetails(action, protocol, address, port)) with { Value = port };

    public static SensorEvent Connect(string address, ushort port, double at = 1) => Network(NetworkAction.Connect, "tcp", address, port, at);

    public static SensorEvent Event(EventKind kind, string path = "", double at = 1, EventDetails? details = null, uint value = 0) => new()
    {
        Kind = kind,
        Timestamp = Nanoseconds(at),
        Process = Process(10),
        Path = path,
        Executable = "",
        Details = details,
        Value = value,
        ParentComm = "",
    };

    /// <summary>The same as a vain attempt.</summary>
    public static SensorEvent Refused(SensorEvent sensorEvent, int error = 13)
    {
        sensorEvent.Flags |= EventFlags.Refused;
        sensorEvent.Error = error;
        return sensorEvent;
    }

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

    public static CompiledProfile ProfileOf(string revision, params BehaviourItem[] items) => new(ContainerProfile(items) with { Revision = revision });

    public static ContainerProfile ContainerProfile(params BehaviourItem[] items)
    {
        var behaviour = new BehaviourSet(10_000);
        foreach (var item in items)
        {
            behaviour.Add(item, Boot);
        }

        return behaviour.WriteTo(new ContainerProfile
        {
            Name = "web",
            Revision = "r1",
            State = ProfileState.Final,
            Version = 1,
            Generation = 1,
            LearningStartedAt = Boot,
            CompletesAt = Boot.AddSeconds(10),
            Execs = [],
            Opens = [],
            IsPartial = false,
            Sections = ProfileSections.All,
        });
    }

    public static ExecItem ExecItem(string path, string? executable = null, params string[] args) => new(path, executable ?? path, new ArgumentList(args));

    public static DnsItem DnsItem(string name, params string[] addresses) => new(name, new ArgumentList(addresses));

    private static long Nanoseconds(double seconds) => (long)(seconds * 1e9);
}

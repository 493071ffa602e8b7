using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Malware;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;

namespace KubeCop.Tests.Exporters;

/// <summary>Alerts to export.</summary>
internal static class TestAlerts
{
    public const string Digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    public static Alert Create(int number = 0, string path = "/bin/id", string name = "web", params string[] arguments) => new()
    {
        Id = $"{number:D8}-0000-7000-8000-000000000000",
        State = AlertState.New,
        RuleId = "R0001",
        RuleName = "Unexpected process launched",
        Severity = Severity.Critical,
        Message = $"Unexpected process launched: {path}",
        Timestamp = Time,
        FirstSeen = Time,
        LastSeen = Time,
        Count = 1,
        Fingerprint = "f",
        Learning = false,
        Mitre = new MitreTechnique("T1059", "Command and Scripting Interpreter", "Execution"),
        Tags = ["exec"],
        Node = "node",
        Container = new ContainerDescription
        {
            Id = "c0ffee",
            Name = name,
            Runtime = "containerd",
            Node = "node",
            Workload = new WorkloadKey("default", "Container", name),
            Origin = ContainerOrigin.Started,
            SeenAt = Time,
            CgroupId = 1,
            CgroupPath = "/c0ffee",
            Revision = "0123456789abcdef",
        },
        Process = new AlertProcess
        {
            Pid = 42,
            ParentPid = 41,
            Uid = 0,
            Gid = 0,
            Comm = "id",
            Executable = path,
            Arguments = arguments,
            WorkingDirectory = "/",
            StartTime = Time,
            Ancestors = [new AncestorProcess(41, "sh", "/bin/sh"), new AncestorProcess(7, "nginx", "/usr/sbin/nginx")],
        },
        Event = new SensorEvent { Kind = EventKind.Exec, Path = path, Executable = path, ParentComm = "sh" },
        Expected = "Only programs of the profile are started.",
        Fix = $"kubecop profiles allow default/container-{name} --container {name} --exec {path}",
    };

    /// <param name="layer">Of the container that has the file; null when only the host has it.</param>
    public static Alert Malware(MalwareLayer? layer = MalwareLayer.ImageLayer, string path = "/opt/evil", string signature = "Unix.Test.Evil-1", long size = 2048)
    {
        var finding = new MalwareFinding
        {
            Signature = signature,
            Sha256 = Digest,
            Size = size,
            Owner = 1000,
            Group = 1001,
            Modified = Time.AddDays(-2),
            Changed = Time.AddDays(-1),
            FoundAt = Time,
            Node = "node",
            HostPath = $"/layers/7{path}",
            Places = [],
        };
        return MalwareAlert.Create(
            finding,
            layer is null ? null : new MalwarePlace { Container = Create().Container with { Image = "registry/web:1" }, Layer = layer.Value, Path = path, IsHidden = false });
    }
}

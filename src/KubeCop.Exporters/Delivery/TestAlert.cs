using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;

namespace KubeCop.Exporters.Delivery;

/// <summary>An alert that nothing raised, to see whether those that something raises would arrive.</summary>
public static class TestAlert
{
    /// <summary>Nobody's rule.</summary>
    public const string RuleId = "R0000";

    public static Alert Create(string node, DateTimeOffset now)
    {
        var workload = new WorkloadKey("kubecop", "Node", node);
        const string Path = "/kubecop-test";
        return new Alert
        {
            Id = Guid.CreateVersion7(now).ToString(),
            State = AlertState.New,
            RuleId = RuleId,
            RuleName = "Test alert",
            Severity = Severity.Low,
            Message = "This is a test of the way alerts take: nothing has happened.",
            Timestamp = now,
            FirstSeen = now,
            LastSeen = now,
            Count = 1,
            Fingerprint = AlertFingerprint.Of(RuleId, workload, "test", Path),
            Learning = false,
            Mitre = new MitreTechnique("", "", ""),
            Tags = ["test"],
            Node = node,
            Container = new ContainerDescription
            {
                Id = "test",
                Name = "test",
                Runtime = "test",
                Node = node,
                Workload = workload,
                Origin = ContainerOrigin.Started,
                SeenAt = now,
                CgroupId = 0,
                CgroupPath = "",
                Revision = "",
            },
            Process = new AlertProcess
            {
                Pid = (uint)Environment.ProcessId,
                ParentPid = 0,
                Uid = 0,
                Gid = 0,
                Comm = "kubecop",
                Executable = Path,
                Arguments = [Path],
                WorkingDirectory = "/",
                StartTime = now,
                Ancestors = [],
            },
            Event = new SensorEvent { Kind = EventKind.Exec, Path = Path, Executable = Path, ParentComm = "" },
            Expected = "",
            Fix = "",
        };
    }
}

using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Rules;

namespace KubeCop.Tests.Core.Alerts;

internal static class AlertSample
{
    public static Alert Of(SensorEvent sensorEvent, string ruleId = "R0001") => new()
    {
        Id = Guid.CreateVersion7(Sample.Boot).ToString(),
        State = AlertState.New,
        RuleId = ruleId,
        RuleName = "Unexpected process launched",
        Severity = Severity.Critical,
        Message = "message",
        Timestamp = Sample.Boot,
        FirstSeen = Sample.Boot,
        LastSeen = Sample.Boot.AddTicks(1),
        Count = 1,
        Fingerprint = AlertFingerprint.Of(ruleId, Sample.Container.Workload, "web", sensorEvent.Path),
        Learning = false,
        Mitre = new MitreTechnique("T1059", "Command and Scripting Interpreter", "Execution"),
        Tags = ["exec"],
        Node = "node-1",
        Container = Sample.Container,
        Process = new AlertProcess
        {
            Pid = 10,
            ParentPid = 1,
            Uid = 0,
            Gid = 0,
            Comm = "sh",
            Executable = "/bin/sh",
            Arguments = ["sh", "-c", "x"],
            WorkingDirectory = "/",
            StartTime = Sample.Boot,
            Ancestors = [new AncestorProcess(1, "init", "/init")],
        },
        Event = sensorEvent,
        Expected = "expected",
        Fix = "fix",
    };
}

internal sealed class AlertList : List<Alert>, IAlertDispatcher
{
    public void Dispatch(Alert alert) => Add(alert);
}

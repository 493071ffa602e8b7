using System.Buffers;
using System.Text;
using System.Text.Json;
using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Malware;
using KubeCop.Core.Workloads;
using KubeCop.Tests.Exporters;

namespace KubeCop.Tests.Core.Alerts;

public sealed class AlertJsonTests
{
    private static readonly JsonElement Schema = JsonDocument.Parse(File.ReadAllText(Repository.PathOf("docs/alert.schema.json"))).RootElement;

    public static TheoryData<string, Alert> Alerts => new()
    {
        { "exec", AlertSample.Of(Sample.Exec("/bin/sh", args: ["sh", "-c", "id"])) },
        { "exec with all flags", AlertSample.Of(Sample.Exec("/bin/sh", flags: (EventFlags)0x1fe)) },
        { "open", AlertSample.Of(Sample.Open("/etc/shadow", 0x80002)) },
        { "open with all flags", AlertSample.Of(Sample.Open("/etc/shadow", uint.MaxValue, (EventFlags)0x1fe)) },
        { "refused exec", AlertSample.Of(Sample.Refused(Sample.Exec("/bin/sh", ""))) },
        { "connect", AlertSample.Of(Sample.Connect("fd00::1", 443)) },
        { "accept", AlertSample.Of(Sample.Network(NetworkAction.Accept, "udp", "10.0.0.1", 53)) },
        { "query", AlertSample.Of(Sample.Query("\u001b.example")) },
        { "answer", AlertSample.Of(Sample.Answer("a.example", ["10.0.0.1"])) },
        { "capability", AlertSample.Of(Sample.Capability("NET_ADMIN", "socket")) },
        { "refused capability", AlertSample.Of(Sample.Capability("NET_ADMIN", "socket", granted: false)) },
        { "syscall", AlertSample.Of(Sample.Syscall("unshare")) },
        { "randomx", AlertSample.Of(Sample.Event(EventKind.RandomX)) },
        { "module", AlertSample.Of(Sample.Event(EventKind.Module, "/tmp/rootkit.ko")) },
        { "module with all flags", AlertSample.Of(Sample.Refused(Sample.Event(EventKind.Module) with { Flags = (EventFlags)0x306 })) },
        { "ptrace", AlertSample.Of(Sample.Event(EventKind.Ptrace, details: new PtraceDetails("PTRACE_ATTACH", 7))) },
        { "unshare", AlertSample.Of(Sample.Event(EventKind.Unshare, value: 0x10020000)) },
        { "setns", AlertSample.Of(Sample.Event(EventKind.Setns, value: 0x40000000)) },
        { "malware of the image", TestAlerts.Malware() },
        { "malware in a volume", TestAlerts.Malware(MalwareLayer.Volume, path: "/data/\ud800\u001b") },
        { "malware of the host", TestAlerts.Malware(layer: null) },
        { "malware that could not be read again", TestAlerts.Malware() with { Malware = TestAlerts.Malware().Malware! with { Sha256 = "" } } },
        { "malware that a process runs", TestAlerts.Malware(MalwareLayer.Upper) with { Process = TestAlerts.Create().Process } },
        {
            "pod", AlertSample.Of(Sample.Open("/etc/shadow")) with
            {
                State = AlertState.Summary,
                Count = 7,
                Container = Sample.Container with { Pod = new PodDescription { Name = "web-1", Namespace = "shop", Labels = new Dictionary<string, string> { ["app"] = "web" } } },
            }
        },
    };

    [Theory]
    [MemberData(nameof(Alerts))]
    public void Write_RealAlerts_MatchTheSchema(string name, Alert alert)
    {
        var errors = JsonSchemaCheck.Errors(Schema, JsonDocument.Parse(Write(alert)).RootElement);
        Assert.True(errors.Count == 0, $"{name}: {string.Join("; ", errors)}");
    }

    [Fact]
    public void Write_Malware_HasTheFileAndNoProcess()
    {
        using var json = JsonDocument.Parse(Write(TestAlerts.Malware(layer: null)));
        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("process").ValueKind);
        var file = json.RootElement.GetProperty("event");
        Assert.Equal(
            ("malware", "/layers/7/opt/evil", "host", 2048, 1000),
            (
                file.GetProperty("kind").GetString(), file.GetProperty("path").GetString(), file.GetProperty("layer").GetString(), file.GetProperty("size").GetInt32(),
                file.GetProperty("uid").GetInt32()));
        Assert.Equal("Node", json.RootElement.GetProperty("workload").GetProperty("kind").GetString());
    }

    [Fact]
    public void SchemaCheck_WrongDocuments_AreNoticed()
    {
        var text = Write(AlertSample.Of(Sample.Exec("/bin/sh")));
        foreach (var (right, wrong) in new[]
                 {
                     ("\"pid\":10", "\"pid\":\"10\""), ("\"pid\":10,", ""), ("\"kind\":\"exec\"", "\"kind\":\"boom\""), ("\"state\":\"new\"", "\"state\":\"old\""),
                     ("\"node\":", "\"knot\":"), ("T00:00:00Z", "T00:00:00+00:00"), ("\"count\":1", "\"count\":0"), ("[\"exec\"]", "[1]"),
                 })
        {
            Assert.Contains(right, text, StringComparison.Ordinal);
            Assert.NotEmpty(JsonSchemaCheck.Errors(Schema, JsonDocument.Parse(text.Replace(right, wrong, StringComparison.Ordinal)).RootElement));
        }
    }

    [Fact]
    public void Write_Exec_IsThisLine()
    {
        var exec = Sample.Exec("/bin/x", "/bin/busybox", EventFlags.FileUpperLayer | EventFlags.Entered, args: ["x", "1"]);
        var alert = AlertSample.Of(Sample.On(exec, exec.Process, "pipe:[7]", "socket 10.0.0.1:80", "closed")) with { Id = "ID" };
        Assert.Equal(
            """
            {"id":"ID","state":"new","ruleId":"R0001","ruleName":"Unexpected process launched","severity":"critical","message":"message",
            "timestamp":"2026-01-01T00:00:00Z","firstSeen":"2026-01-01T00:00:00Z","lastSeen":"2026-01-01T00:00:00.0000001Z","count":1,"fingerprint":"@","learning":false,
            "mitre":{"id":"T1059","name":"Command and Scripting Interpreter","tactic":"Execution"},"tags":["exec"],"node":"node-1",
            "container":{"id":"c0ffee","name":"web","image":"registry/web:1","imageDigest":""},"pod":null,"workload":{"kind":"Deployment","name":"web","namespace":"shop"},
            "process":{"pid":10,"ppid":1,"uid":0,"gid":0,"comm":"sh","exe":"/bin/sh","args":["sh","-c","x"],"cwd":"/","startTime":"2026-01-01T00:00:00Z",
            "ancestors":[{"pid":1,"comm":"init","exe":"/init"}]},
            "event":{"kind":"exec","path":"/bin/x","executable":"/bin/busybox","filename":"/bin/x","cwd":"/work","args":["x","1"],"streams":["pipe:[7]","socket 10.0.0.1:80","closed"],
            "argsTruncated":false,"upperLayer":true,
            "memfd":false,"deleted":false,"entered":true},
            "expected":"expected","fix":"fix"}
            """.Replace("\n", "", StringComparison.Ordinal).Replace("@", alert.Fingerprint, StringComparison.Ordinal),
            Write(alert));
    }

    public static TheoryData<string, SensorEvent> Events => new()
    {
        { """{"kind":"network","action":"connect","protocol":"tcp","address":"fd00::1","port":443}""", Sample.Connect("fd00::1", 443) },
        {
            """{"kind":"dns","name":"a.example","type":"A","answer":true,"outcome":"NOERROR","addresses":["10.0.0.1"],"transport":"udp","server":"10.96.0.10"}""",
            Sample.Answer("a.example", ["10.0.0.1"])
        },
        { """{"kind":"capability","capability":"NET_ADMIN","syscall":"socket","granted":true}""", Sample.Capability("NET_ADMIN", "socket") },
        {
            """{"kind":"capability","capability":"NET_ADMIN","syscall":"socket","granted":false,"refused":true,"error":"EPERM"}""",
            Sample.Refused(Sample.Capability("NET_ADMIN", "socket", granted: false), error: 1)
        },
        { """{"kind":"syscall","syscall":"unshare"}""", Sample.Syscall("unshare") },
        { """{"kind":"randomx"}""", Sample.Event(EventKind.RandomX) },
        { """{"kind":"module","path":"/x.ko"}""", Sample.Event(EventKind.Module, "/x.ko") },
        { """{"kind":"ptrace","request":"PTRACE_ATTACH","targetPid":7}""", Sample.Event(EventKind.Ptrace, details: new PtraceDetails("PTRACE_ATTACH", 7)) },
        { """{"kind":"unshare","namespaces":["mount","user"]}""", Sample.Event(EventKind.Unshare, value: 0x10020000) },
        { """{"kind":"setns","namespaces":["net"]}""", Sample.Event(EventKind.Setns, value: 0x40000000) },
    };

    [Theory]
    [MemberData(nameof(Events))]
    public void Write_EachKind_HasTheseFields(string expected, SensorEvent sensorEvent) =>
        Assert.Equal(expected, JsonDocument.Parse(Write(AlertSample.Of(sensorEvent))).RootElement.GetProperty("event").GetRawText());

    [Fact]
    public void Write_HostileText_IsOneAsciiLineThatGivesItBack()
    {
        const string Hostile = "\u001b[31m\n\"\\\u202e\u2028\u0000größe";
        var text = Write(AlertSample.Of(Sample.Exec(Hostile)));
        Assert.DoesNotContain(text, static character => character is < ' ' or > '~');
        Assert.Equal(Hostile, JsonDocument.Parse(text).RootElement.GetProperty("event").GetProperty("path").GetString());
    }

    [Fact]
    public void Write_HalfSurrogatePairs_AreReplaced()
    {
        var container = Sample.Container with { Pod = new PodDescription { Name = "p", Namespace = "n", Labels = new Dictionary<string, string> { ["\udc00"] = "\ud800" } } };
        var text = Write(AlertSample.Of(Sample.Exec("/a\ud800b😀", args: ["\udfff"])) with { Container = container });
        Assert.Equal("/a\ufffdb😀", JsonDocument.Parse(text).RootElement.GetProperty("event").GetProperty("path").GetString());
    }

    [Fact]
    public void Fingerprint_Parts_AreNotConfused()
    {
        var workload = Sample.Container.Workload;
        var fingerprint = AlertFingerprint.Of("R0001", workload, "web", "/a");
        Assert.Equal(16, fingerprint.Length);
        Assert.Equal(fingerprint, AlertFingerprint.Of("R0001", workload, "web", "/a"));
        string[] others =
        [
            AlertFingerprint.Of("R0002", workload, "web", "/a"),
            AlertFingerprint.Of("R0001", workload with { Namespace = "other" }, "web", "/a"),
            AlertFingerprint.Of("R0001", workload, "we", "b/a"),
            AlertFingerprint.Of("R0001", workload, "web", "/b"),
        ];
        Assert.DoesNotContain(fingerprint, others);
    }

    private static string Write(Alert alert)
    {
        var output = new ArrayBufferWriter<byte>();
        AlertJson.Write(output, alert);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }
}

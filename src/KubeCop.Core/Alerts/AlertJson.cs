using System.Buffers;
using System.Text.Json;
using KubeCop.Core.Events;
using KubeCop.Core.Malware;
using KubeCop.Core.Workloads;

namespace KubeCop.Core.Alerts;

/// <summary>Alerts as JSON, one compact object an alert; docs/alerts.md describes it and docs/alert.schema.json is its schema.</summary>
public static class AlertJson
{
    /// <summary>Writes the object without a line end. It is pure ASCII: whatever else strings hold is escaped.</summary>
    public static void Write(IBufferWriter<byte> output, Alert alert)
    {
        using var json = new Utf8JsonWriter(output);
        json.WriteStartObject();
        json.WriteString("id", alert.Id);
        json.WriteString("state", alert.State.ToString().ToLowerInvariant());
        json.WriteString("ruleId", alert.RuleId);
        json.WriteString("ruleName", alert.RuleName);
        json.WriteString("severity", alert.Severity.ToString().ToLowerInvariant());
        WriteText(json, "message", alert.Message);
        WriteTime(json, "timestamp", alert.Timestamp);
        WriteTime(json, "firstSeen", alert.FirstSeen);
        WriteTime(json, "lastSeen", alert.LastSeen);
        json.WriteNumber("count", alert.Count);
        json.WriteString("fingerprint", alert.Fingerprint);
        json.WriteBoolean("learning", alert.Learning);
        json.WriteStartObject("mitre");
        json.WriteString("id", alert.Mitre.Id);
        json.WriteString("name", alert.Mitre.Name);
        json.WriteString("tactic", alert.Mitre.Tactic);
        json.WriteEndObject();
        WriteTexts(json, "tags", alert.Tags);
        WriteText(json, "node", alert.Node);
        WriteContainer(json, alert.Container);
        WriteProcess(json, alert.Process);
        if (alert.Malware is { } malware)
        {
            WriteMalware(json, malware);
        }
        else
        {
            WriteEvent(json, alert.Event);
        }

        WriteText(json, "expected", alert.Expected);
        WriteText(json, "fix", alert.Fix);
        json.WriteEndObject();
    }

    private static void WriteContainer(Utf8JsonWriter json, ContainerDescription container)
    {
        json.WriteStartObject("container");
        WriteText(json, "id", container.Id);
        WriteText(json, "name", container.Name);
        WriteText(json, "image", container.Image);
        WriteText(json, "imageDigest", container.ImageDigest);
        json.WriteEndObject();
        if (container.Pod is { } pod)
        {
            json.WriteStartObject("pod");
            WriteText(json, "name", pod.Name);
            WriteText(json, "namespace", pod.Namespace);
            json.WriteStartObject("labels");
            foreach (var (key, value) in pod.Labels)
            {
                WriteText(json, WellFormed(key), value);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("pod");
        }

        json.WriteStartObject("workload");
        WriteText(json, "kind", container.Workload.Kind);
        WriteText(json, "name", container.Workload.Name);
        WriteText(json, "namespace", container.Workload.Namespace);
        json.WriteEndObject();
    }

    private static void WriteProcess(Utf8JsonWriter json, AlertProcess process)
    {
        if (!process.IsKnown)
        {
            json.WriteNull("process");
            return;
        }

        json.WriteStartObject("process");
        json.WriteNumber("pid", process.Pid);
        json.WriteNumber("ppid", process.ParentPid);
        json.WriteNumber("uid", process.Uid);
        json.WriteNumber("gid", process.Gid);
        WriteText(json, "comm", process.Comm);
        WriteText(json, "exe", process.Executable);
        WriteTexts(json, "args", process.Arguments);
        WriteText(json, "cwd", process.WorkingDirectory);
        WriteTime(json, "startTime", process.StartTime);
        json.WriteStartArray("ancestors");
        foreach (var ancestor in process.Ancestors)
        {
            json.WriteStartObject();
            json.WriteNumber("pid", ancestor.Pid);
            WriteText(json, "comm", ancestor.Comm);
            WriteText(json, "exe", ancestor.Executable);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteMalware(Utf8JsonWriter json, MalwareFinding malware)
    {
        var place = malware.Places is [var only, ..] ? only : null;
        json.WriteStartObject("event");
        json.WriteString("kind", "malware");
        WriteText(json, "path", place?.Path ?? malware.HostPath);
        WriteText(json, "hostPath", malware.HostPath);
        WriteText(json, "signature", malware.Signature);
        json.WriteString("sha256", malware.Sha256);
        json.WriteNumber("size", malware.Size);
        json.WriteNumber("uid", malware.Owner);
        json.WriteNumber("gid", malware.Group);
        WriteTime(json, "modified", malware.Modified);
        WriteTime(json, "changed", malware.Changed);
        json.WriteString("layer", place is null ? "host" : MalwareJson.Name(place.Layer));
        json.WriteBoolean("hidden", place?.IsHidden == true);
        WriteText(json, "quarantine", malware.QuarantineId);
        if (malware.Writer is { } writer)
        {
            json.WriteStartObject("writer");
            json.WriteNumber("pid", writer.Pid);
            json.WriteNumber("uid", writer.Uid);
            WriteText(json, "comm", writer.Comm);
            WriteText(json, "exe", writer.Executable);
            WriteTime(json, "time", writer.At);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteEvent(Utf8JsonWriter json, in SensorEvent sensorEvent)
    {
        json.WriteStartObject("event");
        json.WriteString("kind", sensorEvent.Kind.ToString().ToLowerInvariant());
        switch (sensorEvent.Kind)
        {
            case EventKind.Exec:
                WriteExec(json, sensorEvent);
                break;
            case EventKind.Open:
                WriteText(json, "path", sensorEvent.Path);
                WriteTexts(json, "flags", OpenFlags.Names(OpenFlags.ToSet(sensorEvent.Value)));
                WriteFlagIfSet(json, "deleted", sensorEvent.Flags, EventFlags.FileDeleted);
                break;
            case EventKind.Network:
                WriteNetwork(json, sensorEvent);
                break;
            case EventKind.Dns:
                WriteDns(json, sensorEvent);
                break;
            case EventKind.Capability:
                WriteText(json, "capability", sensorEvent.Path);
                WriteText(json, "syscall", sensorEvent.Capability?.Syscall ?? "");
                json.WriteBoolean("granted", sensorEvent.Capability?.Granted ?? !sensorEvent.IsRefused);
                break;
            case EventKind.Syscall:
                WriteText(json, "syscall", sensorEvent.Path);
                break;
            case EventKind.Module:
                WriteText(json, "path", sensorEvent.Path);
                break;
            case EventKind.Ptrace:
                WriteText(json, "request", sensorEvent.Ptrace?.Request ?? "");
                json.WriteNumber("targetPid", sensorEvent.Ptrace?.TargetPid ?? 0);
                break;
            case EventKind.Unshare or EventKind.Setns:
                WriteTexts(json, "namespaces", Namespaces.Names(sensorEvent.Value));
                break;
        }

        WriteFlagIfSet(json, "pathTruncated", sensorEvent.Flags, EventFlags.PathTruncated);
        WriteFlagIfSet(json, "pathUnreachable", sensorEvent.Flags, EventFlags.PathUnreachable);
        WriteFlagIfSet(json, "entered", sensorEvent.Flags, EventFlags.Entered);
        if (sensorEvent.IsRefused)
        {
            json.WriteBoolean("refused", true);
            json.WriteString("error", sensorEvent.Error == 0 ? "" : ErrorNumber.Name(sensorEvent.Error));
        }

        json.WriteEndObject();
    }

    private static void WriteExec(Utf8JsonWriter json, in SensorEvent sensorEvent)
    {
        WriteText(json, "path", sensorEvent.Path);
        WriteText(json, "executable", sensorEvent.Executable);
        WriteText(json, "filename", sensorEvent.Exec?.Filename ?? "");
        WriteText(json, "cwd", sensorEvent.Exec?.WorkingDirectory ?? "");
        WriteTexts(json, "args", sensorEvent.Exec?.Arguments ?? []);
        WriteTexts(json, "streams", sensorEvent.Exec?.Streams ?? []);
        WriteFlag(json, "argsTruncated", sensorEvent.Flags, EventFlags.ArgumentsTruncated);
        WriteFlag(json, "upperLayer", sensorEvent.Flags, EventFlags.FileUpperLayer);
        WriteFlag(json, "memfd", sensorEvent.Flags, EventFlags.FileInMemory);
        WriteFlag(json, "deleted", sensorEvent.Flags, EventFlags.FileDeleted);
        WriteFlagIfSet(json, "argsUnreadable", sensorEvent.Flags, EventFlags.ArgumentsUnreadable);
    }

    private static void WriteNetwork(Utf8JsonWriter json, in SensorEvent sensorEvent)
    {
        var network = sensorEvent.Network;
        json.WriteString("action", network?.Action.ToString().ToLowerInvariant() ?? "");
        WriteText(json, "protocol", network?.Protocol ?? "");
        WriteText(json, "address", sensorEvent.Path);
        json.WriteNumber("port", sensorEvent.Value);
    }

    private static void WriteDns(Utf8JsonWriter json, in SensorEvent sensorEvent)
    {
        var dns = sensorEvent.Dns;
        WriteText(json, "name", sensorEvent.Path);
        WriteText(json, "type", dns?.Type ?? "");
        json.WriteBoolean("answer", dns?.IsAnswer ?? false);
        WriteText(json, "outcome", dns?.Outcome ?? "");
        WriteTexts(json, "addresses", dns?.Addresses ?? []);
        WriteText(json, "transport", dns?.Transport ?? "");
        WriteText(json, "server", dns?.Server ?? "");
    }

    private static void WriteFlag(Utf8JsonWriter json, string name, EventFlags flags, EventFlags flag) => json.WriteBoolean(name, (flags & flag) != 0);

    private static void WriteFlagIfSet(Utf8JsonWriter json, string name, EventFlags flags, EventFlags flag)
    {
        if ((flags & flag) != 0)
        {
            json.WriteBoolean(name, true);
        }
    }

    // A UTC DateTime is written with Z.
    private static void WriteTime(Utf8JsonWriter json, string name, DateTimeOffset time) => json.WriteString(name, time.UtcDateTime);

    private static void WriteTexts(Utf8JsonWriter json, string name, IReadOnlyList<string> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
        {
            json.WriteStringValue(WellFormed(value));
        }

        json.WriteEndArray();
    }

    private static void WriteText(Utf8JsonWriter json, string name, string value) => json.WriteString(name, WellFormed(value));

    /// <summary>The text with halves of surrogate pairs replaced: JSON writers throw on them, and one bad path must not cost the alert.</summary>
    public static string WellFormed(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]))
            {
                return string.Concat(text.EnumerateRunes().Select(static rune => rune.ToString()));
            }
        }

        return text;
    }
}

using System.Buffers;
using System.Text.Json;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;

namespace KubeCop.Exporters.Http;

/// <summary>That there are more alerts than may be sent.</summary>
/// <param name="PerMinute">How many may be.</param>
internal sealed record AlertLimit(int PerMinute, string Node);

/// <summary>
/// The body that KubeCop sends: a <c>RuntimeAlerts</c> object with flat alerts. Each has <c>alert</c> besides, the whole of it as docs/alerts.md has it.
/// </summary>
internal static class RuntimeAlerts
{
    /// <param name="count">How many of the batch, from its beginning.</param>
    /// <param name="limit">Told after them; null for nothing.</param>
    public static void Write(IBufferWriter<byte> output, IReadOnlyList<Alert> batch, int count, AlertLimit? limit)
    {
        using var json = new Utf8JsonWriter(output);
        var whole = new ArrayBufferWriter<byte>(2048);
        json.WriteStartObject();
        json.WriteString("kind", "RuntimeAlerts");
        json.WriteString("apiVersion", "kubescape.io/v1");
        json.WriteStartObject("spec");
        json.WriteStartArray("alerts");
        for (var i = 0; i < count; i++)
        {
            whole.ResetWrittenCount();
            AlertJson.Write(whole, batch[i]);
            Write(json, batch[i], whole.WrittenSpan);
        }

        if (limit is not null)
        {
            Write(json, limit);
        }

        json.WriteEndArray();
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, Alert alert, ReadOnlySpan<byte> whole)
    {
        var (container, process) = (alert.Container, alert.Process);
        json.WriteStartObject();
        Write(json, "ruleName", alert.RuleName);
        Write(json, "message", alert.Message);
        Write(json, "hostName", Environment.MachineName);
        Write(json, "nodeName", alert.Node);
        WriteResource(json, isPod: container.Pod is not null);
        json.WriteNumber("severity", (int)alert.Severity);
        Write(json, "processName", process.Comm);
        Write(json, "fixSuggestions", alert.Fix);
        if (process.IsKnown)
        {
            json.WriteNumber("pid", process.Pid);
            json.WriteNumber("ppid", process.ParentPid);
            json.WriteNumber("uid", process.Uid);
            json.WriteNumber("gid", process.Gid);
        }

        if (alert.Malware is { } malware)
        {
            Write(json, "malwareName", malware.Signature);
            Write(json, "malwareDescription", malware.Signature);
            Write(json, "path", malware.Path());
            Write(json, "hash", malware.Sha256);
            Write(json, "size", malware.SizeText());
            json.WriteBoolean("isPartOfImage", malware.IsPartOfImage());
        }

        Write(json, "containerImage", container.Image);
        Write(json, "containerID", container.Id);
        Write(json, "containerName", container.Name);
        Write(json, "podNamespace", container.Pod?.Namespace ?? container.Workload.Namespace);
        Write(json, "podName", container.Pod?.Name ?? "");
        json.WritePropertyName("alert");
        json.WriteRawValue(whole, skipInputValidation: true);
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, AlertLimit limit)
    {
        json.WriteStartObject();
        json.WriteString("ruleName", "AlertLimitReached");
        json.WriteString("message", $"Alert limit reached: more than {limit.PerMinute} alerts in a minute; further ones wait for the next one.");
        Write(json, "hostName", Environment.MachineName);
        Write(json, "nodeName", limit.Node);
        WriteResource(json, isPod: false);
        json.WriteNumber("severity", (int)Severity.System);
        json.WriteString("fixSuggestions", "Look for what raises so many: 'kubecop alerts' on this node shows the last ones.");
        json.WriteEndObject();
    }

    private static void WriteResource(Utf8JsonWriter json, bool isPod)
    {
        json.WriteStartObject("resource");
        json.WriteString("Group", "");
        json.WriteString("Version", isPod ? "v1" : "");
        json.WriteString("Resource", isPod ? "pods" : "");
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, string value)
    {
        if (value.Length > 0)
        {
            json.WriteString(name, AlertJson.WellFormed(value));
        }
    }
}

using System.Globalization;
using System.Text;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;

namespace KubeCop.Exporters.Syslog;

/// <summary>An alert as a message of RFC 5424. The names of the structured data are KubeCop's, then those that it did not have.</summary>
internal static class SyslogMessage
{
    /// <summary>Characters of the header's fields (RFC 5424, 6).</summary>
    private const int LongestHostName = 255;
    private const int LongestMessageId = 32;

    private const string AppName = "kubecop";
    private const string Nil = "-";
    private const string Ellipsis = "...";

    /// <summary>By which programs find the alert: never shortened.</summary>
    private const string Id = "alert_id";

    /// <summary>How long values may be, until the message is short enough.</summary>
    private static readonly int[] Cuts = [int.MaxValue, 1024, 512, 256, 128, 64, 24, 8];

    /// <summary>Says that a text is UTF-8; without it, it is in an encoding that nobody knows (RFC 5424, 6.4). ASCII needs none.</summary>
    private static readonly byte[] ByteOrderMark = [0xEF, 0xBB, 0xBF];

    /// <param name="limit">Bytes of the message.</param>
    public static byte[] Write(Alert alert, SyslogOptions options, int limit)
    {
        byte[] message = [];
        foreach (var cut in Cuts)
        {
            message = Write(alert, options, cut, int.MaxValue);
            if (message.Length <= limit)
            {
                return message;
            }
        }

        // All else being as short as it can be, the text gives way.
        var text = TerminalText.Escape(alert.Message);
        var bytes = Encoding.UTF8.GetByteCount(text) - (message.Length - limit) - Ellipsis.Length;
        var characters = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            bytes -= rune.Utf8SequenceLength;
            if (bytes < 0)
            {
                break;
            }

            characters += rune.Utf16SequenceLength;
        }

        return Write(alert, options, Cuts[^1], characters);
    }

    private static byte[] Write(Alert alert, SyslogOptions options, int cut, int text)
    {
        var line = new StringBuilder(1024);
        line.Append(CultureInfo.InvariantCulture, $"<{(options.Facility * 8) + SeverityOf(alert.Severity)}>1 ");
        line.Append(alert.Timestamp.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture)).Append(' ');
        line.Append(Field(alert.Node, LongestHostName)).Append(' ').Append(AppName).Append(' ');
        line.Append(CultureInfo.InvariantCulture, $"{Environment.ProcessId} ");
        line.Append(Field(alert.RuleId, LongestMessageId)).Append(' ');
        line.Append(CultureInfo.InvariantCulture, $"[kubecop@{options.EnterpriseNumber}");
        foreach (var (name, value) in Parameters(alert))
        {
            if (value.Length > 0)
            {
                line.Append(' ').Append(name).Append("=\"").Append(Value(value, name == Id ? int.MaxValue : cut)).Append('"');
            }
        }

        line.Append("] ");
        var head = Encoding.UTF8.GetBytes(line.ToString());
        var body = Encoding.UTF8.GetBytes(Shortened(TerminalText.Escape(alert.Message), text));
        return Ascii.IsValid(body) ? [.. head, .. body] : [.. head, .. ByteOrderMark, .. body];
    }

    private static IEnumerable<(string Name, string Value)> Parameters(Alert alert)
    {
        var (container, process) = (alert.Container, alert.Process);
        yield return ("rule", alert.RuleName);
        yield return ("priority", Text((int)alert.Severity));
        yield return ("error", alert.Message);
        yield return ("fix_suggestion", alert.Fix);
        if (alert.Malware is { } malware)
        {
            yield return ("malware_name", malware.Signature);
            yield return ("description", malware.Signature);
            yield return ("path", malware.Path());
            yield return ("hash", malware.Sha256);
            yield return ("size", malware.SizeText());
            yield return ("is_part_of_image", malware.IsPartOfImage() ? "true" : "false");
            yield return ("container_image", container.Image);
            yield return ("host_path", malware.HostPath);
            yield return ("layer", malware.Layer());
        }

        if (process.IsKnown)
        {
            yield return ("ppid", Text(process.ParentPid));
            yield return ("comm", process.Comm);
            yield return ("uid", Text(process.Uid));
            yield return ("gid", Text(process.Gid));
        }

        yield return ("namespace", container.Pod?.Namespace ?? container.Workload.Namespace);
        yield return ("pod_name", container.Pod?.Name ?? "");
        yield return ("container_name", container.Name);
        yield return ("container_id", container.Id);
        yield return ("cwd", process.WorkingDirectory);
        yield return (Id, alert.Id);
        yield return ("state", alert.State.ToString().ToLowerInvariant());
        yield return ("rule_id", alert.RuleId);
        yield return ("severity", alert.Severity.ToString().ToLowerInvariant());
        yield return ("count", Text(alert.Count));
        yield return ("fingerprint", alert.Fingerprint);
        yield return ("workload", $"{container.Workload.Kind}/{container.Workload.Name}");
        yield return ("image", container.Image);
        yield return ("pid", process.IsKnown ? Text(process.Pid) : "");
        yield return ("exe", process.Executable);
        yield return ("args", string.Join(' ', process.Arguments));
        yield return ("mitre", alert.Mitre.Id);
    }

    /// <summary>Numeric severities of RFC 5424, 6.2.1.</summary>
    private static int SeverityOf(Severity severity) => severity switch
    {
        Severity.System or Severity.Critical => 2,
        Severity.High => 3,
        Severity.Medium => 4,
        Severity.Low => 5,
        _ => 6,
    };

    /// <summary>A header's field is printable ASCII without blanks.</summary>
    private static string Field(string text, int longest)
    {
        var field = new string([.. text.Take(longest).Select(static c => c is > ' ' and <= '~' ? c : '_')]);
        return field.Length > 0 ? field : Nil;
    }

    /// <summary>A parameter's value: <c>" \ ]</c> are escaped (RFC 5424, 6.3.3), and control characters are shown.</summary>
    private static string Value(string text, int longest)
    {
        var value = Shortened(TerminalText.Escape(text), longest);
        return value.AsSpan().ContainsAny('"', '\\', ']')
            ? value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("]", "\\]", StringComparison.Ordinal)
            : value;
    }

    private static string Shortened(string text, int longest)
    {
        if (text.Length <= longest)
        {
            return text;
        }

        // Half a character is none.
        var length = longest > 0 && char.IsHighSurrogate(text[longest - 1]) ? longest - 1 : longest;
        return text[..length] + Ellipsis;
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

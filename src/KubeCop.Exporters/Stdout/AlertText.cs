using System.Buffers;
using System.Globalization;
using System.Text;
using KubeCop.Core.Alerts;

namespace KubeCop.Exporters.Stdout;

/// <summary>
/// An alert for people: one headline, then what, where, who and what to do, each on its own line under a label. Everything that a
/// container can choose is escaped, so that no name or argument can move the cursor or forge a line.
/// </summary>
public static class AlertText
{
    private const int MaxValue = 400;
    private const int MaxAncestors = 8;
    private const string Indent = "          ";
    private const string Reset = "\x1b[0m";
    private const string Dim = "\x1b[2m";
    private const string Bold = "\x1b[1m";

    /// <param name="colour">Whether to use ANSI colours; only for a terminal.</param>
    public static void Write(IBufferWriter<byte> output, AlertLine alert, bool colour)
    {
        var text = new StringBuilder();
        Headline(text, alert, colour);
        text.Append(Indent).AppendLine(Value(alert.Message));
        Label(text, "where", colour).AppendLine(Where(alert));
        if (alert.Event is { Kind: AlertLine.EventPart.Malware } file)
        {
            WriteFile(text, file, colour);
        }

        if (alert.Process is { } process)
        {
            Label(text, "process", colour).AppendLine(Chain(process));
        }

        if (alert.Process is { Args: { Count: > 0 } arguments })
        {
            Label(text, "command", colour).AppendLine(Value(string.Join(' ', arguments)));
        }

        if (alert.Expected.Length > 0)
        {
            Label(text, "expected", colour).AppendLine(Value(alert.Expected));
        }

        if (alert.Fix.Length > 0)
        {
            // Not shortened: it is there to be pasted.
            Label(text, "fix", colour).AppendLine(TerminalText.Escape(alert.Fix));
        }

        Encoding.UTF8.GetBytes(text.AppendLine().ToString(), output);
    }

    private static void Headline(StringBuilder text, AlertLine alert, bool colour)
    {
        var time = alert.Timestamp.ToLocalTime().ToString("HH:mm:ss", CultureInfo.InvariantCulture);
        var severity = Value(alert.Severity).ToUpperInvariant().PadRight(8);
        text.Append(time).Append("  ")
            .Append(colour ? Colour(alert.Severity) : "").Append(severity).Append(colour ? Reset : "").Append("  ")
            .Append(colour ? Bold : "").Append(Value(alert.RuleId)).Append("  ").Append(Value(alert.RuleName)).Append(colour ? Reset : "");
        if (alert.Count > 1)
        {
            text.Append(CultureInfo.InvariantCulture, $"  x{alert.Count}");
        }

        text.AppendLine(alert.Learning ? "  (while learning)" : "");
    }

    private static string Where(AlertLine alert)
    {
        var container = alert.Container;
        if (container.Id.Length == 0)
        {
            return Value($"{alert.Workload.Kind.ToLowerInvariant()} {alert.Workload.Name}");
        }

        var place = $"{alert.Workload.Namespace}/{alert.Workload.Kind}/{alert.Workload.Name}";
        if (container.Name != alert.Workload.Name)
        {
            place += $", container {container.Name}";
        }

        if (container.Id != container.Name)
        {
            place += $", id {ShortId(container.Id)}";
        }

        return Value(container.Image is { Length: > 0 } image ? $"{place}, image {image}" : place);
    }

    private static void WriteFile(StringBuilder text, AlertLine.EventPart file, bool colour)
    {
        Label(text, "file", colour).Append(Value(file.Path)).AppendLine(CultureInfo.InvariantCulture, $" ({Value(file.Layer)}, {file.Size} bytes)");
        if (file.HostPath.Length > 0 && file.HostPath != file.Path)
        {
            Label(text, "on host", colour).AppendLine(Value(file.HostPath));
        }

        if (file.Sha256.Length > 0)
        {
            Label(text, "sha256", colour).AppendLine(Value(file.Sha256));
        }
    }

    /// <summary>The oldest ancestor first, as one reads who started whom.</summary>
    private static string Chain(AlertLine.ProcessPart process)
    {
        var chain = new StringBuilder(process.Ancestors.Count > MaxAncestors ? "... > " : "");
        foreach (var ancestor in process.Ancestors.Take(MaxAncestors).Reverse())
        {
            chain.Append(CultureInfo.InvariantCulture, $"{ancestor.Comm}({ancestor.Pid}) > ");
        }

        chain.Append(CultureInfo.InvariantCulture, $"{process.Comm}({process.Pid})");
        if (process.Exe is { Length: > 0 } executable)
        {
            chain.Append(CultureInfo.InvariantCulture, $" {executable}");
        }

        return Value(chain.Append(CultureInfo.InvariantCulture, $", uid {process.Uid}").ToString());
    }

    private static StringBuilder Label(StringBuilder text, string label, bool colour) =>
        text.Append(Indent).Append(colour ? Dim : "").Append(label.PadRight(9)).Append(colour ? Reset : "");

    private static string Value(string text) => TerminalText.Escape(text.Length > MaxValue ? string.Concat(text.AsSpan(0, MaxValue), "...") : text);

    private static string ShortId(string id) => id.Length == 64 ? id[..12] : id;

    private static string Colour(string severity) => severity switch
    {
        "critical" or "system" => "\x1b[1;31m",
        "high" => "\x1b[31m",
        "medium" => "\x1b[33m",
        _ => "\x1b[36m",
    };
}

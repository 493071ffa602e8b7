using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeCop.Core.Alerts;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Api;

namespace KubeCop.Kubernetes.Events;

/// <summary>An alert as an Event of its pod, in the form of <c>events.k8s.io/v1</c>. What is too long for the API server is cut.</summary>
internal static class PodEvent
{
    /// <summary>Who reports, as a qualified name.</summary>
    public const string Controller = "kubescape.io/kubecop";

    /// <summary>Annotations by which programs find the alert: its <c>alert</c> id, <c>rule</c> and <c>fingerprint</c>.</summary>
    public const string Annotation = "kubecop.kubescape.io/";

    /// <summary>What KubeCop did.</summary>
    private const string Action = "Detect";

    /// <summary>Bytes of a note (kubernetes, pkg/apis/core/validation/events.go, NoteLengthLimit).</summary>
    private const int LongestNote = 1024;

    /// <summary>Bytes of reason, action and reporting instance (the same, ReasonLengthLimit and its like).</summary>
    private const int LongestWord = 128;

    /// <summary>An object's name is a DNS subdomain (RFC 1123) of at most this length.</summary>
    private const int LongestName = 253;

    private const int MaxAncestors = 4;

    /// <summary>Tells pods apart, also those of which the runtime does not know the uid.</summary>
    public static string KeyOf(PodDescription pod) => $"{pod.Namespace}/{pod.Name}/{pod.Uid}";

    /// <summary>The pod's name and the alert's id, as far as there is room for the name.</summary>
    public static string NameOf(Alert alert)
    {
        var (pod, id) = (alert.Container.Pod!.Name, alert.Id.Replace("-", "", StringComparison.Ordinal));
        var room = LongestName - id.Length - 1;
        return $"{(pod.Length > room ? pod[..room] : pod).TrimEnd('.', '-')}.{id}";
    }

    /// <summary>The Event, as it is made.</summary>
    public static byte[] Make(Alert alert, EventSeries series)
    {
        var pod = alert.Container.Pod!;
        var made = new JsonObject
        {
            ["apiVersion"] = "events.k8s.io/v1",
            ["kind"] = "Event",
            ["metadata"] = new JsonObject
            {
                ["name"] = series.Name,
                ["namespace"] = pod.Namespace,
                ["annotations"] = new JsonObject
                {
                    [$"{Annotation}alert"] = alert.Id,
                    [$"{Annotation}rule"] = alert.RuleId,
                    [$"{Annotation}fingerprint"] = alert.Fingerprint,
                },
            },
            ["eventTime"] = MicroTime(series.FirstSeen),
            ["reportingController"] = Controller,
            ["reportingInstance"] = Cut(alert.Node, LongestWord),
            ["action"] = Action,
            ["reason"] = ReasonOf(alert),
            ["type"] = "Warning",
            ["regarding"] = Regarding(pod, alert.Container),
            ["note"] = NoteOf(alert),
        };
        if (series.Count > 1)
        {
            made["series"] = SeriesOf(series);
        }

        return JsonSerializer.SerializeToUtf8Bytes(made, ApiJson.Options);
    }

    /// <summary>What changes of the Event when its alert repeats.</summary>
    public static byte[] Repeat(EventSeries series) => JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["series"] = SeriesOf(series) }, ApiJson.Options);

    private static JsonObject SeriesOf(EventSeries series) => new()
    {
        // A number of 32 bits in the API.
        ["count"] = (int)Math.Min(series.Count, int.MaxValue),
        ["lastObservedTime"] = MicroTime(series.LastSeen),
    };

    // With the uid that the runtime knows: of a static pod that is not the mirror pod's, and kubectl looks for this one (as for kubelet's Events).
    private static JsonObject Regarding(PodDescription pod, ContainerDescription container)
    {
        var list = container.Type switch
        {
            ContainerType.Init => "initContainers",
            ContainerType.Ephemeral => "ephemeralContainers",
            _ => "containers",
        };
        var regarding = new JsonObject
        {
            ["apiVersion"] = "v1",
            ["kind"] = "Pod",
            ["namespace"] = pod.Namespace,
            ["name"] = pod.Name,
            ["fieldPath"] = $"spec.{list}{{{container.Name}}}",
        };
        if (pod.Uid.Length > 0)
        {
            regarding["uid"] = pod.Uid;
        }

        return regarding;
    }

    /// <summary>The rule's name in one word: reasons are for programs too.</summary>
    private static string ReasonOf(Alert alert)
    {
        var word = new StringBuilder();
        var begins = true;
        foreach (var c in alert.RuleName)
        {
            if (char.IsAsciiLetterOrDigit(c))
            {
                word.Append(begins ? char.ToUpperInvariant(c) : c);
            }

            begins = !char.IsAsciiLetterOrDigit(c);
        }

        return Cut(word.Length > 0 ? word.ToString() : alert.RuleId, LongestWord);
    }

    // Whatever a container chose comes last, where it can push nothing out, and acts on no terminal.
    private static string NoteOf(Alert alert)
    {
        var process = alert.Process;
        var severity = alert.Severity.ToString().ToLowerInvariant();
        var where = $"{alert.RuleId} ({severity}) in container {alert.Container.Name}";
        if (!process.IsKnown)
        {
            return Cut(TerminalText.Escape($"{where}: {alert.Message}."), LongestNote);
        }

        var line = string.Join(" > ", process.Ancestors.Take(MaxAncestors).Reverse().Select(static ancestor => ancestor.Comm).Append(process.Comm));
        var command = process.Arguments.Count > 0 ? $", command: {string.Join(' ', process.Arguments)}" : "";
        return Cut(TerminalText.Escape(string.Create(CultureInfo.InvariantCulture, $"{where}, pid {process.Pid}: {alert.Message}. Process: {line}{command}")), LongestNote);
    }

    /// <summary>The text, or what of it and an ellipsis has at most so many bytes in UTF-8.</summary>
    private static string Cut(string text, int bytes)
    {
        if (Encoding.UTF8.GetByteCount(text) <= bytes)
        {
            return text;
        }

        const string Ellipsis = "…";
        var (left, length) = (bytes - Encoding.UTF8.GetByteCount(Ellipsis), 0);
        foreach (var rune in text.EnumerateRunes())
        {
            left -= rune.Utf8SequenceLength;
            if (left < 0)
            {
                break;
            }

            length += rune.Utf16SequenceLength;
        }

        return text[..length] + Ellipsis;
    }

    // The API server reads exactly six digits (apimachinery, meta/v1, RFC3339Micro).
    private static string MicroTime(DateTimeOffset at) => at.ToUniversalTime().ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);
}

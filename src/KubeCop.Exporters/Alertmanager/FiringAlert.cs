using System.Globalization;
using System.Text.Json;
using KubeCop.Core.Alerts;
using KubeCop.Core.Malware;

namespace KubeCop.Exporters.Alertmanager;

/// <summary>
/// An alert as Alertmanager has it. Its labels say which alert it is, so they hold nothing that changes from one process to the next; that is in
/// annotations.
/// </summary>
internal sealed class FiringAlert
{
    /// <summary>Characters of an annotation: a notification is no place for 16 KiB of arguments.</summary>
    private const int MaxAnnotation = 1024;

    /// <summary>A fix is there to be pasted: cut, it is none.</summary>
    private const int MaxFix = 16 * 1024;

    private FiringAlert(IReadOnlyList<KeyValuePair<string, string>> labels, IReadOnlyList<KeyValuePair<string, string>> annotations, DateTimeOffset startsAt, DateTimeOffset endsAt)
    {
        (Labels, Annotations, StartsAt, EndsAt) = (labels, annotations, startsAt, endsAt);
        Key = string.Join('\n', labels.Select(static label => $"{label.Key}={label.Value}"));
    }

    /// <summary>Equal for what is one alert to Alertmanager.</summary>
    public string Key { get; }

    public IReadOnlyList<KeyValuePair<string, string>> Labels { get; }

    public IReadOnlyList<KeyValuePair<string, string>> Annotations { get; }

    public DateTimeOffset StartsAt { get; }

    public DateTimeOffset EndsAt { get; }

    /// <param name="further">Labels of the configuration; those of the alert go before them.</param>
    public static FiringAlert Of(Alert alert, DateTimeOffset endsAt, IEnumerable<KeyValuePair<string, string>> further)
    {
        var container = alert.Container;
        var labels = new List<KeyValuePair<string, string>>();
        Add(labels, "alertname", alert.Malware is null ? "KubeCopRuleViolated" : MalwareAlert.RuleName);
        Add(labels, "rule_id", alert.RuleId);
        Add(labels, "rule_name", alert.RuleName);
        Add(labels, "severity", alert.Severity.ToString().ToLowerInvariant());
        Add(labels, "node_name", alert.Node);
        Add(labels, "namespace", container.Pod?.Namespace ?? container.Workload.Namespace);
        Add(labels, "pod_name", container.Pod?.Name ?? "");
        Add(labels, "container_name", container.Name);
        Add(labels, "workload_kind", container.Workload.Kind);
        Add(labels, "workload_name", container.Workload.Name);
        Add(labels, "fingerprint", alert.Fingerprint);
        if (alert.Malware is { } malware)
        {
            Add(labels, "malware_name", malware.Signature);
            Add(labels, "hash", malware.Sha256);
            Add(labels, "size", malware.SizeText());
            Add(labels, "is_part_of_image", malware.IsPartOfImage() ? "true" : "false");
            Add(labels, "container_image", container.Image);
        }

        foreach (var (name, value) in further)
        {
            if (!labels.Exists(label => label.Key == name))
            {
                Add(labels, name, value);
            }
        }

        return new FiringAlert(labels, AnnotationsOf(alert), alert.FirstSeen, endsAt);
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        Write(json, "labels", Labels);
        Write(json, "annotations", Annotations);
        json.WriteString("startsAt", StartsAt.UtcDateTime);
        json.WriteString("endsAt", EndsAt.UtcDateTime);
        json.WriteEndObject();
    }

    private static List<KeyValuePair<string, string>> AnnotationsOf(Alert alert)
    {
        var (container, process) = (alert.Container, alert.Process);
        var where = container.Pod is { } pod ? $"pod {pod.Name} in namespace {pod.Namespace}"
            : container.Id.Length > 0 ? $"container {container.Name} on node {alert.Node}"
            : $"files of node {alert.Node}";
        var annotations = new List<KeyValuePair<string, string>>();
        var title = alert.Malware is { } found ? $"Malware '{found.Signature}' in {where}" : $"Rule '{alert.RuleName}' in {where}";
        Add(annotations, "title", title);
        Add(annotations, "summary", title);
        Add(annotations, "message", alert.Message);
        Add(annotations, "description", alert.Message);
        Add(annotations, "expected", alert.Expected);
        Add(annotations, "fix", alert.Fix, MaxFix);
        Add(annotations, "alert_id", alert.Id);
        Add(annotations, "count", Text(alert.Count));
        Add(annotations, "mitre", alert.Mitre.Id);
        Add(annotations, "learning", alert.Learning ? "true" : "");
        Add(annotations, "container_id", container.Id);
        Add(annotations, "image", container.Image);
        if (alert.Malware is { } malware)
        {
            Add(annotations, "path", malware.Path());
            Add(annotations, "host_path", malware.HostPath);
            Add(annotations, "layer", malware.Layer());
        }

        if (!process.IsKnown)
        {
            return annotations;
        }

        Add(annotations, "pid", Text(process.Pid));
        Add(annotations, "ppid", Text(process.ParentPid));
        Add(annotations, "uid", Text(process.Uid));
        Add(annotations, "gid", Text(process.Gid));
        Add(annotations, "comm", process.Comm);
        Add(annotations, "exe", process.Executable);
        Add(annotations, "command", string.Join(' ', process.Arguments));
        Add(annotations, "cwd", process.WorkingDirectory);
        Add(annotations, "ancestors", string.Join(" < ", process.Ancestors.Select(static ancestor => ancestor.Comm)));
        return annotations;
    }

    private static void Write(Utf8JsonWriter json, string name, IEnumerable<KeyValuePair<string, string>> values)
    {
        json.WriteStartObject(name);
        foreach (var (key, value) in values)
        {
            json.WriteString(key, value);
        }

        json.WriteEndObject();
    }

    // Alertmanager takes an empty value for none, and templates show values as they are.
    private static void Add(List<KeyValuePair<string, string>> values, string name, string value, int most = MaxAnnotation)
    {
        if (value.Length > 0)
        {
            var shown = TerminalText.Escape(value.Length > most ? value[..most] : value);
            values.Add(new(name, value.Length > most ? $"{shown}…" : shown));
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}

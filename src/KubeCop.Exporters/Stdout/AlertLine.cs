using System.Text.Json;
using System.Text.Json.Serialization;
using KubeCop.Core.Alerts;

namespace KubeCop.Exporters.Stdout;

/// <summary>The part of an alert that people read; a subset of the JSON alert line, with its names.</summary>
public sealed record AlertLine
{
    public required string Id { get; init; }
    public required string State { get; init; }
    public required string RuleId { get; init; }
    public required string RuleName { get; init; }
    public required string Severity { get; init; }
    public required string Message { get; init; }
    public required DateTimeOffset Timestamp { get; init; }
    public long Count { get; init; }
    public bool Learning { get; init; }
    public required ContainerPart Container { get; init; }
    public required WorkloadPart Workload { get; init; }

    /// <summary>Null when no process is known.</summary>
    public required ProcessPart? Process { get; init; }

    public EventPart? Event { get; init; }
    public string Expected { get; init; } = "";
    public string Fix { get; init; } = "";

    /// <exception cref="JsonException">The text is no alert line.</exception>
    public static AlertLine Parse(ReadOnlySpan<byte> json) =>
        JsonSerializer.Deserialize(json, AlertLineJson.Default.AlertLine) ?? throw new JsonException("null is no alert.");

    public static AlertLine From(Alert alert) => new()
    {
        Id = alert.Id,
        State = alert.State.ToString().ToLowerInvariant(),
        RuleId = alert.RuleId,
        RuleName = alert.RuleName,
        Severity = alert.Severity.ToString().ToLowerInvariant(),
        Message = alert.Message,
        Timestamp = alert.Timestamp,
        Count = alert.Count,
        Learning = alert.Learning,
        Container = new ContainerPart(alert.Container.Id, alert.Container.Name, alert.Container.Image),
        Workload = new WorkloadPart(alert.Container.Workload.Kind, alert.Container.Workload.Name, alert.Container.Workload.Namespace),
        Process = !alert.Process.IsKnown ? null : new ProcessPart
        {
            Pid = alert.Process.Pid,
            Uid = alert.Process.Uid,
            Comm = alert.Process.Comm,
            Exe = alert.Process.Executable,
            Args = alert.Process.Arguments,
            Ancestors = [.. alert.Process.Ancestors.Select(static ancestor => new AncestorPart(ancestor.Pid, ancestor.Comm))],
        },
        Event = alert.Malware is not { } malware ? null : new EventPart
        {
            Kind = EventPart.Malware,
            Path = malware.Path(),
            HostPath = malware.HostPath,
            Sha256 = malware.Sha256,
            Size = malware.Size,
            Layer = malware.Layer(),
        },
        Expected = alert.Expected,
        Fix = alert.Fix,
    };

    public sealed record ContainerPart(string Id, string Name, string? Image);

    public sealed record WorkloadPart(string Kind, string Name, string Namespace);

    public sealed record ProcessPart
    {
        public uint Pid { get; init; }
        public uint Uid { get; init; }
        public string Comm { get; init; } = "";
        public string? Exe { get; init; }
        public IReadOnlyList<string> Args { get; init; } = [];

        /// <summary>Parent first.</summary>
        public IReadOnlyList<AncestorPart> Ancestors { get; init; } = [];
    }

    /// <summary>Of malware, the file; of other events their kind alone is used.</summary>
    public sealed record EventPart
    {
        public const string Malware = "malware";

        public required string Kind { get; init; }
        public string Path { get; init; } = "";
        public string HostPath { get; init; } = "";
        public string Sha256 { get; init; } = "";
        public long Size { get; init; }
        public string Layer { get; init; } = "";
    }

    public sealed record AncestorPart(uint Pid, string Comm);
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(AlertLine))]
internal sealed partial class AlertLineJson : JsonSerializerContext;

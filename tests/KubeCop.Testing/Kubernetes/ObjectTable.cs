using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;

namespace KubeCop.Testing.Kubernetes;

/// <summary>Objects as kubectl shows them: a definition's printer columns, and a few of the built-in kinds (meta.k8s.io/v1 Table).</summary>
internal static class ObjectTable
{
    public const string ApiVersion = "meta.k8s.io/v1";

    private static readonly V1CustomResourceColumnDefinition Age = Column("Age", ".metadata.creationTimestamp", type: "date");

    /// <param name="includeObject">None, Metadata or Object: what a row says of its object besides the cells.</param>
    public static JsonObject Of(ResourceKind kind, IReadOnlyList<StoredObject> objects, JsonObject metadata, string includeObject, DateTimeOffset now)
    {
        var columns = ColumnsOf(kind);
        return new JsonObject
        {
            ["kind"] = "Table",
            ["apiVersion"] = ApiVersion,
            ["metadata"] = metadata,
            ["columnDefinitions"] = new JsonArray([Define("Name", "string", "name", "Name must be unique within a namespace.", 0), .. columns.Select(Define)]),
            ["rows"] = new JsonArray([.. objects.Select(JsonNode (stored) => new JsonObject
            {
                ["cells"] = new JsonArray([stored.Name, .. columns.Select(column => Cell(kind, column, stored.Value, now))]),
                ["object"] = includeObject switch
                {
                    "None" => null,
                    "Object" => stored.Value.Copy(),
                    _ => MetadataOf(stored),
                },
            })]),
        };
    }

    public static JsonObject MetadataOf(StoredObject stored) => new()
    {
        ["kind"] = "PartialObjectMetadata",
        ["apiVersion"] = ApiVersion,
        ["metadata"] = stored.Value["metadata"]!.DeepClone(),
    };

    private static IReadOnlyList<V1CustomResourceColumnDefinition> ColumnsOf(ResourceKind kind) => kind.QualifiedName switch
    {
        _ when kind.Columns.Count > 0 => kind.Columns,
        "pods" =>
        [
            Column("Ready", ".status.containerStatuses"), Column("Status", ".status.phase"), Age,
            Column("IP", ".status.podIP", priority: 1), Column("Node", ".spec.nodeName", priority: 1),
        ],
        "namespaces" => [Column("Status", ".status.phase"), Age],
        _ => [Age],
    };

    private static V1CustomResourceColumnDefinition Column(string name, string path, string type = "string", int? priority = null) =>
        new() { Name = name, JsonPath = path, Type = type, Priority = priority, Description = name };

    private static JsonNode Define(V1CustomResourceColumnDefinition column) => Define(
        column.Name,
        column.Type,
        column.Format ?? "",
        column.Description ?? $"Custom resource definition column (in JSONPath format): {column.JsonPath}",
        column.Priority ?? 0);

    private static JsonNode Define(string name, string type, string format, string description, int priority) => new JsonObject
    {
        ["name"] = name,
        ["type"] = type,
        ["format"] = format,
        ["description"] = description,
        ["priority"] = priority,
    };

    private static JsonNode? Cell(ResourceKind kind, V1CustomResourceColumnDefinition column, JsonObject value, DateTimeOffset now)
    {
        var found = JsonPath.Find(value, column.JsonPath);
        return column switch
        {
            _ when kind.QualifiedName == "pods" && column.Name == "Ready" => Ready(value, found as JsonArray ?? []),
            _ when found is null => null,
            { Type: "date" } => DateTimeOffset.TryParse(found.AsText(), CultureInfo.InvariantCulture, out var time) ? Duration(now - time) : "<invalid>",
            { Type: "string" } => found.AsText(),
            _ => found.DeepClone(),
        };
    }

    private static string Ready(JsonObject pod, JsonArray statuses)
    {
        var ready = statuses.Count(static status => status is JsonObject known && known.Text("ready") == "true");
        return $"{ready}/{(pod.At("spec", "containers") as JsonArray)?.Count ?? 0}";
    }

    /// <summary>As <c>HumanDuration</c> of k8s.io/apimachinery/pkg/util/duration.</summary>
    private static string Duration(TimeSpan age) => age switch
    {
        { TotalSeconds: < 120 } => $"{Math.Max(0, (int)age.TotalSeconds)}s",
        { TotalMinutes: < 10 } => age.Seconds == 0 ? $"{(int)age.TotalMinutes}m" : $"{(int)age.TotalMinutes}m{age.Seconds}s",
        { TotalHours: < 3 } => $"{(int)age.TotalMinutes}m",
        { TotalHours: < 8 } => age.Minutes == 0 ? $"{(int)age.TotalHours}h" : $"{(int)age.TotalHours}h{age.Minutes}m",
        { TotalHours: < 48 } => $"{(int)age.TotalHours}h",
        { TotalDays: < 8 } => age.Hours == 0 ? $"{age.Days}d" : $"{age.Days}d{age.Hours}h",
        _ => $"{age.Days}d",
    };
}

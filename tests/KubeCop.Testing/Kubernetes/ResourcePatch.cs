using System.Globalization;
using System.Text.Json.Nodes;
using k8s.Models;

namespace KubeCop.Testing.Kubernetes;

/// <summary>Patches that say what changes: JSON Merge Patch (RFC 7386), JSON Patch (RFC 6902), and the strategic merge patch of built-in kinds.</summary>
internal static class ResourcePatch
{
    private const string JsonPatch = "application/json-patch+json";
    private const string MergePatch = "application/merge-patch+json";
    private const string StrategicMergePatch = "application/strategic-merge-patch+json";

    public const string ApplyPatch = "application/apply-patch+yaml";

    /// <returns>What makes the new object of a copy of the old one.</returns>
    /// <exception cref="ApiStatusException">It is no patch, or none for this kind.</exception>
    public static Func<JsonObject, JsonObject> Parse(ApiCall call, ResourceKind kind)
    {
        switch (call.ContentType)
        {
            case JsonPatch:
                var operations = Json.ParseAny(call.Body.Span) as JsonArray ?? throw ApiStatusException.BadRequest("a JSON patch is an array");
                return before => Apply(operations, before);
            case MergePatch:
                var patch = Json.Parse(call.Body.Span);
                return before => Merge(null, before, patch);
            case StrategicMergePatch when !kind.IsCustom:
                var strategic = Json.Parse(call.Body.Span);
                return before => Merge(kind.Schema, before, strategic);
            default:
                throw ApiStatusException.UnsupportedMediaType(
                    kind.IsCustom ? [JsonPatch, MergePatch, ApplyPatch] : [JsonPatch, MergePatch, StrategicMergePatch, ApplyPatch]);
        }
    }

    /// <param name="schema">Of a strategic merge, which merges the lists that have keys; null for one that replaces them.</param>
    private static JsonObject Merge(V1JSONSchemaProps? schema, JsonNode? target, JsonObject patch)
    {
        var merged = (target as JsonObject)?.Copy() ?? [];
        foreach (var (name, value) in patch)
        {
            var below = schema is null ? null : Fields.Below(schema, name);
            if (schema is not null && name.StartsWith('$'))
            {
                RefuseUnlessItOnlyOrders(name);
            }
            else if (value is null)
            {
                merged.Remove(name);
            }
            else if (value is JsonObject fields)
            {
                merged[name] = Merge(below, merged[name], fields);
            }
            else if (value is JsonArray items && below is not null && Fields.KeyOf(below) is { } key)
            {
                merged[name] = Merge((V1JSONSchemaProps)below.Items, key, merged[name] as JsonArray ?? [], items);
            }
            else
            {
                merged[name] = value.DeepClone();
            }
        }

        return merged;
    }

    private static JsonArray Merge(V1JSONSchemaProps schema, Func<JsonNode?, string> key, JsonArray before, JsonArray items)
    {
        var merged = before.DeepClone().AsArray();
        foreach (var item in items)
        {
            var index = before.Select(key).ToList().IndexOf(key(item));
            if (index < 0)
            {
                merged.Add(item is JsonObject added ? Merge(schema, null, added) : item?.DeepClone());
            }
            else if (item is JsonObject fields)
            {
                merged[index] = Merge(schema, merged[index], fields);
            }
        }

        return merged;
    }

    /// <summary>A patch that counts on more is refused, not misread.</summary>
    private static void RefuseUnlessItOnlyOrders(string directive)
    {
        if (!directive.StartsWith("$setElementOrder/", StringComparison.Ordinal) && directive != "$retainKeys")
        {
            throw ApiStatusException.BadRequest($"this server does not know the directive {directive} of strategic merge patches");
        }
    }

    private static JsonObject Apply(JsonArray operations, JsonObject before)
    {
        JsonNode? document = before;
        foreach (var operation in operations.Select(static operation => operation as JsonObject ?? []))
        {
            var path = Pointer(operation.Text("path"));
            if (path.Length == 0)
            {
                throw Missing("");
            }

            switch (operation.Text("op"))
            {
                case "add":
                    Add(document, path, operation["value"]?.DeepClone());
                    break;
                case "remove":
                    Remove(document, path);
                    break;
                case "replace":
                    Remove(document, path);
                    Add(document, path, operation["value"]?.DeepClone());
                    break;
                case "move":
                    Add(document, path, Remove(document, Pointer(operation.Text("from"))));
                    break;
                case "copy":
                    Add(document, path, Find(document, Pointer(operation.Text("from")))?.DeepClone());
                    break;
                case "test" when JsonNode.DeepEquals(Find(document, path), operation["value"]):
                    break;
                case "test":
                    throw ApiStatusException.Unprocessable($"testing value {operation.Text("path")} failed: test failed");
                default:
                    throw ApiStatusException.BadRequest($"Unexpected kind: {operation.Text("op")}");
            }
        }

        return document.AsObject();
    }

    private static string[] Pointer(string path) =>
        [.. path.Split('/').Skip(1).Select(static part => part.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal))];

    private static JsonNode? Find(JsonNode? document, ReadOnlySpan<string> path)
    {
        var at = document;
        foreach (var part in path)
        {
            at = at switch
            {
                JsonObject map when map.ContainsKey(part) => map[part],
                JsonArray list when IndexIn(part, list.Count - 1) is { } index => list[index],
                _ => throw Missing(part),
            };
        }

        return at;
    }

    private static void Add(JsonNode? document, ReadOnlySpan<string> path, JsonNode? value)
    {
        switch (Find(document, path[..^1]))
        {
            case JsonObject map:
                map[path[^1]] = value;
                break;
            case JsonArray list when path[^1] == "-":
                list.Add(value);
                break;
            case JsonArray list when IndexIn(path[^1], list.Count) is { } index:
                list.Insert(index, value);
                break;
            default:
                throw Missing(path[^1]);
        }
    }

    private static JsonNode? Remove(JsonNode? document, ReadOnlySpan<string> path)
    {
        var parent = Find(document, path[..^1]);
        var removed = Find(parent, path[^1..]);
        if (parent is JsonArray list)
        {
            list.RemoveAt(int.Parse(path[^1], CultureInfo.InvariantCulture));
        }
        else
        {
            parent!.AsObject().Remove(path[^1]);
        }

        return removed;
    }

    private static int? IndexIn(string part, int last) =>
        int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index <= last ? index : null;

    private static ApiStatusException Missing(string part) => ApiStatusException.Unprocessable($"jsonpatch operation does not apply: doc is missing path: \"/{part}\": missing value");
}

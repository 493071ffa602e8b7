using System.Text.Json.Nodes;
using k8s.Models;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// The fields of an object by their paths, as server-side apply counts them (sigs.k8s.io/structured-merge-diff): what the schema calls atomic
/// is one field; items of other lists go by their keys, or by their value. A path is made of the elements of FieldsV1: <c>f:name</c>,
/// <c>k:{"name":"web"}</c>, <c>v:"value"</c>.
/// </summary>
internal static class Fields
{
    /// <summary>Between the elements of a path: no element has it.</summary>
    public const char Separator = '\n';

    private static readonly V1JSONSchemaProps Anything = new() { XKubernetesPreserveUnknownFields = true };
    private static readonly V1JSONSchemaProps Metadata = ModelSchema.Of(typeof(V1ObjectMeta));

    /// <summary>What no manager owns.</summary>
    private static readonly HashSet<string> OfTheServer =
    [
        "f:apiVersion", "f:kind", .. new[]
        {
            "name", "namespace", "generateName", "uid", "resourceVersion", "generation", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink",
        }.Select(static field => $"f:metadata{Separator}f:{field}"),
    ];

    /// <returns>The value of each path; null for an item or an entry that has more below it.</returns>
    public static Dictionary<string, JsonNode?> Of(V1JSONSchemaProps schema, JsonObject value)
    {
        var fields = new Dictionary<string, JsonNode?>(StringComparer.Ordinal);
        foreach (var (name, part) in value)
        {
            var path = $"f:{name}";
            Walk(Below(schema, name), part, path, fields);
            if (part is null or JsonObject { Count: 0 })
            {
                fields[path] = part;
            }
        }

        foreach (var path in OfTheServer)
        {
            fields.Remove(path);
        }

        return fields;
    }

    /// <summary>The state in which the live object has what is applied.</summary>
    public static JsonNode? Merge(V1JSONSchemaProps schema, JsonNode? live, JsonNode? applied)
    {
        switch (live, applied)
        {
            case (JsonObject before, JsonObject fields) when !IsAtomic(schema):
                var merged = before.Copy();
                foreach (var (name, value) in fields)
                {
                    merged[name] = Merge(Below(schema, name), before[name], value);
                }

                return merged;
            case (JsonArray before, JsonArray items) when KeyOf(schema) is { } key:
                return Merge(schema, key, before, items);
            default:
                return applied?.DeepClone();
        }
    }

    /// <summary>Takes a field, or an item, out of an object.</summary>
    public static void Remove(JsonObject value, string path)
    {
        var elements = path.Split(Separator);
        JsonNode? at = value;
        foreach (var element in elements[..^1])
        {
            at = at is JsonArray items ? items.ElementAtOrDefault(IndexOf(items, element)) : (at as JsonObject)?[element[2..]];
        }

        if (at is JsonArray list && IndexOf(list, elements[^1]) is >= 0 and var index)
        {
            list.RemoveAt(index);
        }
        else if (at is JsonObject map)
        {
            map.Remove(elements[^1][2..]);
        }
    }

    /// <summary>As messages show a path: <c>.spec.containers[name="web"].syscalls</c>.</summary>
    public static string ToText(string path) => string.Concat(path.Split(Separator).Select(static element => element[0] switch
    {
        'k' => $"[{string.Join(',', JsonNode.Parse(element[2..])!.AsObject().Select(static key => $"{key.Key}={key.Value!.ToJsonString()}"))}]",
        'v' => $"[={element[2..]}]",
        _ => $".{element[2..]}",
    }));

    /// <summary>Every path with those above it.</summary>
    public static HashSet<string> WithParents(IEnumerable<string> paths)
    {
        var all = new HashSet<string>(StringComparer.Ordinal);
        foreach (var path in paths)
        {
            for (var at = path; at.Length > 0 && all.Add(at); at = at.LastIndexOf(Separator) is > 0 and var end ? at[..end] : "")
            {
            }
        }

        return all;
    }

    /// <summary>The schema of a field.</summary>
    public static V1JSONSchemaProps Below(V1JSONSchemaProps schema, string name) =>
        name == "metadata" && schema.Properties?.ContainsKey("apiVersion") is true ? Metadata
        : schema.Properties?.TryGetValue(name, out var property) is true ? property
        : schema.AdditionalProperties as V1JSONSchemaProps ?? Anything;

    /// <returns>What tells the items of a list apart; null for a list that is one field.</returns>
    public static Func<JsonNode?, string>? KeyOf(V1JSONSchemaProps schema) => schema.XKubernetesListType switch
    {
        "set" => static item => $"v:{item?.ToJsonString()}",
        "map" => item => $"k:{KeysOf(item as JsonObject, schema.XKubernetesListMapKeys).ToJsonString()}",
        _ => null,
    };

    private static JsonObject KeysOf(JsonObject? item, IEnumerable<string> keys) =>
        new(keys.Order(StringComparer.Ordinal).Select(key => KeyValuePair.Create(key, item?[key]?.DeepClone())));

    private static void Walk(V1JSONSchemaProps schema, JsonNode? value, string path, Dictionary<string, JsonNode?> into)
    {
        switch (value)
        {
            case JsonObject map when !IsAtomic(schema):
                foreach (var (name, below) in map)
                {
                    var field = $"{path}{Separator}f:{name}";
                    Walk(Below(schema, name), below, field, into);

                    // Fields that a type has come with what is in them; entries of a map are there by themselves.
                    if (below is null or JsonObject { Count: 0 } || schema.Properties?.ContainsKey(name) is not true)
                    {
                        into.TryAdd(field, below is JsonObject { Count: 0 } ? below : null);
                    }
                }

                break;
            case JsonArray list when KeyOf(schema) is { } key:
                foreach (var item in list)
                {
                    var element = $"{path}{Separator}{key(item)}";
                    Walk((V1JSONSchemaProps)schema.Items, item, element, into);
                    into.TryAdd(element, null);
                }

                break;
            default:
                into[path] = value;
                break;
        }
    }

    /// <summary>In the order of what is applied, with the items that only the live list has where they were.</summary>
    private static JsonArray Merge(V1JSONSchemaProps schema, Func<JsonNode?, string> key, JsonArray before, JsonArray items)
    {
        var old = before.Select(key).ToList();
        var applied = items.Select(key).ToHashSet(StringComparer.Ordinal);
        var merged = new JsonArray();
        var next = 0;
        foreach (var item in items)
        {
            var index = old.IndexOf(key(item));
            KeepOthersUntil(index);
            merged.Add(index < 0 ? item?.DeepClone() : Merge((V1JSONSchemaProps)schema.Items, before[index], item));
        }

        KeepOthersUntil(old.Count);
        return merged;

        void KeepOthersUntil(int end)
        {
            for (; next < end; next++)
            {
                if (!applied.Contains(old[next]))
                {
                    merged.Add(before[next]?.DeepClone());
                }
            }
        }
    }

    private static bool IsAtomic(V1JSONSchemaProps schema) => schema.XKubernetesMapType == "atomic";

    private static int IndexOf(JsonArray items, string element)
    {
        var wanted = JsonNode.Parse(element[2..]);
        for (var index = 0; index < items.Count; index++)
        {
            var item = items[index];
            if (element[0] == 'v' ? JsonNode.DeepEquals(item, wanted) : wanted!.AsObject().All(key => JsonNode.DeepEquals((item as JsonObject)?[key.Key], key.Value)))
            {
                return index;
            }
        }

        return -1;
    }
}

using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using k8s.Models;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// What the API server does with an object of a custom resource: refuses what its schema does not allow, and drops fields that the schema
/// does not have. Rules in CEL are not evaluated.
/// </summary>
public static class StructuralSchema
{
    /// <returns>What is wrong, in the words of the API server; empty when nothing is.</returns>
    public static IReadOnlyList<string> Apply(V1JSONSchemaProps schema, JsonObject resource) => Apply(schema, resource, []);

    /// <param name="dropped">Gets the paths of the fields that were dropped.</param>
    /// <inheritdoc cref="Apply(V1JSONSchemaProps, JsonObject)"/>
    public static IReadOnlyList<string> Apply(V1JSONSchemaProps schema, JsonObject resource, ICollection<string> dropped)
    {
        var findings = new Findings([], dropped);
        Check(schema, resource, "", findings);
        return findings.Errors;
    }

    private static void Check(V1JSONSchemaProps schema, JsonNode? value, string path, Findings findings)
    {
        var errors = findings.Errors;
        if (value is null)
        {
            if (schema.Nullable != true)
            {
                errors.Add($"{path}: Invalid value: \"null\": {path} must be of type {schema.Type}: \"null\"");
            }

            return;
        }

        if (!IsOfType(schema.Type, value))
        {
            errors.Add($"{path}: Invalid value: {value.ToJsonString()}: {path} must be of type {schema.Type}");
            return;
        }

        switch (value)
        {
            case JsonObject fields:
                CheckFields(schema, fields, path, findings);
                break;
            case JsonArray items:
                CheckItems(schema, items, path, findings);
                break;
            default:
                CheckScalar(schema, value, path, errors);
                break;
        }

        // Only one of them, as what each of them asks for is a field.
        if (schema.OneOf is { Count: > 0 } choices && choices.Count(choice => choice.Required.All(field => value is JsonObject map && map.ContainsKey(field))) != 1)
        {
            errors.Add($"{path}: Invalid value: {value.ToJsonString()}: {path} must validate one and only one schema (oneOf)");
        }
    }

    private static void CheckFields(V1JSONSchemaProps schema, JsonObject fields, string path, Findings findings)
    {
        foreach (var required in schema.Required ?? [])
        {
            if (!fields.ContainsKey(required))
            {
                findings.Errors.Add($"{Below(path, required)}: Required value");
            }
        }

        foreach (var (name, value) in fields.ToList())
        {
            if (schema.Properties?.TryGetValue(name, out var property) is true)
            {
                Check(property, value, Below(path, name), findings);
            }
            else if (schema.AdditionalProperties is V1JSONSchemaProps any)
            {
                Check(any, value, $"{path}[{name}]", findings);
            }
            else if (schema.XKubernetesPreserveUnknownFields != true && path != "metadata")
            {
                fields.Remove(name);
                findings.Dropped.Add(Below(path, name));
            }
        }
    }

    private static void CheckItems(V1JSONSchemaProps schema, JsonArray items, string path, Findings findings)
    {
        var errors = findings.Errors;
        if (items.Count > schema.MaxItems)
        {
            errors.Add($"{path}: Too many: {items.Count}: must have at most {schema.MaxItems} items");
        }

        for (var index = 0; schema.Items is V1JSONSchemaProps element && index < items.Count; index++)
        {
            Check(element, items[index], $"{path}[{index}]", findings);
        }

        if (schema.XKubernetesListType == "map")
        {
            var seen = new HashSet<string>(StringComparer.Ordinal);
            for (var index = 0; index < items.Count; index++)
            {
                var key = string.Join(", ", schema.XKubernetesListMapKeys.Select(field => $"\"{field}\":{(items[index] as JsonObject)?[field]?.ToJsonString()}"));
                if (!seen.Add(key))
                {
                    errors.Add($"{path}[{index}]: Duplicate value: {{{key}}}");
                }
            }
        }
    }

    private static void CheckScalar(V1JSONSchemaProps schema, JsonNode value, string path, List<string> errors)
    {
        if (value.GetValueKind() == JsonValueKind.String)
        {
            var text = value.GetValue<string>();
            if (schema.EnumProperty is { Count: > 0 } words && !words.Contains(text))
            {
                errors.Add($"{path}: Unsupported value: \"{text}\": supported values: {string.Join(", ", words.Select(static word => $"\"{word}\""))}");
            }

            if (text.Length > schema.MaxLength || text.Length < schema.MinLength)
            {
                errors.Add($"{path}: Too long or too short: must have {schema.MinLength ?? 0} to {schema.MaxLength} characters");
            }

            if (schema.Pattern is { } pattern && !Regex.IsMatch(text, pattern))
            {
                errors.Add($"{path}: Invalid value: \"{text}\": {path} in body should match '{pattern}'");
            }
        }
        else if (value.GetValueKind() == JsonValueKind.Number)
        {
            var number = double.Parse(value.ToJsonString(), CultureInfo.InvariantCulture);
            if (number < schema.Minimum || number > schema.Maximum)
            {
                errors.Add($"{path}: Invalid value: {value.ToJsonString()}: {path} in body should be between {schema.Minimum} and {schema.Maximum}");
            }
        }
    }

    private static bool IsOfType(string? type, JsonNode value) => type switch
    {
        null or "" => true,
        "object" => value is JsonObject,
        "array" => value is JsonArray,
        "integer" => value.GetValueKind() == JsonValueKind.Number && !value.ToJsonString().Contains('.', StringComparison.Ordinal),
        "number" => value.GetValueKind() == JsonValueKind.Number,
        "boolean" => value.GetValueKind() is JsonValueKind.True or JsonValueKind.False,
        _ => value.GetValueKind() == JsonValueKind.String,
    };

    private static string Below(string path, string field) => path.Length == 0 ? field : $"{path}.{field}";

    /// <param name="Errors">What is wrong.</param>
    /// <param name="Dropped">The fields that the schema does not have.</param>
    private sealed record Findings(List<string> Errors, ICollection<string> Dropped);
}

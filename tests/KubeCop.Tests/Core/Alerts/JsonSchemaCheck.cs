using System.Text.Json;
using System.Text.RegularExpressions;

namespace KubeCop.Tests.Core.Alerts;

/// <summary>The keywords of JSON Schema that docs/alert.schema.json uses; any other keyword is an error, so none is silently not checked.</summary>
internal static class JsonSchemaCheck
{
    public static List<string> Errors(JsonElement schema, JsonElement document)
    {
        var errors = new List<string>();
        Check(schema, schema, document, "$", errors);
        return errors;
    }

    private static void Check(JsonElement root, JsonElement schema, JsonElement value, string at, List<string> errors)
    {
        foreach (var keyword in schema.EnumerateObject())
        {
            switch (keyword.Name)
            {
                case "$schema" or "$id" or "$defs" or "title":
                    break;
                case "$ref":
                    var target = keyword.Value.GetString()!.Split('/').Skip(1).Aggregate(root, static (element, name) => element.GetProperty(name));
                    Check(root, target, value, at, errors);
                    break;
                case "type":
                    var types = keyword.Value.ValueKind == JsonValueKind.Array ? [.. keyword.Value.EnumerateArray().Select(static type => type.GetString()!)] : new[] { keyword.Value.GetString()! };
                    Require(types.Any(type => HasType(value, type)), $"is no {string.Join(" or ", types)}");
                    break;
                case "enum":
                    Require(keyword.Value.EnumerateArray().Any(allowed => JsonElement.DeepEquals(allowed, value)), $"is not one of {keyword.Value}");
                    break;
                case "pattern":
                    Require(value.ValueKind != JsonValueKind.String || Regex.IsMatch(value.GetString()!, keyword.Value.GetString()!), $"does not match {keyword.Value}");
                    break;
                case "minimum":
                    Require(value.ValueKind != JsonValueKind.Number || value.GetInt64() >= keyword.Value.GetInt64(), $"is less than {keyword.Value}");
                    break;
                case "required":
                    foreach (var name in keyword.Value.EnumerateArray())
                    {
                        Require(value.ValueKind != JsonValueKind.Object || value.TryGetProperty(name.GetString()!, out _), $"lacks {name}");
                    }

                    break;
                case "properties":
                    foreach (var property in Properties(value).Where(property => keyword.Value.TryGetProperty(property.Name, out _)))
                    {
                        Check(root, keyword.Value.GetProperty(property.Name), property.Value, $"{at}.{property.Name}", errors);
                    }

                    break;
                case "additionalProperties":
                    var known = schema.TryGetProperty("properties", out var properties) ? properties : default;
                    foreach (var property in Properties(value).Where(property => known.ValueKind != JsonValueKind.Object || !known.TryGetProperty(property.Name, out _)))
                    {
                        if (keyword.Value.ValueKind == JsonValueKind.Object)
                        {
                            Check(root, keyword.Value, property.Value, $"{at}.{property.Name}", errors);
                        }
                        else
                        {
                            Require(keyword.Value.ValueKind == JsonValueKind.True, $"has the unknown property {property.Name}");
                        }
                    }

                    break;
                case "items":
                    foreach (var item in value.ValueKind == JsonValueKind.Array ? value.EnumerateArray() : default)
                    {
                        Check(root, keyword.Value, item, $"{at}[]", errors);
                    }

                    break;
                case "oneOf":
                    var matching = keyword.Value.EnumerateArray().Count(choice =>
                    {
                        var problems = new List<string>();
                        Check(root, choice, value, at, problems);
                        return problems.Count == 0;
                    });
                    Require(matching == 1, $"matches {matching} of the choices");
                    break;
                default:
                    throw new NotSupportedException($"The schema's keyword {keyword.Name} is not checked.");
            }
        }

        void Require(bool holds, string problem)
        {
            if (!holds)
            {
                errors.Add($"{at} {problem}");
            }
        }
    }

    private static IEnumerable<JsonProperty> Properties(JsonElement value) => value.ValueKind == JsonValueKind.Object ? value.EnumerateObject() : [];

    private static bool HasType(JsonElement value, string type) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        _ => throw new NotSupportedException($"The type {type} is not checked."),
    };
}

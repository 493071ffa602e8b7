using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// What printer columns use of kubectl's JSONPath: fields, indexes, and a filter for an equal field, as <c>.status.conditions[?(@.type=="Ready")].status</c>.
/// </summary>
internal static partial class JsonPath
{
    /// <returns>Null where there is nothing.</returns>
    /// <exception cref="FormatException">The path uses more.</exception>
    public static JsonNode? Find(JsonNode? value, string path)
    {
        var at = value;
        var end = 0;
        foreach (Match step in Step().Matches(path))
        {
            if (step.Index != end)
            {
                break;
            }

            end += step.Length;
            at = step switch
            {
                _ when step.Groups["field"] is { Success: true, Value: var field } => (at as JsonObject)?[field.Replace("\\.", ".", StringComparison.Ordinal)],
                _ when step.Groups["index"] is { Success: true, Value: var index } => (at as JsonArray)?.ElementAtOrDefault(int.Parse(index, CultureInfo.InvariantCulture)),
                _ => (at as JsonArray)?.OfType<JsonObject>().FirstOrDefault(item => item.Text(step.Groups["key"].Value) == step.Groups["equal"].Value),
            };
        }

        return end == path.Length ? at : throw new FormatException($"unrecognized JSONPath: {path}");
    }

    [GeneratedRegex("""\.(?<field>(\\.|[^.\[\]])+)|\['(?<field>[^']+)'\]|\[(?<index>\d+)\]|\[\?\(@\.(?<key>\w+)\s*==\s*["'](?<equal>[^"']*)["']\)\]""")]
    private static partial Regex Step();
}

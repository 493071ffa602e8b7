using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace KubeCop.Testing.Kubernetes;

/// <summary>Reads files of several objects.</summary>
internal static partial class YamlText
{
    public static IEnumerable<JsonObject> Documents(string text) =>
        Separator().Split(text).Where(static document => document.Trim().Length > 0).Select(Json.FromYaml).OfType<JsonObject>();

    [GeneratedRegex(@"^---.*$", RegexOptions.Multiline)]
    private static partial Regex Separator();
}

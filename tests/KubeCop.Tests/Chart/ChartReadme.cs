using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace KubeCop.Tests.Chart;

/// <summary>Writes the chart's README.md, made of the comments in values.yaml.</summary>
internal static partial class ChartReadme
{
    private const string Head = """
        # The chart

        This page is made of the comments in `values.yaml`. How to install is in the [README](../../README.md#install-in-kubernetes).

        | value | default | meaning |
        |---|---|---|

        """;

    /// <summary>A row for each value with a comment that begins with <c># --</c>; what is below it is its default.</summary>
    /// <exception cref="InvalidDataException">A value is not described.</exception>
    public static string Write(IReadOnlyList<string> lines)
    {
        var page = new StringBuilder(Head);
        var path = new List<string>();
        var (comment, defaultDepth) = ("", int.MaxValue);
        for (var i = 0; i < lines.Count; i++)
        {
            if (Comment().Match(lines[i]) is { Success: true } text)
            {
                comment = text.Groups["first"].Success ? text.Groups["text"].Value : comment.Length > 0 ? $"{comment} {text.Groups["text"].Value}" : "";
                continue;
            }

            if (Key().Match(lines[i]) is not { Success: true } key)
            {
                comment = "";
                continue;
            }

            var depth = key.Groups["indent"].Length / 2;
            if (depth > defaultDepth)
            {
                continue;
            }

            defaultDepth = int.MaxValue;
            path.RemoveRange(depth, path.Count - depth);
            path.Add(key.Groups["name"].Value);
            var value = key.Groups["value"].Value;
            if (comment.Length > 0)
            {
                var shown = value.Length > 0 ? $"`{value}`" : "see `values.yaml`";
                page.Append(CultureInfo.InvariantCulture, $"| `{string.Join('.', path)}` | {shown} | {comment.Replace("|", "\\|", StringComparison.Ordinal)} |\n");
                defaultDepth = value.Length == 0 ? depth : int.MaxValue;
            }
            else if (value.Length > 0)
            {
                throw new InvalidDataException($"values.yaml, line {i + 1}: {string.Join('.', path)} is not described (# -- …).");
            }

            comment = "";
        }

        return page.ToString();
    }

    [GeneratedRegex(@"^ *# (?<first>-- )?(?<text>.*)$")]
    private static partial Regex Comment();

    [GeneratedRegex(@"^(?<indent> *)(?<name>[A-Za-z]\w*):(?: (?<value>.*))?$")]
    private static partial Regex Key();
}

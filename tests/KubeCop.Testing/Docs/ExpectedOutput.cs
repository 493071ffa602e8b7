using System.Text;
using System.Text.RegularExpressions;

namespace KubeCop.Testing.Docs;

/// <summary>
/// Whether a command wrote what its page shows. <c>…</c> in a line stands for any text, a line that is <c>…</c> for any lines. How many blanks there
/// are, and empty lines, make no difference: tables are as wide as what is in them.
/// </summary>
public static partial class ExpectedOutput
{
    private const string Anything = "…";

    /// <param name="expected">The lines of the page; none expects nothing particular.</param>
    /// <param name="actual">All that the command wrote.</param>
    public static bool Matches(IReadOnlyList<string> expected, string actual)
    {
        var lines = Tidy(expected);
        if (lines.Count == 0)
        {
            return true;
        }

        var pattern = new StringBuilder("^");
        foreach (var line in lines)
        {
            pattern.Append(line == Anything ? @"([^\n]*\n)*" : string.Join("[^\\n]*", line.Split(Anything).Select(Regex.Escape)) + @"\n");
        }

        // What a container writes is matched too: no pattern may take any time.
        var text = string.Concat(Tidy(actual.Split('\n')).Select(static line => $"{line}\n"));
        return Regex.IsMatch(text, pattern.Append(@"\z").ToString(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }

    private static List<string> Tidy(IEnumerable<string> lines) =>
        [.. lines.Select(static line => Blanks().Replace(line, " ").Trim()).Where(static line => line.Length > 0)];

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}

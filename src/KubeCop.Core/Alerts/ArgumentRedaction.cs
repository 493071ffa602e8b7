using System.Text;
using System.Text.RegularExpressions;

namespace KubeCop.Core.Alerts;

/// <summary>
/// Hides secrets in the arguments of programs that alerts show: those that <see cref="CommonSecrets"/> finds, or what given patterns match. Patterns
/// see a list of arguments as one text, an argument a line, so that one may look at an option and at the value behind it; a line end inside an
/// argument is a carriage return to them. What the groups of a pattern match is hidden, all of the match where it has none. Takes time linear in
/// the text, whatever a container chose. For any thread.
/// </summary>
public sealed class ArgumentRedaction
{
    /// <summary>What stands in the place of a secret, whatever its length.</summary>
    public const string Hidden = "***";

    /// <summary>Of one pattern in one list of arguments; behind so many nothing is shown, because each more may take a look at the whole rest.</summary>
    private const int MaxMatches = 64;

    private readonly Regex[]? _patterns;

    /// <param name="patterns">As of <see cref="Compile"/>, instead of <see cref="CommonSecrets"/>; none for no secrets.</param>
    public ArgumentRedaction(IEnumerable<string> patterns) => _patterns = [.. patterns.Select(Compile)];

    private ArgumentRedaction()
    {
    }

    /// <summary>What is hidden unless something else is asked for.</summary>
    public static ArgumentRedaction Default { get; } = new();

    /// <summary>
    /// A .NET regular expression in which <c>^</c> and <c>$</c> stand for the ends of an argument. Lookarounds and references back, which could
    /// take any time, are refused.
    /// </summary>
    /// <exception cref="ArgumentException">It is none, or takes what is refused; the message says what.</exception>
    public static Regex Compile(string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.NonBacktracking | RegexOptions.Multiline | RegexOptions.CultureInvariant);
        }
        catch (NotSupportedException exception)
        {
            throw new ArgumentException(exception.Message, nameof(pattern), exception);
        }
    }

    /// <summary>The arguments with secrets as <see cref="Hidden"/>. Where a pattern matches too often the last one says how much is not shown.</summary>
    /// <returns>The same list when there is nothing to hide.</returns>
    public IReadOnlyList<string> Hide(IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0 || _patterns is [])
        {
            return arguments;
        }

        var text = string.Join('\n', arguments.Select(static argument => argument.Replace('\n', '\r')));
        var end = text.Length;
        var hidden = _patterns is null ? CommonSecrets.Find(text) : Find(_patterns, text, ref end);
        return hidden is null || !hidden.Contains(true) ? arguments : Cut(arguments, hidden, end);
    }

    /// <param name="end">What is not looked at any more; unchanged where all is.</param>
    private static bool[]? Find(Regex[] patterns, string text, ref int end)
    {
        bool[]? hidden = null;
        foreach (var pattern in patterns)
        {
            var count = 0;
            for (var match = pattern.Match(text); match.Success; match = match.NextMatch())
            {
                if (++count > MaxMatches)
                {
                    end = Math.Min(end, match.Index);
                    break;
                }

                hidden ??= new bool[text.Length];
                Mark(match, hidden);
            }
        }

        return hidden;
    }

    private static void Mark(Match match, bool[] hidden)
    {
        if (match.Groups.Count == 1)
        {
            hidden.AsSpan(match.Index, match.Length).Fill(true);
            return;
        }

        foreach (var group in match.Groups.Cast<Group>().Skip(1).Where(static group => group.Success))
        {
            hidden.AsSpan(group.Index, group.Length).Fill(true);
        }
    }

    private static List<string> Cut(IReadOnlyList<string> arguments, bool[] hidden, int end)
    {
        var shown = new List<string>(arguments.Count);
        var text = new StringBuilder();
        for (int i = 0, start = 0; i < arguments.Count && start <= end; start += arguments[i].Length + 1, i++)
        {
            text.Clear();
            for (var at = 0; at < arguments[i].Length && start + at < end; at++)
            {
                if (!hidden[start + at])
                {
                    text.Append(arguments[i][at]);
                }
                else if (at == 0 || !hidden[start + at - 1])
                {
                    text.Append(Hidden);
                }
            }

            shown.Add(text.ToString());
        }

        if (end < hidden.Length)
        {
            shown[^1] += $"{Hidden} ({hidden.Length - end} more characters are not shown: a pattern matched more than {MaxMatches} times)";
        }

        return shown;
    }
}

using System.Buffers;
using System.Text;
using System.Text.RegularExpressions;

namespace KubeCop.Core.Alerts;

/// <summary>
/// Hides secrets in the arguments of programs that alerts show. Patterns see a list of arguments as one text, an argument a line, so that one
/// may look at an option and at the value behind it; a line end inside an argument is a carriage return to them. What the groups of a pattern
/// match is hidden, all of the match where it has none. Takes time linear in the text, whatever a container chose. For any thread.
/// </summary>
public sealed class ArgumentRedaction
{
    /// <summary>What stands in the place of a secret, whatever its length.</summary>
    public const string Hidden = "***";

    /// <summary>Of one pattern in one list of arguments; behind so many everything is hidden, because each more may take a look at the whole rest.</summary>
    private const int MaxMatches = 64;

    /// <summary>Classes of ASCII, because those of Unicode take a table of 64 KiB for each pattern.</summary>
    private const string Name = "[a-zA-Z0-9_.-]*";

    private const string Word =
        "(?:pass(?:wd|word|phrase|code)?|pwd|secret|token|credentials?|(?:api|access|account|secret|private|signing|encryption)[_-]?key)";

    private static readonly Pattern[] DefaultPatterns =
    [
        // --password=VALUE and --password VALUE. The value is the rest of an argument only where that is an option: a command that a shell is
        // given may go on behind a password, and what it does is what the alert is about.
        new($@"(?i)^--?{Name}{Word}[=\n](.+)$", "pass", "pwd", "secret", "token", "credential", "key"),

        // PGPASSWORD=VALUE, "token": "VALUE", X-Api-Key: VALUE, ?secret=VALUE
        new($"""(?i){Word}["']? *[=:] *(?:"([^"\n]+)|'([^'\n]+)|([^\x00- "';&|,)\x7d]+))""", "pass", "pwd", "secret", "token", "credential", "key"),
        new(@"(?i)authorization: *[a-z]+ +([^\x00- ""']+)", "authorization"),
        new("(?i)(?:^|[^a-z0-9])bearer +([a-z0-9_.~+/=-]{8,})", "bearer"),

        // curl's -u USER:VALUE, and URLs with USER:VALUE@
        new(@"(?i)^(?:-u|--user|--proxy-user)[=\n][^:\n]*:((?:[^/\n]|/[^/\n]).*)$", "-u\n", "-u=", "user\n", "user="),
        new(@"[a-zA-Z][a-zA-Z0-9+.-]*://[^\x00- :/@]*:([^\x00- @]+)@", "://"),

        // Keys that tell by themselves what they are: of AWS, GitHub, GitLab, Slack, JSON Web Tokens (RFC 7519), private ones (RFC 7468).
        new("(?:^|[^A-Za-z0-9])((?:AKIA|ASIA)[A-Z0-9]{16})", "AKIA", "ASIA"),
        new(
            @"(?:^|[^A-Za-z0-9])(gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,}|xox[abeprs]-[A-Za-z0-9-]{10,})",
            "gho_", "ghp_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xox"),
        new(@"(?:^|[^A-Za-z0-9])(eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+)", "eyJ"),
        new("-----BEGIN [A-Z ]*PRIVATE KEY-----([^-]+)", "PRIVATE KEY"),
    ];

    private readonly Pattern[] _patterns;

    /// <param name="patterns">As of <see cref="Compile"/>.</param>
    public ArgumentRedaction(IEnumerable<string> patterns) => _patterns = [.. patterns.Select(static pattern => new Pattern(pattern))];

    private ArgumentRedaction() => _patterns = DefaultPatterns;

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

    /// <summary>The arguments with secrets as <see cref="Hidden"/>.</summary>
    /// <returns>The same list when there is nothing to hide.</returns>
    public IReadOnlyList<string> Hide(IReadOnlyList<string> arguments)
    {
        if (arguments.Count == 0 || _patterns.Length == 0)
        {
            return arguments;
        }

        var text = string.Join('\n', arguments.Select(static argument => argument.Replace('\n', '\r')));
        bool[]? hidden = null;
        foreach (var pattern in _patterns.Where(pattern => pattern.MayMatch(text)))
        {
            var count = 0;
            for (var match = pattern.Expression.Match(text); match.Success; match = match.NextMatch())
            {
                hidden ??= new bool[text.Length];
                if (++count > MaxMatches)
                {
                    hidden.AsSpan(match.Index).Fill(true);
                    break;
                }

                Mark(match, hidden);
            }
        }

        return hidden is null || !hidden.Contains(true) ? arguments : Cut(arguments, hidden);
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

    private static string[] Cut(IReadOnlyList<string> arguments, bool[] hidden)
    {
        var shown = new string[arguments.Count];
        var text = new StringBuilder();
        for (int i = 0, start = 0; i < arguments.Count; start += arguments[i].Length + 1, i++)
        {
            text.Clear();
            for (var at = 0; at < arguments[i].Length; at++)
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

            shown[i] = text.ToString();
        }

        return shown;
    }

    /// <param name="hints">One of them is in every text that it matches, in any case; none where that is not known.</param>
    private sealed class Pattern(string pattern, params string[] hints)
    {
        private readonly SearchValues<string>? _hints = hints.Length > 0 ? SearchValues.Create(hints, StringComparison.OrdinalIgnoreCase) : null;
        private Regex? _expression;

        // Made when it may match for the first time: all of them take 0.2 s and 8 MiB, and most nodes never see a secret.
        public Regex Expression => _expression ??= Compile(pattern);

        public bool MayMatch(string text) => _hints is null || text.AsSpan().ContainsAny(_hints);
    }
}

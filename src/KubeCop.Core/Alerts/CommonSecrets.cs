using System.Buffers;

namespace KubeCop.Core.Alerts;

/// <summary>
/// Finds what looks like a secret in arguments: values of options, variables, headers and JSON with names like <c>password</c>, passwords in URLs
/// and of some programs, and keys that tell by themselves what they are. A value ends where a shell would begin something else
/// (<see cref="IsCommand"/>): what is run is never a part of it. Each character is looked at a bounded number of times, whatever a container chose.
/// </summary>
internal sealed class CommonSecrets
{
    /// <summary>The longest password of a URL, and the longest header of a JSON Web Token, that is looked for.</summary>
    private const int MaxLength = 2048;

    /// <summary>The shortest line of a key in PEM form but its last. RFC 7468 has lines of 64 characters; this is longer than words of a command are.</summary>
    private const int ShortestLine = 32;

    /// <summary>The shortest name of a URL's user without a password that is taken for a token, as servers of git accept it; people's names are shorter.</summary>
    private const int ShortestToken = 20;

    private const string Begin = "-----BEGIN ";
    private const string Dashes = "-----";

    /// <summary>At the end of names of what is a secret.</summary>
    private static readonly string[] SecretNames =
        ["pass", "passwd", "password", "passphrase", "passcode", "pwd", "secret", "token", "credential", "credentials"];

    /// <summary>Which keys are secrets, as in <c>api-key</c>, <c>SECRET_KEY</c> and <c>accesskey</c>.</summary>
    private static readonly string[] SecretKeys = ["api", "access", "account", "secret", "private", "signing", "encryption", "auth", "master"];

    /// <summary>Where the shell is and was, which has a name like a secret's.</summary>
    private static readonly string[] Directories = ["PWD", "OLDPWD"];

    private static readonly SearchValues<char> BetweenWords = SearchValues.Create(
        [.. Enumerable.Range(0, ' ' + 1).Select(static code => (char)code), '"', '\'', '`', ';', '|', '&', '(', ')', '<', '>']);

    private readonly string _text;
    private readonly int _environmentEnd;
    private bool[]? _hidden;

    private CommonSecrets(string text) => (_text, _environmentEnd) = (text, EnvironmentEnd(text));

    /// <param name="text">The arguments, one a line; a line end inside one is a carriage return.</param>
    /// <returns>For each character whether it is a secret's; null when none is.</returns>
    public static bool[]? Find(string text)
    {
        var secrets = new CommonSecrets(text);
        secrets.FindNamed();
        secrets.FindOfPrograms();
        secrets.FindInUrls();
        secrets.FindPrivateKeys();
        return secrets._hidden;
    }

    private void FindNamed()
    {
        for (var at = 0; at < _text.Length; at++)
        {
            if (!IsOfName(_text[at]))
            {
                continue;
            }

            var start = at;
            while (IsOfName(At(at)))
            {
                at++;
            }

            FindKeys(start, at);
            var name = _text.AsSpan(start, at - start);
            if (IsSecretName(name))
            {
                HideNamed(start, at);
            }
            else if (name.EndsWith("authorization", StringComparison.OrdinalIgnoreCase))
            {
                HideAuthorization(at);
            }
            else if (name.Equals("bearer", StringComparison.OrdinalIgnoreCase))
            {
                HideBearer(at);
            }
        }
    }

    /// <summary>Of several, names are numbered.</summary>
    private static bool IsSecretName(ReadOnlySpan<char> name)
    {
        name = name.TrimEnd("0123456789_-");
        if (EndsWithAny(name, SecretNames))
        {
            return !Directories.AsSpan().Contains(name.ToString());
        }

        return name.EndsWith("key", StringComparison.OrdinalIgnoreCase) && EndsWithAny(name[..^3].TrimEnd("_-"), SecretKeys);
    }

    private static bool EndsWithAny(ReadOnlySpan<char> name, string[] ends)
    {
        foreach (var end in ends)
        {
            if (name.EndsWith(end, StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    /// <param name="start">Of the name.</param>
    /// <param name="end">Of the name.</param>
    private void HideNamed(int start, int end)
    {
        var isOption = _text[start] == '-' && (start == 0 || BetweenWords.Contains(_text[start - 1]));
        var isWholeArgument = IsArgument(start) && (isOption || start < _environmentEnd);
        var named = AfterQuote(end);
        var at = AfterSpaces(named);
        switch (At(at))
        {
            case '=' when isWholeArgument && at == end:
                HideRest(at + 1);
                break;

            // A shell takes what comes after NAME= and a space for a command.
            case '=':
                HideWord(at > named ? AfterSpaces(at + 1) : at + 1, isInList: false);
                break;

            // Behind a slash it is a file, as in the mount /etc/passwd:/etc/passwd.
            case ':' when start == 0 || _text[start - 1] != '/':
                HideWord(AfterSpaces(at + 1), isInList: true);
                break;
            case '\n' when isOption && IsArgument(start) && at == end && At(at + 1) != '-':
                HideRest(at + 1);
                break;
            case not ('\n' or '-') when isOption && named == end && at > end:
                HideWord(at, isInList: false);
                break;
        }
    }

    /// <summary><c>Authorization: SCHEME VALUE</c>, or without a scheme.</summary>
    private void HideAuthorization(int end)
    {
        var at = AfterQuote(end);
        if (At(at) is not (':' or '='))
        {
            return;
        }

        at = AfterQuote(AfterSpaces(at + 1));
        var scheme = at;
        while (char.IsAsciiLetterOrDigit(At(scheme)) || At(scheme) == '-')
        {
            scheme++;
        }

        HideWord(At(scheme) == ' ' ? AfterSpaces(scheme) : at, isInList: true);
    }

    private void HideBearer(int end)
    {
        var start = AfterSpaces(end);
        var at = start;
        while (IsOfName(At(at)) || At(at) is '~' or '+' or '/' or '=')
        {
            at++;
        }

        // Shorter ones are words of a sentence.
        if (start > end && at - start >= 8)
        {
            Hide(start, at);
        }
    }

    /// <summary>Those of AWS, GitHub, GitLab and Slack, and JSON Web Tokens (RFC 7519).</summary>
    private void FindKeys(int start, int end)
    {
        for (var at = start; at < end; at++)
        {
            if (at > start && char.IsAsciiLetterOrDigit(_text[at - 1]))
            {
                continue;
            }

            var length = KeyLength(_text.AsSpan(at, end - at));
            Hide(at, at + length);
            at += length;
        }
    }

    private static int KeyLength(ReadOnlySpan<char> text) => text switch
    {
        ['A', 'K' or 'S', 'I', 'A', ..] => Length(text, 4, 16, static character => char.IsAsciiLetterUpper(character) || char.IsAsciiDigit(character)) is 20 and var length ? length : 0,
        ['g', 'h', 'o' or 'p' or 's' or 'u' or 'r', '_', ..] => Length(text, 4, 20, char.IsAsciiLetterOrDigit),
        ['g', 'i', 't', 'h', 'u', 'b', '_', 'p', 'a', 't', '_', ..] => Length(text, 11, 20, static character => char.IsAsciiLetterOrDigit(character) || character == '_'),
        ['g', 'l', 'p', 'a', 't', '-', ..] => Length(text, 6, 20, static character => character != '.'),
        ['x', 'o', 'x', 'a' or 'b' or 'e' or 'p' or 'r' or 's', '-', ..] => Length(text, 5, 10, static character => character is not ('.' or '_')),
        ['e', 'y', 'J', ..] when text[..Math.Min(text.Length, MaxLength)].IndexOf(".eyJ", StringComparison.Ordinal) is >= 11 and var dot
            && text[(dot + 4)..].IndexOf('.') >= 8 => text.Length,
        _ => 0,
    };

    /// <returns>0 when less than the least many follow the prefix.</returns>
    private static int Length(ReadOnlySpan<char> text, int prefix, int least, Func<char, bool> isOfKey)
    {
        var length = prefix;
        while (length < text.Length && isOfKey(text[length]))
        {
            length++;
        }

        return length - prefix >= least ? length : 0;
    }

    /// <summary>What programs take as a password or as <c>USER:PASSWORD</c>, also where a shell starts them.</summary>
    private void FindOfPrograms()
    {
        var program = PasswordOption.None;
        for (var at = 0; at < _text.Length;)
        {
            if (BetweenWords.Contains(_text[at]))
            {
                program = _text[at] is ';' or '|' or '&' or '\r' or '(' or '`' ? PasswordOption.None : program;
                at++;
                continue;
            }

            var start = at;
            while (at < _text.Length && !BetweenWords.Contains(_text[at]))
            {
                at++;
            }

            var word = _text.AsSpan(start, at - start);
            if (word[0] != '-')
            {
                program = PasswordOption.Of(word) ?? program;
            }
            else if (UserOption(word, program) is > 0 and var length)
            {
                HideUser(length < word.Length ? start + length : Value(start, at), length < word.Length ? IsArgument(start) : At(at) == '\n', program);
            }
            else if (program.Name.Length > 0 && word.StartsWith(program.Name, StringComparison.Ordinal))
            {
                if (word.Length > program.Name.Length)
                {
                    HideValue(start + program.Name.Length, IsArgument(start));
                }
                else if (program.TakesNext)
                {
                    HideValue(Value(start, at), At(at) == '\n');
                }
            }
        }
    }

    /// <returns>The length of the option before its value; 0 for another one.</returns>
    private static int UserOption(ReadOnlySpan<char> word, PasswordOption program)
    {
        foreach (var option in (ReadOnlySpan<string>)["--proxy-user", "--user", "-u"])
        {
            if (word.SequenceEqual(option) || (program.IsUser && option == "-u" && word.StartsWith(option)))
            {
                return option.Length;
            }

            if (word.StartsWith(option) && word[option.Length] == '=')
            {
                return option.Length + 1;
            }
        }

        return 0;
    }

    /// <returns>Where the value of an option begins that has it behind it; the end where there is none.</returns>
    private int Value(int start, int end)
    {
        var at = At(end) == '\n' && IsArgument(start) ? end + 1 : AfterSpaces(end);
        return At(at) is '"' or '\'' || (at > end && At(at) is not ('-' or '\n')) ? at : _text.Length;
    }

    private void HideUser(int start, bool isWholeArgument, PasswordOption program)
    {
        var user = isWholeArgument ? start : AfterQuote(start);
        var colon = user;
        while (At(colon) is not (':' or '\n' or ' ' or '"' or '\''))
        {
            colon++;
        }

        var end = colon + 1;
        while (char.IsAsciiDigit(At(end)))
        {
            end++;
        }

        // Others' -u takes a URL, or the numbers of a user and a group.
        if (At(colon) != ':' || (At(colon + 1) == '/' && At(colon + 2) == '/')
            || (!program.IsUser && (end == _text.Length || BetweenWords.Contains(_text[end])) && !_text.AsSpan(user, colon - user).ContainsAnyExceptInRange('0', '9')))
        {
            return;
        }

        if (user > start)
        {
            HideQuoted(colon + 1, _text[user - 1], user - start - 1);
        }
        else
        {
            HideValue(colon + 1, isWholeArgument);
        }
    }

    private void FindInUrls()
    {
        for (var at = 0; (at = _text.IndexOf("://", at, StringComparison.Ordinal)) >= 0;)
        {
            at += 3;
            var colon = at;
            while (!EndsAuthority(At(colon)) && At(colon) is not (':' or '@' or '['))
            {
                colon++;
            }

            if (At(colon) == ':' && PasswordEnd(colon + 1) is > 0 and var end)
            {
                HidePlain(colon + 1, end);
            }
            else if (At(colon) == '@' && colon - at >= ShortestToken)
            {
                HidePlain(at, colon);
            }
        }
    }

    /// <summary>A password may hold an @, and, where that cannot be a port, what would end the authority (RFC 3986, 3.2), which some programs take.</summary>
    /// <returns>Where the @ before the host is; 0 for none.</returns>
    private int PasswordEnd(int start)
    {
        var longest = _text.AsSpan(start, Math.Min(_text.Length - start, MaxLength));
        var end = 0;
        while (end < longest.Length && !EndsAuthority(longest[end]))
        {
            end++;
        }

        var last = longest[..end].LastIndexOf('@');
        if (last < 0 && longest[..end].ContainsAnyExceptInRange('0', '9') && end < longest.Length && longest[end] is '/' or '?' or '#')
        {
            last = longest.IndexOfAny('@', ' ') is >= 0 and var next && longest[next] == '@' && !longest[..next].ContainsAny("\n\r\"'") ? next : -1;
        }

        return last < 0 ? 0 : start + last;
    }

    private static bool EndsAuthority(char character) => character is <= ' ' or '/' or '?' or '#' or '"' or '\'';

    /// <summary>Only what can be a key, between two markers of the same kind: anybody can write a marker before his commands.</summary>
    private void FindPrivateKeys()
    {
        for (var at = 0; (at = _text.IndexOf(Begin, at, StringComparison.Ordinal)) >= 0;)
        {
            at += Begin.Length;
            var rest = _text.AsSpan(at);
            var length = rest[..Math.Min(rest.Length, 64)].IndexOf(Dashes, StringComparison.Ordinal);
            if (length < 0 || !rest[..length].Contains("PRIVATE KEY", StringComparison.Ordinal))
            {
                continue;
            }

            var start = at + length + Dashes.Length;
            var end = KeyEnd(start);
            if (_text.AsSpan(end).StartsWith($"{Dashes}END {rest[..length]}{Dashes}", StringComparison.Ordinal))
            {
                Hide(start, end);
            }
        }
    }

    private int KeyEnd(int start)
    {
        for (var at = AfterLineEnds(start); ;)
        {
            var line = at;
            while (char.IsAsciiLetterOrDigit(At(at)) || At(at) is '+' or '/' or '=')
            {
                at++;
            }

            var isLast = at - line < ShortestLine;
            at = AfterLineEnds(at);
            if (isLast)
            {
                return at;
            }
        }
    }

    /// <summary>Spaces, and line ends also as they are written in JSON.</summary>
    private int AfterLineEnds(int at)
    {
        while (true)
        {
            if (At(at) is ' ' or '\t' or '\r')
            {
                at++;
            }
            else if (At(at) == '\\' && At(at + 1) is 'n' or 'r')
            {
                at += 2;
            }
            else
            {
                return at;
            }
        }
    }

    private void HideValue(int start, bool isWholeArgument)
    {
        if (isWholeArgument)
        {
            HideRest(start);
        }
        else
        {
            HideWord(start, isInList: false);
        }
    }

    /// <summary>The rest of an argument.</summary>
    private void HideRest(int start)
    {
        var end = _text.IndexOf('\n', Math.Min(start, _text.Length));
        HidePlain(start, end < 0 ? _text.Length : end);
    }

    /// <summary>A word, or what is in quotation marks, also in those of JSON inside of others.</summary>
    /// <param name="isInList">Whether a comma or a bracket ends it.</param>
    private void HideWord(int start, bool isInList)
    {
        var quoted = AfterQuote(start);
        if (quoted > start)
        {
            HideQuoted(quoted, _text[quoted - 1], quoted - start - 1);
            return;
        }

        var end = start;
        while (At(end) is not (<= ' ' or '"' or '\'' or '(' or ')' or '<' or '>') && !IsCommand(end) && !(isInList && At(end) is ',' or '}' or ']'))
        {
            if (At(end) == '\\')
            {
                if (At(end + 1) is '"' or '\'')
                {
                    break;
                }

                end += At(end + 1) == ' ' ? 1 : 0;
            }

            end++;
        }

        Hide(start, end);
    }

    /// <param name="slashes">How many were before the quotation mark: it is inside of that many others, which double them (0, 1, 3 …).</param>
    private void HideQuoted(int start, char quote, int slashes)
    {
        for (var end = start; ;)
        {
            var escapes = 0;
            while (At(end + escapes) == '\\')
            {
                escapes++;
            }

            if (At(end + escapes) == '\n' || (escapes == 0 && IsCommand(end)))
            {
                Hide(start, end + escapes);
                return;
            }

            if (At(end + escapes) == quote && (escapes <= slashes || quote == '\'' || (escapes - slashes) % (2 * (slashes + 1)) == 0))
            {
                Hide(start, end + Math.Max(escapes - slashes, 0));
                return;
            }

            // A command behind slashes is looked at in the next round.
            end += escapes == 0 ? 1 : escapes + (At(end + escapes) == quote ? 1 : 0);
        }
    }

    /// <summary>As far as no command begins.</summary>
    private void HidePlain(int start, int end)
    {
        var at = start;
        while (at < end && !IsCommand(at))
        {
            at++;
        }

        Hide(start, at);
    }

    private void Hide(int start, int end)
    {
        if (end > start)
        {
            _hidden ??= new bool[_text.Length];
            _hidden.AsSpan(start, end - start).Fill(true);
        }
    }

    /// <summary>Whether a shell might begin a command or a line here.</summary>
    private bool IsCommand(int at) => _text[at] is ';' or '|' or '&' or '`' or '\r' || (_text[at] is '$' or '<' or '>' && At(at + 1) == '(');

    private bool IsArgument(int start) => start == 0 || _text[start - 1] == '\n';

    private int AfterSpaces(int at)
    {
        while (At(at) == ' ')
        {
            at++;
        }

        return at;
    }

    /// <returns>The same where there is none.</returns>
    private int AfterQuote(int at)
    {
        var quote = at;
        while (At(quote) == '\\')
        {
            quote++;
        }

        return At(quote) is '"' or '\'' ? quote + 1 : at;
    }

    /// <summary>The end of the text is that of an argument.</summary>
    private char At(int at) => at < _text.Length ? _text[at] : '\n';

    private static bool IsOfName(char character) => char.IsAsciiLetterOrDigit(character) || character is '_' or '.' or '-';

    /// <summary>env(1) takes variables first, whose values are the rest of their arguments.</summary>
    /// <returns>Where they end; 0 for other programs.</returns>
    private static int EnvironmentEnd(string text)
    {
        var end = text.IndexOf('\n');
        if (end < 0 || !(text.AsSpan(0, end) is "env" || text.AsSpan(0, end).EndsWith("/env")))
        {
            return 0;
        }

        while (end < text.Length)
        {
            var next = text.IndexOf('\n', end + 1);
            next = next < 0 ? text.Length : next;
            var argument = text.AsSpan(end + 1, next - end - 1);
            if (argument is not "-i" && (argument.IndexOf('=') is var sign && (sign <= 0 || argument[..sign].ContainsAny(BetweenWords) || argument[0] == '-')))
            {
                break;
            }

            end = next;
        }

        return end;
    }

    /// <summary>The short option with which a program takes a password.</summary>
    /// <param name="TakesNext">Whether the password may also be the next word.</param>
    /// <param name="IsUser">Whether it is behind a user's name and a colon.</param>
    private readonly record struct PasswordOption(string Name, bool TakesNext, bool IsUser = false)
    {
        public static readonly PasswordOption None = new("", false);

        /// <param name="word">A program's name or path, or anything else.</param>
        public static PasswordOption? Of(ReadOnlySpan<char> word) => word[(word.LastIndexOf('/') + 1)..] switch
        {
            "curl" => new("", false, IsUser: true),
            "sshpass" => new("-p", true),
            "redis-cli" => new("-a", true),
            var name when name.StartsWith("mysql") || name.StartsWith("mariadb") => new("-p", false),
            var name when name.StartsWith("mongo") => new("-p", true),
            _ => null,
        };
    }
}

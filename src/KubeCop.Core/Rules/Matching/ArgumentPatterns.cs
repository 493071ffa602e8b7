using System.Collections.Frozen;
using System.Text;
using KubeCop.Core.Profiles;

namespace KubeCop.Core.Rules.Matching;

/// <summary>
/// The argument lists of one program that a profile has, to ask whether another one is like them. Lists are compared word by word, the
/// words of an argument each for itself:
/// <list type="bullet">
/// <item>Numbers, identifiers such as UUIDs and hashes, and names below /tmp, /var/tmp and /dev/shm are alike wherever they stand.</item>
/// <item>Where lists of as many words differ while learning, another word is like them; but not an option, and in what a shell or an
/// interpreter is given not a command: the first word, and each behind <c>;</c>, <c>|</c>, <c>&amp;</c> or a bracket.</item>
/// <item>Where the profile has as many lists as it keeps of a program, or an entry for any arguments
/// (<see cref="ExecItem.AnyArguments"/>), any list is.</item>
/// </list>
/// Words are compared by hashes whose seed nobody outside knows. Asking allocates nothing.
/// </summary>
internal sealed class ArgumentPatterns
{
    /// <summary>Lists of more words are only compared as a whole.</summary>
    private const int MaxWords = 128;

    private const string Separators = " \t\r\n;|&()<>{}`$\"'=,:";

    /// <summary>Those behind which a shell expects a command.</summary>
    private const string CommandSeparators = "\n;|&(`{";

    private static readonly string[] TemporaryDirectories = ["/tmp/", "/var/tmp/", "/dev/shm/"];

    private readonly bool _isAny;
    private readonly bool _isInterpreter;
    private readonly FrozenSet<int> _whole;
    private readonly FrozenDictionary<int, (UInt128 Variable, FrozenSet<int> Others)> _byWords;

    /// <param name="lists">Those of one program, without its name.</param>
    /// <param name="isInterpreter">It carries out commands.</param>
    /// <param name="isAny">Any other list is like them.</param>
    private ArgumentPatterns(IReadOnlyList<IReadOnlyList<string>> lists, bool isInterpreter, bool isAny)
    {
        _isAny = isAny || lists.Count >= ExecItem.MaxArgumentLists;
        _isInterpreter = isInterpreter;
        _whole = FrozenSet<int>.Empty;
        _byWords = FrozenDictionary<int, (UInt128 Variable, FrozenSet<int> Others)>.Empty;
        if (_isAny)
        {
            return;
        }

        var words = new Word[MaxWords];
        var learned = new List<Word[]>();
        var whole = new HashSet<int>();
        foreach (var list in lists)
        {
            var count = Read(list, 0, words, out var hash);
            whole.Add(hash);
            if (count <= MaxWords)
            {
                learned.Add(words[..count]);
            }
        }

        _whole = whole.ToFrozenSet();
        _byWords = learned.GroupBy(static one => one.Length).ToFrozenDictionary(static group => group.Key, static group =>
        {
            var variable = VariableIn([.. group]);
            return (variable, group.Select(one => HashOfOthers(one, variable)).ToFrozenSet());
        });
    }

    /// <summary>The patterns of all programs of a profile, by path and executable; an executable that is empty stands for any.</summary>
    public static FrozenDictionary<(string Path, string Executable), ArgumentPatterns> Of(ContainerProfile profile) => profile.Execs
        .GroupBy(static exec => exec.Path, StringComparer.Ordinal)
        .SelectMany(static path => path.Select(static exec => exec.Executable).Distinct(StringComparer.Ordinal).Select(executable => (Path: path, Executable: executable)))
        .ToFrozenDictionary(
            static program => (program.Path.Key, program.Executable),
            static program => new ArgumentPatterns(
                [.. program.Path.Where(exec => exec.Executable.Length == 0 || exec.Executable == program.Executable).Select(static exec => exec.Args)],
                CommandInterpreter.Is(program.Path.Key, program.Executable, []),
                program.Path.Any(exec => IsAny(exec) && (exec.Executable.Length == 0 || exec.Executable == program.Executable))));

    /// <param name="arguments">argv, the program's name included.</param>
    public bool Cover(IReadOnlyList<string> arguments)
    {
        if (_isAny)
        {
            return true;
        }

        Span<Word> words = stackalloc Word[MaxWords];
        var count = Read(arguments, 1, words, out var whole);
        return _whole.Contains(whole)
            || (_byWords.TryGetValue(count, out var pattern) && pattern.Variable != 0 && pattern.Others.Contains(HashOfOthers(words[..count], pattern.Variable)));
    }

    /// <summary>The arguments with what is alike written alike, for people and for folding: <c>-n 0 /tmp/*</c>.</summary>
    /// <param name="arguments">argv, the program's name included.</param>
    public static string TextOf(IReadOnlyList<string> arguments)
    {
        var text = new StringBuilder();
        Span<char> alike = stackalloc char[256];
        for (var i = 1; i < arguments.Count; i++)
        {
            text.Append(i > 1 ? " " : "");
            var rest = arguments[i].AsSpan();
            while (!rest.IsEmpty)
            {
                var length = LengthOfWord(rest);
                if (length == 0)
                {
                    text.Append(rest[0]);
                    rest = rest[1..];
                    continue;
                }

                for (var word = Alike(rest[..length]); !word.IsEmpty;)
                {
                    text.Append(alike[..Normalize(ref word, alike)]);
                }

                rest = rest[length..];
            }
        }

        return text.ToString();
    }

    private static bool IsAny(ExecEntry exec) => exec.Args is [ExecItem.AnyArguments] || (exec.Executable.Length == 0 && exec.Args.Count == 0);

    /// <returns>How many there are; those beyond the room are not kept.</returns>
    private int Read(IReadOnlyList<string> arguments, int first, Span<Word> words, out int whole)
    {
        var (count, hash) = (0, 0);
        var isCommand = _isInterpreter;
        for (var i = first; i < arguments.Count; i++)
        {
            // Where an argument begins makes a difference: "a b" is not "a" "b".
            Add(words, new Word(1, IsFixed: true));
            var rest = arguments[i].AsSpan();
            while (!rest.IsEmpty)
            {
                var length = LengthOfWord(rest);
                if (length == 0)
                {
                    isCommand |= _isInterpreter && CommandSeparators.Contains(rest[0]);
                    if (!char.IsWhiteSpace(rest[0]))
                    {
                        Add(words, new Word(rest[0], IsFixed: true));
                    }

                    rest = rest[1..];
                    continue;
                }

                var isOption = rest[0] == '-';
                Add(words, new Word(HashOf(rest[..length]), isOption || isCommand));
                isCommand &= isOption;
                rest = rest[length..];
            }
        }

        whole = hash;
        return count;

        void Add(Span<Word> words, Word word)
        {
            if (count < words.Length)
            {
                words[count] = word;
            }

            count++;
            hash = HashCode.Combine(hash, word.Hash);
        }
    }

    private static int LengthOfWord(ReadOnlySpan<char> text) => text.IndexOfAny(Separators) is var end and >= 0 ? end : text.Length;

    private static UInt128 VariableIn(Word[][] lists)
    {
        UInt128 variable = 0;
        for (var place = 0; place < lists[0].Length; place++)
        {
            if (lists.Select(list => list[place]).Where(static word => !word.IsFixed).Distinct().Take(2).Count() > 1)
            {
                variable |= UInt128.One << place;
            }
        }

        return variable;
    }

    private static int HashOfOthers(ReadOnlySpan<Word> words, UInt128 variable)
    {
        var hash = 0;
        for (var place = 0; place < words.Length; place++)
        {
            hash = HashCode.Combine(hash, !words[place].IsFixed && (variable >> place & 1) != 0 ? 0 : words[place].Hash);
        }

        return hash;
    }

    private static int HashOf(ReadOnlySpan<char> word)
    {
        Span<char> alike = stackalloc char[256];
        var hash = 0;
        for (word = Alike(word); !word.IsEmpty;)
        {
            hash = HashCode.Combine(hash, string.GetHashCode(alike[..Normalize(ref word, alike)]));
        }

        return hash;
    }

    private static ReadOnlySpan<char> Alike(ReadOnlySpan<char> word)
    {
        foreach (var directory in TemporaryDirectories)
        {
            if (word.StartsWith(directory, StringComparison.Ordinal))
            {
                return word[..directory.Length];
            }
        }

        return word;
    }

    /// <summary>Writes the beginning of a word with what is alike written alike, as much as there is room for, and takes it off the word.</summary>
    private static int Normalize(ref ReadOnlySpan<char> word, scoped Span<char> alike)
    {
        const int LengthOfUuid = 36;
        var length = 0;
        while (!word.IsEmpty && length < alike.Length)
        {
            if (!char.IsAsciiLetterOrDigit(word[0]))
            {
                alike[length++] = word[0];
                word = word[1..];
                continue;
            }

            if (word.Length >= LengthOfUuid && word[8] == '-' && Guid.TryParseExact(word[..LengthOfUuid], "D", out _))
            {
                alike[length++] = '#';
                word = word[LengthOfUuid..];
                continue;
            }

            var run = word[..(IndexOfNoLetterOrDigit(word) is var end and >= 0 ? end : word.Length)];
            if (IsIdentifier(run))
            {
                alike[length++] = '#';
                word = word[run.Length..];
                continue;
            }

            if (run.Length > alike.Length - length && length > 0)
            {
                break;
            }

            foreach (var character in run[..Math.Min(run.Length, alike.Length - length)])
            {
                word = word[1..];
                if (!char.IsAsciiDigit(character))
                {
                    alike[length++] = character;
                }
                else if (length == 0 || alike[length - 1] != '0')
                {
                    alike[length++] = '0';
                }
            }
        }

        return length;
    }

    private static int IndexOfNoLetterOrDigit(ReadOnlySpan<char> text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (!char.IsAsciiLetterOrDigit(text[i]))
            {
                return i;
            }
        }

        return -1;
    }

    // Hashes and random names: at least eight letters and digits, at least two of these among the others.
    private static bool IsIdentifier(ReadOnlySpan<char> run)
    {
        var digits = 0;
        foreach (var character in run)
        {
            digits += char.IsAsciiDigit(character) ? 1 : 0;
        }

        return run.Length >= 8 && digits >= 2 && digits < run.Length;
    }

    /// <param name="Hash">Of the word, written alike; of a separator the character.</param>
    /// <param name="IsFixed">It has to be the same.</param>
    private readonly record struct Word(int Hash, bool IsFixed);
}

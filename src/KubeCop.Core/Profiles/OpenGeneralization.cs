using System.Text;
using KubeCop.Core.Events;

namespace KubeCop.Core.Profiles;

/// <summary>
/// Makes one pattern of files whose names are of no matter: numbered, dated, temporary, by their hash. Where a directory has more than a
/// number of children of such a kind, <c>⋯</c> stands for all of them, and what is below them is united. What <see cref="SensitivePaths"/>
/// covers stays file by file.
/// <para>
/// It is a function of the set of files alone, so the order in which they were seen does not matter, and every file it is given is covered by
/// what it makes, with all its flags.
/// </para>
/// </summary>
public static class OpenGeneralization
{
    private const string Any = "⋯";

    /// <summary>As many as mkstemp(3) puts in a name, at least.</summary>
    private const int RandomLength = 6;

    private const string Random = "?";

    /// <param name="opens">A path once at most.</param>
    /// <param name="threshold">The most children of one kind that a directory keeps as they are; 0 makes no patterns.</param>
    /// <returns>In the order of their paths. Where it would take more shapes of patterns than can be looked up, the files as they are.</returns>
    public static IReadOnlyList<OpenEntry> Collapse(IReadOnlyList<OpenEntry> opens, int threshold)
    {
        if (threshold <= 0 || opens.Count <= threshold)
        {
            return opens;
        }

        var (kept, root) = (new List<OpenEntry>(), new Node());
        foreach (var open in opens)
        {
            if (PathPatterns.CanCover(open.Path) && !PathPatterns.IsPattern(open.Path) && !SensitivePaths.Covers(open.Path))
            {
                root.Add(open.Path.AsSpan(1), open);
            }
            else
            {
                kept.Add(open);
            }
        }

        root.Collapse(threshold);
        root.WriteTo(kept, "");
        if (!PathPatterns.HaveRoomFor(kept))
        {
            return opens;
        }

        return kept
            .GroupBy(static open => open.Path, StringComparer.Ordinal)
            .Select(static same => same.Aggregate(Unite))
            .OrderBy(static open => open.Path, StringComparer.Ordinal)
            .ToArray();
    }

    /// <summary>
    /// What names that differ only in what does not matter have in common: <c>#</c> stands for each number in them; all that have a random
    /// part (a hash, a UUID, what mkstemp(3) makes) are alike.
    /// </summary>
    /// <returns>Null for a name that is none of many.</returns>
    internal static string? KindOf(string name)
    {
        if (!name.AsSpan().ContainsAnyInRange('0', '9'))
        {
            return null;
        }

        foreach (var part in name.AsSpan().SplitAny('.', '-', '_'))
        {
            if (IsRandom(name.AsSpan()[part]))
            {
                return Random;
            }
        }

        var kind = new StringBuilder(name.Length);
        for (var i = 0; i < name.Length; i++)
        {
            if (!char.IsAsciiDigit(name[i]))
            {
                kind.Append(name[i]);
            }
            else if (i == 0 || !char.IsAsciiDigit(name[i - 1]))
            {
                kind.Append('#');
            }
        }

        return kind.ToString();
    }

    // Letters and digits in turn; words end with a number, or begin with one: base64, 2fa.
    private static bool IsRandom(ReadOnlySpan<char> part)
    {
        var changes = 0;
        for (var i = 1; i < part.Length; i++)
        {
            changes += char.IsAsciiDigit(part[i]) != char.IsAsciiDigit(part[i - 1]) ? 1 : 0;
        }

        return part.Length >= RandomLength && changes >= 2;
    }

    // An entry the user wrote as the very pattern that was made.
    private static OpenEntry Unite(OpenEntry one, OpenEntry other) => one with
    {
        Flags = OpenFlags.Names(OpenFlags.Parse(one.Flags) | OpenFlags.Parse(other.Flags)),
        FirstSeen = one.FirstSeen < other.FirstSeen ? one.FirstSeen : other.FirstSeen,
        Collapsed = one.Collapsed + other.Collapsed,
    };

    /// <summary>A file or directory, or both: what was one may have become the other.</summary>
    private sealed class Node
    {
        private readonly Dictionary<string, Node> _children = new(StringComparer.Ordinal);
        private uint _flags;
        private DateTimeOffset _firstSeen;

        /// <summary>Of how many files; 0 for a directory only.</summary>
        private int _files;

        public void Add(ReadOnlySpan<char> path, OpenEntry open)
        {
            var slash = path.IndexOf('/');
            var name = slash < 0 ? path : path[..slash];
            var children = _children.GetAlternateLookup<ReadOnlySpan<char>>();
            if (!children.TryGetValue(name, out var child))
            {
                children[name] = child = new Node();
            }

            if (slash < 0)
            {
                child.Add(OpenFlags.Parse(open.Flags), open.FirstSeen, files: 1);
            }
            else
            {
                child.Add(path[(slash + 1)..], open);
            }
        }

        public void Collapse(int threshold)
        {
            var any = new Node();
            foreach (var kind in _children.GroupBy(static child => KindOf(child.Key)).Where(kind => kind.Key is not null && kind.Count() > threshold).ToList())
            {
                foreach (var (name, child) in kind)
                {
                    any.Add(child);
                    _children.Remove(name);
                }
            }

            if (any._files > 0 || any._children.Count > 0)
            {
                _children.Add(Any, any);
            }

            foreach (var child in _children.Values)
            {
                child.Collapse(threshold);
            }
        }

        public void WriteTo(List<OpenEntry> opens, string path)
        {
            if (_files > 0)
            {
                opens.Add(new OpenEntry(path, OpenFlags.Names(_flags), _firstSeen, PathPatterns.IsPattern(path) ? _files : 0));
            }

            foreach (var (name, child) in _children)
            {
                child.WriteTo(opens, $"{path}/{name}");
            }
        }

        private void Add(uint flags, DateTimeOffset firstSeen, int files)
        {
            _firstSeen = _files == 0 || firstSeen < _firstSeen ? firstSeen : _firstSeen;
            _flags |= flags;
            _files += files;
        }

        private void Add(Node other)
        {
            if (other._files > 0)
            {
                Add(other._flags, other._firstSeen, other._files);
            }

            foreach (var (name, child) in other._children)
            {
                if (_children.TryGetValue(name, out var known))
                {
                    known.Add(child);
                }
                else
                {
                    _children.Add(name, child);
                }
            }
        }
    }
}

using System.Text;
using KubeCop.Core.Events;

namespace KubeCop.Core.Profiles;

/// <summary>
/// Makes one pattern of files whose names are of no matter: numbered, dated, temporary, by their hash. Where a directory has more than a
/// number of children of such a kind, <c>⋯</c> stands for all of them, and what is below them is united. What <see cref="SensitivePaths"/>
/// covers stays file by file. Where room is short it does so in steps with fewer children, then whatever their names.
/// <para>
/// It is a function of the set of files alone, so the order in which they were seen does not matter, and every file it is given is covered by
/// what it makes, with all its flags.
/// </para>
/// </summary>
public static class OpenGeneralization
{
    private const string Any = PathPatterns.AnySegment;

    /// <summary>As many as mkstemp(3) puts in a name, at least.</summary>
    private const int RandomLength = 6;

    private const string Random = "?";

    /// <summary>
    /// How much is collapsed, from what is always done to the most: a share of the children of one kind that a directory keeps, and how many
    /// of any names; 0 for all of them.
    /// </summary>
    private static readonly (double Kind, int Any)[] Steps = [(1, 0), (0.5, 1000), (0.3, 300), (0.2, 100), (0.1, 30), (0, 10)];

    /// <summary>The most that <see cref="Collapse(IReadOnlyList{OpenEntry}, int, int)"/> can do.</summary>
    public static int LastStep => Steps.Length - 1;

    /// <param name="opens">A path once at most.</param>
    /// <param name="threshold">The most children of one kind that a directory keeps as they are; 0 makes no patterns.</param>
    /// <returns>In the order of their paths. Where it would take more shapes of patterns than can be looked up, the files as they are.</returns>
    public static IReadOnlyList<OpenEntry> Collapse(IReadOnlyList<OpenEntry> opens, int threshold) => Collapse(opens, threshold, step: 0);

    /// <inheritdoc cref="Collapse(IReadOnlyList{OpenEntry}, int)"/>
    /// <param name="step">How hard, from 0 to <see cref="LastStep"/>. Each step covers what the one before did.</param>
    public static IReadOnlyList<OpenEntry> Collapse(IReadOnlyList<OpenEntry> opens, int threshold, int step)
    {
        var most = new Most(Math.Max(1, (int)(threshold * Steps[step].Kind)), Steps[step].Any);
        if (threshold <= 0 || opens.Count <= most.OfKind)
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

        root.Collapse(most, "");
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

    /// <summary>Of two entries of one path: an entry the user wrote as the very pattern that was made, or what was made of other files.</summary>
    public static OpenEntry Unite(OpenEntry one, OpenEntry other) => one with
    {
        Flags = OpenFlags.Names(OpenFlags.Parse(one.Flags) | OpenFlags.Parse(other.Flags)),
        FirstSeen = one.FirstSeen < other.FirstSeen ? one.FirstSeen : other.FirstSeen,
        // What the user wrote stands for sensitive files too.
        Collapsed = one.Collapsed == 0 || other.Collapsed == 0 ? 0 : Math.Max(one.Collapsed, other.Collapsed),
        Replicas = one.Replicas | other.Replicas,
    };

    /// <param name="OfKind">Children of one kind that a directory keeps.</param>
    /// <param name="OfAny">Children that it keeps in all; 0 for no limit.</param>
    private readonly record struct Most(int OfKind, int OfAny);

    /// <summary>A file or directory, or both: what was one may have become the other.</summary>
    private sealed class Node
    {
        private readonly Dictionary<string, Node> _children = new(StringComparer.Ordinal);
        private uint _flags;
        private ulong _replicas;
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
                child.Add(OpenFlags.Parse(open.Flags), open.Replicas, open.FirstSeen, files: 1);
            }
            else
            {
                child.Add(path[(slash + 1)..], open);
            }
        }

        public void Collapse(Most most, string path)
        {
            var any = new Node();
            foreach (var kind in _children.GroupBy(static child => KindOf(child.Key)).Where(kind => kind.Key is not null && kind.Count() > most.OfKind).ToList())
            {
                foreach (var (name, child) in kind)
                {
                    any.Add(child);
                    _children.Remove(name);
                }
            }

            if (most.OfAny > 0 && _children.Count > most.OfAny && !SensitivePaths.AreBelow(path))
            {
                foreach (var child in _children.Values)
                {
                    any.Add(child);
                }

                _children.Clear();
            }

            if (any._files > 0 || any._children.Count > 0)
            {
                _children.Add(Any, any);
            }

            foreach (var (name, child) in _children)
            {
                child.Collapse(most, $"{path}/{name}");
            }
        }

        public void WriteTo(List<OpenEntry> opens, string path)
        {
            if (_files > 0)
            {
                opens.Add(new OpenEntry(path, OpenFlags.Names(_flags), _firstSeen, PathPatterns.IsPattern(path) ? _files : 0, _replicas));
            }

            foreach (var (name, child) in _children)
            {
                child.WriteTo(opens, $"{path}/{name}");
            }
        }

        private void Add(uint flags, ulong replicas, DateTimeOffset firstSeen, int files)
        {
            _replicas |= replicas;
            _firstSeen = _files == 0 || firstSeen < _firstSeen ? firstSeen : _firstSeen;
            _flags |= flags;
            _files += files;
        }

        private void Add(Node other)
        {
            if (other._files > 0)
            {
                Add(other._flags, other._replicas, other._firstSeen, other._files);
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

using System.Buffers;
using System.Collections.Frozen;

namespace KubeCop.Core.Rules.Matching;

/// <summary>Names of files and directories, wherever they are in a path. Looking up allocates nothing, and is one pass over the path.</summary>
internal sealed class PathNames(IReadOnlyCollection<string> names)
{
    private readonly SearchValues<string> _texts = SearchValues.Create([.. names], StringComparison.Ordinal);
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _names =
        names.ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>Whether the file or a directory above it has one of the names.</summary>
    public bool Cover(ReadOnlySpan<char> path)
    {
        for (var from = 0; path[from..].IndexOfAny(_texts) is >= 0 and var found;)
        {
            var start = from + found;
            if (start == 0 || path[start - 1] == '/')
            {
                var name = path[start..];
                var end = name.IndexOf('/');
                if (_names.Contains(end < 0 ? name : name[..end]))
                {
                    return true;
                }
            }

            from = start + 1;
        }

        return false;
    }
}

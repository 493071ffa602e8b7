using System.Buffers;
using System.Collections.Frozen;

namespace KubeCop.Core.Rules.Matching;

/// <summary>
/// Files and directories by path: <c>/etc/shadow</c> a file; <c>/etc/sudoers.d/</c> all below a directory; <c>~/.ssh/id_rsa</c> such a file in any
/// directory. Looking up allocates nothing.
/// </summary>
internal sealed class FileSet
{
    private readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> _files;
    private readonly string[] _directories;
    private readonly string[] _filesAnywhere;
    private readonly SearchValues<char> _lastOfFilesAnywhere;
    private readonly SearchValues<string> _directoriesAnywhere;

    /// <param name="entries">As above.</param>
    public FileSet(IReadOnlyCollection<string> entries)
    {
        _files = entries.Where(static entry => !entry.StartsWith('~') && !entry.EndsWith('/'))
            .ToFrozenSet(StringComparer.Ordinal)
            .GetAlternateLookup<ReadOnlySpan<char>>();
        _directories = [.. entries.Where(static entry => !entry.StartsWith('~') && entry.EndsWith('/'))];
        _filesAnywhere = [.. entries.Where(static entry => entry.StartsWith('~') && !entry.EndsWith('/')).Select(static entry => entry[1..])];
        _lastOfFilesAnywhere = SearchValues.Create([.. _filesAnywhere.Select(static file => file[^1])]);
        _directoriesAnywhere = SearchValues.Create(
            [.. entries.Where(static entry => entry.StartsWith('~') && entry.EndsWith('/')).Select(static entry => entry[1..])],
            StringComparison.Ordinal);
    }

    public bool Covers(ReadOnlySpan<char> path)
    {
        if (_files.Contains(path))
        {
            return true;
        }

        foreach (var directory in _directories)
        {
            if (path.StartsWith(directory, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return path.ContainsAny(_directoriesAnywhere) || IsFileAnywhere(path);
    }

    private bool IsFileAnywhere(ReadOnlySpan<char> path)
    {
        if (path.IsEmpty || !_lastOfFilesAnywhere.Contains(path[^1]))
        {
            return false;
        }

        foreach (var file in _filesAnywhere)
        {
            if (path.EndsWith(file, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}

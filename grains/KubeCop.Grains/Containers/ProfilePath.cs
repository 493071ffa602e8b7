using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers;

/// <summary>
/// The name under which a profile knows a path. It is the path itself, except where that would change with every use or could be taken
/// for another file:
/// <list type="bullet">
/// <item><c>(truncated)…</c> and <c>(unreachable)…</c> before a path that is not whole or starts nowhere (a pipe, a detached mount): learned
/// and compared like any other, but never equal to a real path, nor below an ignored directory or mount.</item>
/// <item><c>\x2a</c> and <c>\xe2\x8b\xaf</c> for the names <c>*</c> and <c>⋯</c> in the path of an opened file, which make patterns of others.</item>
/// <item><c>..data</c> for the directory of a projected volume (ConfigMap, Secret, token) that the kubelet names after the time of its last
/// change, <c>..2026_01_31_12_00_00.1234567890</c>, and to which it points a link <c>..data</c>:
/// https://github.com/kubernetes/kubernetes/blob/master/pkg/volume/util/atomic_writer.go.</item>
/// <item><c>dir/#tmpfile</c> for a file without a name (O_TMPFILE), which the kernel calls <c>#inode</c>.</item>
/// </list>
/// Names are kept, up to a bound, so that using one again allocates nothing. Not thread safe.
/// </summary>
internal sealed class ProfilePath(int capacity = 1024)
{
    private const uint TemporaryFile = 0x400000;

    // A digit for each 0.
    private const string Timestamp = "..0000_00_00_00_00_00.";

    private readonly Dictionary<(string Mark, string Path), string> _marked = [];
    private readonly Dictionary<string, string> _literal = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _temporary = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _projected = new(StringComparer.Ordinal);

    /// <returns>Null where the event's path is its name, or it is about no file.</returns>
    public string? NameOf(in SensorEvent sensorEvent)
    {
        if (sensorEvent.Kind is not (EventKind.Exec or EventKind.Open))
        {
            return null;
        }

        if ((sensorEvent.Flags & EventFlags.PathUnreachable) != 0 || sensorEvent.Path.Length == 0)
        {
            return Mark(PathMark.Unreachable, sensorEvent.Path);
        }

        if ((sensorEvent.Flags & EventFlags.PathTruncated) != 0)
        {
            return Mark(PathMark.Truncated, sensorEvent.Path);
        }

        if (sensorEvent.Kind != EventKind.Open)
        {
            return null;
        }

        var literal = PathPatterns.IsPattern(sensorEvent.Path) ? Literal(sensorEvent.Path) : null;
        var name = literal ?? sensorEvent.Path;
        return (sensorEvent.Value & TemporaryFile) != 0 ? TemporaryBeside(name) : Projected(name) ?? literal;
    }

    private static int LengthOfTimestamp(ReadOnlySpan<char> name)
    {
        if (name.Length <= Timestamp.Length)
        {
            return 0;
        }

        for (var i = 0; i < Timestamp.Length; i++)
        {
            if (Timestamp[i] == '0' ? !char.IsAsciiDigit(name[i]) : name[i] != Timestamp[i])
            {
                return 0;
            }
        }

        // What os.MkdirTemp adds.
        var end = Timestamp.Length;
        while (end < name.Length && char.IsAsciiDigit(name[end]))
        {
            end++;
        }

        return end > Timestamp.Length && (end == name.Length || name[end] == '/') ? end : 0;
    }

    private string? Projected(string path)
    {
        var start = path.IndexOf("/..", StringComparison.Ordinal) + 1;
        if (start == 0 || LengthOfTimestamp(path.AsSpan(start)) is not (> 0 and var length))
        {
            return null;
        }

        if (!_projected.TryGetValue(path, out var name))
        {
            name = string.Concat(path.AsSpan(0, start), "..data", path.AsSpan(start + length));
            if (_projected.Count < capacity)
            {
                _projected.Add(path, name);
            }
        }

        return name;
    }

    private string Literal(string path)
    {
        if (!_literal.TryGetValue(path, out var name))
        {
            name = PathPatterns.Literal(path);
            if (_literal.Count < capacity)
            {
                _literal.Add(path, name);
            }
        }

        return name;
    }

    private string Mark(string mark, string path)
    {
        if (!_marked.TryGetValue((mark, path), out var name))
        {
            name = mark + path;
            if (_marked.Count < capacity)
            {
                _marked.Add((mark, path), name);
            }
        }

        return name;
    }

    private string TemporaryBeside(string path)
    {
        var directory = path.AsSpan(0, Math.Max(path.LastIndexOf('/'), 0));
        var byDirectory = _temporary.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!byDirectory.TryGetValue(directory, out var name))
        {
            name = $"{directory}/#tmpfile";
            if (_temporary.Count < capacity)
            {
                byDirectory[directory] = name;
            }
        }

        return name;
    }
}

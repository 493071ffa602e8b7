using System.Globalization;
using System.Text;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>What a line of an <see cref="EmissionLog"/> tells.</summary>
internal enum EmissionKind
{
    /// <summary>The node's process is about to watch.</summary>
    Up,

    /// <summary>A container started.</summary>
    Started,

    /// <summary>A container did something; its entries follow.</summary>
    Did,

    /// <summary>A container ended.</summary>
    Ended,

    /// <summary>A container goes on after a restart in a profile of its own, because nobody knew its beginning.</summary>
    Partial,

    /// <summary>A container's grain has taken what it was given.</summary>
    Taken,
}

/// <param name="At">When; of a deed, as its event has it.</param>
/// <param name="Workload">Its number.</param>
/// <param name="Entries">The entries of a profile it makes.</param>
internal sealed record Emission(EmissionKind Kind, DateTimeOffset At, string Container, int Workload, IReadOnlyList<string> Entries);

/// <summary>
/// What the containers of one node did, written before anybody else learns of it. It goes on with the node's next process; a line that the
/// kill of one cut off is left out.
/// </summary>
internal sealed class EmissionLog(string path) : IDisposable
{
    private const char EntrySeparator = '\u001f';

    private readonly FileStream _file = OpenWhole(path);
    private readonly StringBuilder _lines = new();

    public void Add(EmissionKind kind, DateTimeOffset at, string container, int workload, IEnumerable<string> entries) => _lines
        .Append(CultureInfo.InvariantCulture, $"{(int)kind}\t{at.UtcTicks}\t{container}\t{workload}\t")
        .AppendJoin(EntrySeparator, entries)
        .Append('\n');

    /// <summary>When it returns, what was added outlives this process.</summary>
    public void Flush()
    {
        if (_lines.Length > 0)
        {
            _file.Write(Encoding.UTF8.GetBytes(_lines.ToString()));
            _lines.Clear();
        }
    }

    public void Dispose() => _file.Dispose();

    public static IEnumerable<Emission> Read(string path)
    {
        if (!File.Exists(path))
        {
            yield break;
        }

        foreach (var line in File.ReadLines(path))
        {
            if (line.Split('\t') is [var kind, var at, var container, var workload, var entries])
            {
                yield return new Emission(
                    (EmissionKind)int.Parse(kind, CultureInfo.InvariantCulture),
                    new DateTimeOffset(long.Parse(at, CultureInfo.InvariantCulture), TimeSpan.Zero),
                    container,
                    int.Parse(workload, CultureInfo.InvariantCulture),
                    entries.Length > 0 ? entries.Split(EntrySeparator) : []);
            }
        }
    }

    private static FileStream OpenWhole(string path)
    {
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read, bufferSize: 0);
        var content = new byte[file.Length];
        file.ReadExactly(content);
        file.SetLength(content.AsSpan().LastIndexOf((byte)'\n') + 1);
        file.Seek(0, SeekOrigin.End);
        return file;
    }
}

using System.Text.Json;
using System.Threading.Channels;
using KubeCop.Core.Malware;
using KubeCop.Scanning.Clamd;

namespace KubeCop.Scanning.Scans;

/// <summary>What became of a program that was started and is not of its container's image.</summary>
public enum ExecutedFileResult
{
    Clean,

    Found,

    /// <summary>Judged before, and not changed since.</summary>
    Unchanged,

    /// <summary>Not scanned, because a limit of the scanner stands against it.</summary>
    OverLimit,

    /// <summary>Not scanned, because it could not be read or the scanner failed on it.</summary>
    Failed,

    /// <summary>Not scanned: the process had ended and the file was gone, or was replaced, before it could be opened.</summary>
    Gone,

    /// <summary>Not scanned: too many others waited.</summary>
    QueueFull,

    /// <summary>Not scanned: the scanner could not be asked for as long as patience lasts.</summary>
    NoScanner,
}

/// <summary>Programs on their way from those who watch containers to <see cref="NodeMalwareScanner"/>. Any thread may use it; what does not fit is counted.</summary>
public sealed class ExecutedFileQueue(MalwareOptions options) : IExecutedFiles
{
    /// <summary>The most that wait to be opened.</summary>
    public const int Limit = 1024;

    private readonly Channel<ExecutedFile> _files = Channel.CreateBounded<ExecutedFile>(Limit);
    private readonly long[] _counts = new long[Enum.GetValues<ExecutedFileResult>().Length];

    public bool IsEnabled { get; } = options.Containers && ClamdAddress.TryParse(options.Address, out _, out _);

    /// <summary>How many programs ended in this way.</summary>
    public long this[ExecutedFileResult result] => Volatile.Read(ref _counts[(int)result]);

    internal ChannelReader<ExecutedFile> Reader => _files.Reader;

    /// <summary>In <c>snake_case</c>.</summary>
    public static string Name(ExecutedFileResult result) => JsonNamingPolicy.SnakeCaseLower.ConvertName(result.ToString());

    public void Submit(ExecutedFile file)
    {
        if (IsEnabled && !_files.Writer.TryWrite(file))
        {
            Add(ExecutedFileResult.QueueFull);
        }
    }

    internal void Add(ExecutedFileResult result) => Interlocked.Increment(ref _counts[(int)result]);
}

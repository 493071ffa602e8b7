using System.Globalization;
using KubeCop.Storage;
using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Journal;

/// <summary>
/// The journal's directory. Segments are named by a growing number. What cannot be read is cut off when a crash explains it, else set
/// aside as <c>*.bad-time</c>; nothing is overwritten.
/// </summary>
internal sealed partial class SegmentStore(string directory, TimeProvider time, ILogger logger)
{
    private const string Extension = ".journal";

    private long _lastNumber;

    public string Directory { get; } = directory;

    public Segment Next() => new(Path.Combine(Directory, $"{++_lastNumber:D16}{Extension}"), fromEarlierRun: false);

    /// <summary>Finds and repairs what an earlier run left. A disk that refuses is logged, never thrown: the sensor works without.</summary>
    /// <param name="record">Told of each record: its segment and its sequence.</param>
    public void Recover(Action<Segment, long> record)
    {
        try
        {
            if (!System.IO.Directory.Exists(Directory))
            {
                return;
            }

            // Also of files set aside: their names must not be given again.
            foreach (var path in System.IO.Directory.EnumerateFiles(Directory, $"*{Extension}*"))
            {
                if (long.TryParse(Path.GetFileName(path).AsSpan(0, Path.GetFileName(path).IndexOf('.')), CultureInfo.InvariantCulture, out var number))
                {
                    _lastNumber = Math.Max(_lastNumber, number);
                }
            }

            foreach (var path in System.IO.Directory.EnumerateFiles(Directory, $"*{Extension}").Order(StringComparer.Ordinal))
            {
                Recover(path, record);
            }
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            LogUnreadable(Directory, error);
        }
    }

    /// <summary>The entries of a segment that <paramref name="wanted"/> asks for.</summary>
    public IEnumerable<JournalEntry> Read(Segment segment, Func<long, bool> wanted)
    {
        byte[] content;
        try
        {
            content = File.ReadAllBytes(segment.Path);
        }
        catch (FileNotFoundException)
        {
            // All of it was acknowledged meanwhile.
            yield break;
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            LogUnreadable(segment.Path, error);
            yield break;
        }

        var records = new List<(long Sequence, Range Payload)>();
        SegmentFormat.Scan(content, (sequence, payload) => records.Add((sequence, payload)));
        foreach (var (sequence, payload) in records)
        {
            if (wanted(sequence) && TryDecode(segment, sequence, content.AsSpan(payload)) is { } entry)
            {
                yield return entry;
            }
        }
    }

    private JournalEntry? TryDecode(Segment segment, long sequence, ReadOnlySpan<byte> payload)
    {
        try
        {
            return JournalPayload.Decode(sequence, payload);
        }
        catch (Exception error) when (error is System.Text.Json.JsonException or FormatException or NotSupportedException)
        {
            LogNotUnderstood(sequence, segment.Path, error);
            return null;
        }
    }

    private void Recover(string path, Action<Segment, long> record)
    {
        try
        {
            var content = File.ReadAllBytes(path);
            var aside = $"{path}.bad-{time.GetUtcNow():yyyyMMdd'T'HHmmss.fff'Z'}";
            var sequences = new List<long>();
            var (end, length) = SegmentFormat.Scan(content, (sequence, _) => sequences.Add(sequence));
            switch (end)
            {
                case SegmentEnd.Newer:
                    LogNewer(path);
                    return;
                case SegmentEnd.Foreign:
                    File.Move(path, aside);
                    LogForeign(path, aside);
                    return;
                case SegmentEnd.Damaged:
                    SetAside(aside, content.AsSpan(length));
                    Cut(path, length);
                    LogDamaged(path, length, aside, sequences.Count);
                    break;
                case SegmentEnd.Torn:
                    Cut(path, length);
                    LogTorn(path, content.Length - length);
                    break;
            }

            if (sequences.Count == 0)
            {
                File.Delete(path);
                return;
            }

            var segment = new Segment(path, fromEarlierRun: true) { Length = length };
            sequences.ForEach(sequence => record(segment, sequence));
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            LogUnreadable(path, error);
        }
    }

    private static void SetAside(string path, ReadOnlySpan<byte> content)
    {
        using var file = new FileStream(path, new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write, UnixCreateMode = Posix.PrivateFile });
        file.Write(content);
        file.Flush(flushToDisk: true);
        Posix.SyncDirectory(Path.GetDirectoryName(path)!);
    }

    private static void Cut(string path, long length)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Write);
        RandomAccess.SetLength(file, length);
        RandomAccess.FlushToDisk(file);
    }

    [LoggerMessage(LogLevel.Information, "Cut {Bytes} bytes of an interrupted write off the journal file {Path}; nothing synced is lost")]
    private partial void LogTorn(string path, long bytes);

    [LoggerMessage(LogLevel.Error, "The journal file {Path} is damaged at byte {Offset}; the rest was set aside as {Aside}, the {Kept} records before it are kept. Check the disk")]
    private partial void LogDamaged(string path, long offset, string aside, int kept);

    [LoggerMessage(LogLevel.Error, "The file {Path} is not a journal file; it was set aside as {Aside}")]
    private partial void LogForeign(string path, string aside);

    [LoggerMessage(LogLevel.Error, "The journal file {Path} was written by a later version of KubeCop; it is left as it is. Run that version again to have it replayed, or delete the file")]
    private partial void LogNewer(string path);

    [LoggerMessage(LogLevel.Error, "The journal cannot read {Path}; what it holds is not replayed in this run. Check the disk and its permissions")]
    private partial void LogUnreadable(string path, Exception error);

    [LoggerMessage(LogLevel.Error, "Record {Sequence} of the journal file {Path} is intact but not understood; it is kept. Run the version of KubeCop that wrote it to have it replayed")]
    private partial void LogNotUnderstood(long sequence, string path, Exception error);
}

using System.Globalization;
using KubeCop.Core.Segments;
using Microsoft.Extensions.Logging;

namespace KubeCop.Storage.Segments;

/// <summary>
/// A directory of records in segment files, named by a growing number. What cannot be read is cut off when a crash explains it, else set
/// aside as <c>*.bad-time</c>; nothing is overwritten.
/// </summary>
/// <param name="extension">Of the files, with its dot.</param>
internal sealed partial class SegmentStore(string directory, string extension, TimeProvider time, ILogger logger)
{
    private long _lastNumber;

    public string Directory { get; } = directory;

    public Segment Next() => new(Path.Combine(Directory, $"{++_lastNumber:D16}{extension}"), fromEarlierRun: false);

    /// <summary>Finds and repairs what an earlier run left. A disk that refuses is logged, never thrown: whoever owns it works without.</summary>
    /// <param name="record">Told of each record: its segment and its sequence.</param>
    /// <returns>False when there is something that could not be read, and may be another time.</returns>
    public bool Recover(Action<Segment, long> record)
    {
        try
        {
            if (!System.IO.Directory.Exists(Directory))
            {
                return true;
            }

            // Also of files set aside: their names must not be given again.
            foreach (var path in System.IO.Directory.EnumerateFiles(Directory, $"*{extension}*"))
            {
                if (long.TryParse(Path.GetFileName(path).AsSpan(0, Path.GetFileName(path).IndexOf('.')), CultureInfo.InvariantCulture, out var number))
                {
                    _lastNumber = Math.Max(_lastNumber, number);
                }
            }

            var isWhole = true;
            foreach (var path in System.IO.Directory.EnumerateFiles(Directory, $"*{extension}").Order(StringComparer.Ordinal))
            {
                isWhole &= Recover(path, record);
            }

            return isWhole;
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            LogUnreadable(Directory, error);
            return false;
        }
    }

    /// <summary>The records of a segment: up to where it is damaged, none of one that is gone.</summary>
    /// <exception cref="IOException">The disk does not give them now.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public static IReadOnlyList<(long Sequence, ReadOnlyMemory<byte> Payload)> Read(Segment segment)
    {
        var records = new List<(long, ReadOnlyMemory<byte>)>();
        try
        {
            var content = System.IO.File.ReadAllBytes(segment.Path);
            SegmentFormat.Scan(content, (sequence, payload) => records.Add((sequence, content.AsMemory(payload))));
        }
        catch (FileNotFoundException)
        {
            // All of it was acknowledged meanwhile.
        }

        return records;
    }

    /// <summary>Moves a segment away that is damaged, so that somebody can look at it.</summary>
    public void SetAside(Segment segment)
    {
        segment.Dispose();
        var aside = AsideOf(segment.Path);
        System.IO.File.Move(segment.Path, aside);
        LogSetAside(segment.Path, aside);
    }

    private string AsideOf(string path) => $"{path}.bad-{time.GetUtcNow():yyyyMMdd'T'HHmmss.fff'Z'}";

    /// <returns>False when it could not be read, and may be another time.</returns>
    private bool Recover(string path, Action<Segment, long> record)
    {
        try
        {
            var content = System.IO.File.ReadAllBytes(path);
            var aside = AsideOf(path);
            var sequences = new List<long>();
            var (end, length) = SegmentFormat.Scan(content, (sequence, _) => sequences.Add(sequence));
            switch (end)
            {
                case SegmentEnd.Newer:
                    LogNewer(path);
                    return false;
                case SegmentEnd.Foreign:
                    System.IO.File.Move(path, aside);
                    LogForeign(path, aside);
                    return true;
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
                System.IO.File.Delete(path);
                return true;
            }

            var segment = new Segment(path, fromEarlierRun: true) { Length = length };
            sequences.ForEach(sequence => record(segment, sequence));
            return true;
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            LogUnreadable(path, error);
            return false;
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
        using var file = System.IO.File.OpenHandle(path, FileMode.Open, FileAccess.Write);
        RandomAccess.SetLength(file, length);
        RandomAccess.FlushToDisk(file);
    }

    [LoggerMessage(LogLevel.Information, "Cut {Bytes} bytes of an interrupted write off {Path}; nothing synced is lost")]
    private partial void LogTorn(string path, long bytes);

    [LoggerMessage(LogLevel.Error, "The file {Path} is damaged at byte {Offset}; the rest was set aside as {Aside}, the {Kept} records before it are kept. Check the disk")]
    private partial void LogDamaged(string path, long offset, string aside, int kept);

    [LoggerMessage(LogLevel.Error, "The file {Path} became damaged while it was in use; it was set aside as {Aside}. Check the disk")]
    private partial void LogSetAside(string path, string aside);

    [LoggerMessage(LogLevel.Error, "The file {Path} holds no records; it was set aside as {Aside}")]
    private partial void LogForeign(string path, string aside);

    [LoggerMessage(LogLevel.Error, "The file {Path} was written by a later version of KubeCop; it is left as it is. Run that version again to have it read, or delete the file")]
    private partial void LogNewer(string path);

    [LoggerMessage(LogLevel.Error, "{Path} cannot be read; what it holds is not used in this run. Check the disk and its permissions")]
    private partial void LogUnreadable(string path, Exception error);
}

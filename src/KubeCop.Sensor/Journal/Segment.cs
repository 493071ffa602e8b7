using System.Buffers;
using KubeCop.Storage;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Sensor.Journal;

/// <summary>One file of the journal and how many of its records are not acknowledged.</summary>
internal sealed class Segment(string path, bool fromEarlierRun) : IDisposable
{
    private SafeFileHandle? _file;

    public string Path { get; } = path;

    /// <summary>Whether its records are to be replayed, or were made by this run.</summary>
    public bool FromEarlierRun { get; } = fromEarlierRun;

    /// <summary>Records not acknowledged. Guarded by the journal's lock.</summary>
    public int Live { get; set; }

    /// <summary>Bytes that are synced; written by the journal's writer only.</summary>
    public long Length { get; set; }

    /// <summary>Writes and syncs; the first time it creates the file.</summary>
    public void Append(ReadOnlySpan<byte> records)
    {
        var at = Length;
        if (_file is null)
        {
            _file = Create();
            var header = new ArrayBufferWriter<byte>(SegmentFormat.HeaderLength);
            SegmentFormat.WriteHeader(header);
            RandomAccess.Write(_file, header.WrittenSpan, 0);
            Posix.SyncDirectory(System.IO.Path.GetDirectoryName(Path)!);
            at = header.WrittenCount;
        }

        RandomAccess.Write(_file, records, at);
        RandomAccess.FlushToDisk(_file);
        Length = at + records.Length;
    }

    /// <summary>After a write that failed: leaves what was synced before and nothing else.</summary>
    public void CutToSynced() => RandomAccess.SetLength(_file!, Length);

    public void Delete()
    {
        Dispose();
        File.Delete(Path);
    }

    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    private SafeFileHandle Create()
    {
        var directory = System.IO.Path.GetDirectoryName(Path)!;
        if (!Directory.Exists(directory))
        {
            Directory.CreateDirectory(directory, Posix.PrivateDirectory);
            Posix.SyncDirectory(System.IO.Path.GetDirectoryName(directory)!);
        }

        // File.OpenHandle takes no mode for the new file.
        Posix.OpenOrCreate(Path).Dispose();
        return File.OpenHandle(Path, FileMode.Open, FileAccess.Write, FileShare.Read);
    }
}

using System.Buffers;
using KubeCop.Core.Segments;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Storage.Segments;

/// <summary>One file of records, and how many of them are not acknowledged. Linked into the rooms that keep records on the disk.</summary>
internal sealed class Segment(string path, bool fromEarlierRun) : IDisposable
{
    private SafeFileHandle? _file;

    public string Path { get; } = path;

    /// <summary>Whether its records are to be replayed, or were made by this run.</summary>
    public bool FromEarlierRun { get; } = fromEarlierRun;

    /// <summary>Records not acknowledged. Guarded by its owner's lock.</summary>
    public int Live { get; set; }

    /// <summary>Bytes that are synced; changed by the one thread that writes.</summary>
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

    /// <summary>
    /// After a write that failed: leaves what was synced before and nothing else, and closes it. What a failed sync left in the page cache cannot be
    /// trusted (fsync(2)), so later records belong into a new file.
    /// </summary>
    public void Abandon()
    {
        try
        {
            if (Length > 0)
            {
                CutToSynced();
            }
            else
            {
                Delete();
            }
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            // Nothing is lost: the next start takes what is left for a torn write, which it is.
        }

        Dispose();
    }

    public void Delete()
    {
        Dispose();
        System.IO.File.Delete(Path);
    }

    public void Dispose()
    {
        _file?.Dispose();
        _file = null;
    }

    private void CutToSynced() => RandomAccess.SetLength(_file!, Length);

    private SafeFileHandle Create()
    {
        CreateDirectory(System.IO.Path.GetDirectoryName(Path)!);
        if (System.IO.File.Exists(Path))
        {
            // One that could not be read when its owner began: it may be another time.
            throw new IOException($"There is already a file: '{Path}'");
        }

        // System.IO.File.OpenHandle takes no mode for the new file.
        Posix.OpenOrCreate(Path).Dispose();
        return System.IO.File.OpenHandle(Path, FileMode.Open, FileAccess.Write, FileShare.Read);
    }

    private static void CreateDirectory(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        var parent = System.IO.Path.GetDirectoryName(path)!;
        CreateDirectory(parent);
        Directory.CreateDirectory(path, Posix.PrivateDirectory);
        Posix.SyncDirectory(parent);
    }
}

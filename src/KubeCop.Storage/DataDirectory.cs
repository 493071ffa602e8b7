using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Storage;

/// <summary>
/// The directory that holds everything which must survive a restart, held exclusively while this object lives. The lock belongs to the
/// process: it is gone with it, also after a kill -9, so there is never a stale one to remove by hand.
/// </summary>
public sealed class DataDirectory : IDisposable
{
    /// <summary>Free bytes without which a start is refused: what the first profiles and journal segment need.</summary>
    public const long MinimumFreeBytes = 1024 * 1024;

    private readonly SafeFileHandle _lock;

    private DataDirectory(string fullPath, SafeFileHandle @lock)
    {
        FullPath = fullPath;
        _lock = @lock;
    }

    public string FullPath { get; }

    /// <summary>
    /// Creates the directory with mode 0700 when it is absent (the mode of an existing one is left alone), takes its lock, and makes sure
    /// that files can be written and synced there.
    /// </summary>
    /// <exception cref="StorageException">It cannot be used; says why and what to do.</exception>
    public static DataDirectory Open(string path)
    {
        var fullPath = Path.GetFullPath(path);
        try
        {
            if (System.IO.File.Exists(fullPath))
            {
                throw new StorageException($"The data directory {fullPath} is a file, not a directory.", "Choose another data directory, or move that file away.");
            }

            Directory.CreateDirectory(fullPath, Posix.PrivateDirectory);
            var held = Hold(fullPath);
            try
            {
                CheckSpace(fullPath);
                CheckWritable(fullPath);
                WriteOwner(held);
                return new DataDirectory(fullPath, held);
            }
            catch
            {
                held.Dispose();
                throw;
            }
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            var (reason, remedy) = DiskErrors.Explain(error, fullPath);
            throw new StorageException($"The data directory {fullPath} cannot be used: {reason}.", remedy, error);
        }
    }

    public void Dispose() => _lock.Dispose();

    private static SafeFileHandle Hold(string fullPath)
    {
        var lockPath = Path.Combine(fullPath, "lock");
        var file = Posix.OpenOrCreate(lockPath);
        if (Posix.TryLock(file, lockPath))
        {
            return file;
        }

        using (file)
        {
            var owner = ReadOwner(file);
            throw new StorageException(
                $"The data directory {fullPath} is held by {(owner is null ? "another process" : $"pid {owner}")}.",
                "Stop that instance of kubecop, or give this one a data directory of its own (--data-dir).");
        }
    }

    private static void CheckSpace(string fullPath)
    {
        var free = new DriveInfo(fullPath).AvailableFreeSpace;
        if (free < MinimumFreeBytes)
        {
            throw new StorageException(
                $"The disk of the data directory {fullPath} is full: {free / 1024} KiB are free, at least {MinimumFreeBytes / 1024} KiB are needed.",
                "Free space there, or choose another data directory (--data-dir).");
        }
    }

    // Free space and permissions do not tell everything (quotas, read-only mounts, security modules): only writing does.
    private static void CheckWritable(string fullPath)
    {
        var probe = Path.Combine(fullPath, "probe.tmp");
        try
        {
            using var file = new FileStream(
                probe,
                new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = Posix.PrivateFile });
            file.Write(new byte[4096]);
            file.Flush(flushToDisk: true);
        }
        finally
        {
            System.IO.File.Delete(probe);
        }

        Posix.SyncDirectory(fullPath);
    }

    private static void WriteOwner(SafeFileHandle file)
    {
        RandomAccess.SetLength(file, 0);
        RandomAccess.Write(file, Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}\n")), 0);
    }

    private static int? ReadOwner(SafeFileHandle file)
    {
        Span<byte> content = stackalloc byte[16];
        var length = RandomAccess.Read(file, content, 0);
        return int.TryParse(content[..length].TrimEnd((byte)'\n'), CultureInfo.InvariantCulture, out var owner) ? owner : null;
    }
}

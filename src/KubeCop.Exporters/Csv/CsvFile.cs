using KubeCop.Storage;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Exporters.Csv;

/// <summary>
/// A file that only this process writes, as long as it lives: it holds the lock of <c>NAME.lock</c> (flock(2)), since .NET reads no file that is
/// locked. When it is full it becomes <c>NAME.1</c>, that one <c>NAME.2</c> and so on. Also when somebody else has moved or deleted it, a new one is begun.
/// </summary>
internal sealed class CsvFile(string path, byte[] header, long maxBytes, int kept) : IDisposable
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead;

    private SafeFileHandle? _lock;
    private SafeFileHandle? _file;
    private long _length;

    /// <summary>Appends whole rows, or nothing.</summary>
    /// <exception cref="IOException">The disk refuses, or somebody else writes the file.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public void Append(ReadOnlySpan<byte> rows)
    {
        if (_file is not null && (!File.Exists(path) || RandomAccess.GetLength(_file) != _length || new FileInfo(path).Length != _length))
        {
            Close();
        }

        _file ??= Open();
        if (_length > header.Length && _length + rows.Length > maxBytes)
        {
            Rotate();
            _file = Open();
        }

        try
        {
            RandomAccess.Write(_file, rows, _length);
            RandomAccess.FlushToDisk(_file);
            _length += rows.Length;
        }
        catch (IOException)
        {
            RandomAccess.SetLength(_file, _length);
            throw;
        }
    }

    public void Dispose()
    {
        Close();
        _lock?.Dispose();
        _lock = null;
    }

    private SafeFileHandle Open()
    {
        _lock ??= Lock();
        var isNew = !File.Exists(path);
        var file = Posix.OpenOrCreate(path);
        try
        {
            if (isNew)
            {
                File.SetUnixFileMode(file, Mode);
            }

            if (RandomAccess.GetLength(file) > 0 && !BeginsWithHeader(file))
            {
                // Somebody else's, or of other columns, under whose header ours would be read wrongly.
                File.Move(path, $"{path}.other-{DateTime.UtcNow:yyyyMMdd'T'HHmmss.fff'Z'}");
                file.Dispose();
                return Open();
            }

            _length = WholeRows(file);
            if (_length == 0)
            {
                RandomAccess.Write(file, header, 0);
                _length = header.Length;
            }

            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private SafeFileHandle Lock()
    {
        var name = $"{path}.lock";
        var file = Posix.OpenOrCreate(name);
        if (Posix.TryLock(file, name))
        {
            return file;
        }

        file.Dispose();
        throw new IOException($"{path} is being written by another process");
    }

    private bool BeginsWithHeader(SafeFileHandle file)
    {
        var beginning = new byte[header.Length];
        return RandomAccess.Read(file, beginning, 0) == beginning.Length && beginning.AsSpan().SequenceEqual(header);
    }

    /// <summary>Cuts off a last row that a full disk or a power loss has left without its end, which would spoil the next one too.</summary>
    /// <returns>The file's length.</returns>
    private static long WholeRows(SafeFileHandle file)
    {
        var length = RandomAccess.GetLength(file);
        var buffer = new byte[4096];
        for (var end = length; end > 0; end -= buffer.Length)
        {
            var start = Math.Max(0, end - buffer.Length);
            var read = RandomAccess.Read(file, buffer.AsSpan(0, (int)(end - start)), start);
            if (buffer.AsSpan(0, read).LastIndexOf((byte)'\n') is var at and >= 0)
            {
                RandomAccess.SetLength(file, start + at + 1);
                return start + at + 1;
            }
        }

        return length;
    }

    private void Rotate()
    {
        if (kept == 0)
        {
            File.Delete(path);
        }
        else
        {
            for (var number = kept - 1; number >= 1; number--)
            {
                if (File.Exists($"{path}.{number}"))
                {
                    File.Move($"{path}.{number}", $"{path}.{number + 1}", overwrite: true);
                }
            }

            File.Move(path, $"{path}.1", overwrite: true);
        }

        Close();
    }

    private void Close()
    {
        _file?.Dispose();
        _file = null;
    }
}

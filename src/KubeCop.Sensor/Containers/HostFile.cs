using Microsoft.Win32.SafeHandles;

namespace KubeCop.Sensor.Containers;

/// <summary>Reads files of the host with a bound on what is taken in; never follows a link in the last component, unless it says so.</summary>
public static class HostFile
{
    /// <summary>Opens a regular file for reading; what else there may be (a FIFO, a device) never makes it wait.</summary>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="IOException">It cannot be read or is no regular file.</exception>
    public static SafeFileHandle? Open(string path) => LibC.OpenRead(path);

    /// <summary>As <see cref="Open"/>, for a file that the user named: if it is a link, what it leads to.</summary>
    /// <returns>Null when there is none.</returns>
    /// <exception cref="IOException">It cannot be read or is no regular file.</exception>
    public static SafeFileHandle? OpenNamed(string path) => Open(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path);

    /// <returns>The whole file, or null when there is none.</returns>
    /// <exception cref="IOException">It cannot be read, is no regular file, or is larger than <paramref name="limit"/> bytes.</exception>
    public static byte[]? Read(string path, int limit)
    {
        var content = ReadBeginning(path, limit, out var truncated);
        return truncated ? throw new IOException($"'{path}' is larger than {limit} bytes.") : content;
    }

    /// <returns>At most the first <paramref name="limit"/> bytes, or null when there is no such file.</returns>
    /// <exception cref="IOException">It cannot be read or is no regular file.</exception>
    public static byte[]? ReadBeginning(string path, int limit, out bool truncated)
    {
        truncated = false;
        using var handle = LibC.OpenRead(path);
        if (handle is null)
        {
            return null;
        }

        // The size is no help: files in /proc say 0.
        var buffer = new byte[Math.Min(limit, 4096) + 1];
        var length = 0;
        while (true)
        {
            var read = RandomAccess.Read(handle, buffer.AsSpan(length), length);
            length += read;
            if (read == 0)
            {
                return buffer[..length];
            }

            if (length > limit)
            {
                truncated = true;
                return buffer[..limit];
            }

            if (length == buffer.Length)
            {
                Array.Resize(ref buffer, (int)Math.Min(limit + 1L, buffer.Length * 2L));
            }
        }
    }
}

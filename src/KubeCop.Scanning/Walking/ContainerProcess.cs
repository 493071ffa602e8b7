using System.Globalization;
using System.Text;
using KubeCop.Core.Events;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Walking;

/// <summary>A process of a container. Its number may belong to another one later; the time of its start tells.</summary>
/// <param name="Id">As this process's /proc numbers it.</param>
/// <param name="StartTime">In clock ticks since boot (proc_pid_stat(5), field 22).</param>
internal readonly record struct ProcessStart(int Id, ulong StartTime);

/// <summary>Reads what /proc shows of a container's process, of this one and no other that got its number.</summary>
/// <param name="start">Which process it is.</param>
/// <param name="procfs">Where procfs is mounted.</param>
internal sealed class ContainerProcess(ProcessStart start, string procfs = "/proc")
{
    private const int MaxStatBytes = 4096;

    // The kernel shows times of processes in hundredths of a second (USER_HZ), on every architecture .NET runs on.
    private const long NanosecondsPerTick = 10_000_000;

    public int Id => start.Id;

    /// <returns>Null when there is no such process (any more).</returns>
    public static ContainerProcess? Find(int id, string procfs = "/proc")
    {
        var error = LibC.OpenPath(DirectoryOf(id, procfs), out var directory);
        using (directory)
        {
            return error == 0 && StartOf(directory) is { } time ? new ContainerProcess(new ProcessStart(id, time), procfs) : null;
        }
    }

    /// <summary>The one that began first of several: a container's init process, whose view of the file system its runtime made.</summary>
    public static ContainerProcess? Oldest(IEnumerable<int> ids, string procfs = "/proc") =>
        ids.Select(id => Find(id, procfs)).OfType<ContainerProcess>().MinBy(static process => (process.StartTime, process.Id));

    /// <summary>The process that an event is of.</summary>
    public static ContainerProcess Of(ProcessKey key, string procfs = "/proc") =>
        new(new ProcessStart((int)key.Pid, (ulong)(key.StartTime / NanosecondsPerTick)), procfs);

    private ulong StartTime => start.StartTime;

    /// <summary>Opens the root of its file system.</summary>
    /// <returns>0, or the error's number; that of a process that has ended is <see cref="LibC.NoProcess"/>.</returns>
    public int OpenRoot(out SafeFileHandle root)
    {
        using var directory = OpenOwn();
        if (directory is null)
        {
            root = new SafeFileHandle(-1, ownsHandle: true);
            return LibC.NoProcess;
        }

        // The directory stays this process's: once it has ended nothing is found there, whoever has its number.
        return LibC.OpenBelow(directory, "root\0"u8, out root);
    }

    /// <summary>Opens the file of the program it runs, whether that has a name or not, only to look at it.</summary>
    /// <returns>0, or the error's number, as of <see cref="OpenRoot"/>.</returns>
    public int OpenExecutable(out SafeFileHandle executable)
    {
        using var directory = OpenOwn();
        if (directory is null)
        {
            executable = new SafeFileHandle(-1, ownsHandle: true);
            return LibC.NoProcess;
        }

        return LibC.OpenBelow(directory, "exe\0"u8, out executable);
    }

    /// <summary>Reads a file of its directory in /proc.</summary>
    /// <returns>A character a byte (Latin-1); null when the process has ended, the file is longer than the limit, or may not be read.</returns>
    public string? Read(string name, int limit)
    {
        using var directory = OpenOwn();
        return directory is null ? null : ReadFile(directory, Encoding.ASCII.GetBytes(name + '\0'), limit);
    }

    private static byte[] DirectoryOf(int id, string procfs) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{procfs}/{id}\0"));

    private static ulong? StartOf(SafeFileHandle directory)
    {
        // The name of the program is in brackets and may hold any character, a bracket too.
        var stat = ReadFile(directory, "stat\0"u8, MaxStatBytes);
        var fields = stat is null ? [] : stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 19 && ulong.TryParse(fields[19], CultureInfo.InvariantCulture, out var time) ? time : null;
    }

    private static string? ReadFile(SafeFileHandle directory, ReadOnlySpan<byte> name, int limit)
    {
        var error = LibC.OpenEntry((int)directory.DangerousGetHandle(), name, out var entry);
        using (entry)
        {
            if (error != 0 || LibC.OpenContent(entry, out var content) != 0)
            {
                return null;
            }

            using (content)
            {
                return ReadToEnd(content, limit);
            }
        }
    }

    private static string? ReadToEnd(SafeFileHandle file, int limit)
    {
        var buffer = new byte[4096];
        var length = 0;
        try
        {
            while (true)
            {
                var read = RandomAccess.Read(file, buffer.AsSpan(length), length);
                length += read;
                if (read == 0 || length > limit)
                {
                    return read == 0 ? Encoding.Latin1.GetString(buffer, 0, length) : null;
                }

                if (length == buffer.Length)
                {
                    Array.Resize(ref buffer, buffer.Length * 2);
                }
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private SafeFileHandle? OpenOwn()
    {
        if (LibC.OpenPath(DirectoryOf(start.Id, procfs), out var directory) == 0 && StartOf(directory) == start.StartTime)
        {
            return directory;
        }

        directory.Dispose();
        return null;
    }
}

using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Sensor.Containers;

/// <summary>The few system calls that .NET does not offer: open without following a link, inode numbers, fsync of a directory.</summary>
internal static partial class LibC
{
    private const int NoEntry = 2;
    private const int NoProcess = 3;
    private const int NotDirectory = 20;
    private const int CurrentDirectory = -100;
    private const int EmptyPath = 0x1000;
    private const int SymlinkNoFollow = 0x100;
    private const uint BasicStats = 0x7ff;

    private static readonly int OpenDirectory = (int)OpenFlags.Parse(["O_DIRECTORY", "O_CLOEXEC"]);

    // O_NONBLOCK: opening a FIFO somebody put there must not wait for a writer.
    private static readonly int OpenRegular = (int)OpenFlags.Parse(["O_NOFOLLOW", "O_CLOEXEC", "O_NONBLOCK"]);

    /// <summary>What <c>statx(2)</c> says; the layout is the same on every architecture (include/uapi/linux/stat.h).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public readonly struct FileStatus
    {
        [FieldOffset(28)] private readonly ushort _mode;
        [FieldOffset(32)] public readonly ulong Inode;
        [FieldOffset(40)] public readonly ulong Size;
        [FieldOffset(112)] private readonly long _modifiedSeconds;
        [FieldOffset(120)] private readonly uint _modifiedNanoseconds;

        public bool IsRegular => (_mode & 0xF000) == 0x8000;

        /// <summary>Time of the last change of the content, in nanoseconds since 1970.</summary>
        public long Modified => (_modifiedSeconds * 1_000_000_000) + _modifiedNanoseconds;
    }

    /// <returns>False when there is no such file, or it cannot be looked at.</returns>
    public static bool TryStat(string path, out FileStatus status) =>
        StatX(CurrentDirectory, path, SymlinkNoFollow, BasicStats, out status) == 0;

    /// <summary>Opens a regular file for reading; a symbolic link in its last component is refused.</summary>
    /// <returns>Null when there is no such file (any more).</returns>
    /// <exception cref="IOException">It exists and cannot be read, or is no regular file.</exception>
    public static SafeFileHandle? OpenRead(string path)
    {
        var descriptor = Open(path, OpenRegular, 0);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            return error is NoEntry or NotDirectory or NoProcess
                ? null
                : throw new IOException($"Cannot open '{path}': {Marshal.GetPInvokeErrorMessage(error)}.");
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (StatX(descriptor, "", EmptyPath, BasicStats, out var status) != 0 || !status.IsRegular)
        {
            handle.Dispose();
            throw new IOException($"'{path}' is not a regular file.");
        }

        return handle;
    }

    /// <summary>Makes the entries of a directory durable, as a rename needs it.</summary>
    public static void SyncDirectory(string path)
    {
        var descriptor = Open(path, OpenDirectory, 0);
        if (descriptor < 0)
        {
            throw new IOException($"Cannot open directory '{path}': {Marshal.GetLastPInvokeErrorMessage()}.");
        }

        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (Sync(descriptor) != 0)
        {
            throw new IOException($"Cannot sync directory '{path}': {Marshal.GetLastPInvokeErrorMessage()}.");
        }
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int StatX(int directory, string path, int flags, uint mask, out FileStatus status);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int Open(string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);
}

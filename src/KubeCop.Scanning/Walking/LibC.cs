using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Walking;

/// <summary>The system calls that walk a tree by descriptors, with names as bytes; .NET offers only paths, and only text.</summary>
internal static unsafe partial class LibC
{
    public const int NotPermitted = 1;
    public const int NoEntry = 2;
    public const int NoProcess = 3;
    public const int Interrupted = 4;
    public const int TryAgain = 11;
    public const int NoMemory = 12;
    public const int NoDevice = 19;
    public const int NotDirectory = 20;
    public const int TableFull = 23;
    public const int TooManyOpen = 24;
    public const int TooManyLinks = 40;
    public const int Stale = 116;

    /// <summary>SYNC_FILE_RANGE_WAIT_BEFORE, _WRITE and _WAIT_AFTER.</summary>
    private const uint WriteAndWait = 7;

    private const int CurrentDirectory = -100;
    private const int SymlinkNoFollow = 0x100;
    private const int NoAutomount = 0x800;
    private const int EmptyPath = 0x1000;
    private const uint BasicStats = 0x7ff;

    // openat2(2) has the same number on every architecture; the C library has no function for it.
    private const long OpenAt2Number = 437;
    private const ulong ResolveNoLinks = 0x04;
    private const ulong ResolveInRoot = 0x10;
    private const int OpenAt2Tries = 16;

    private static readonly int CloseOnExec = Flag("O_CLOEXEC");
    private static readonly int PathOnly = Flag("O_PATH") | CloseOnExec;
    private static readonly int Directory = Flag("O_DIRECTORY") | CloseOnExec;
    private static readonly int NoFollow = Flag("O_NOFOLLOW");
    private static readonly int NoAccessTime = Flag("O_NOATIME");
    private static readonly int Content = Flag("O_NONBLOCK") | Flag("O_NOCTTY") | CloseOnExec;

    private static ReadOnlySpan<byte> Nothing => [0];

    /// <summary>What <c>statx(2)</c> says; the layout is the same on every architecture (include/uapi/linux/stat.h).</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    public readonly struct FileStatus
    {
        private const ulong Automount = 0x1000;
        private const ulong MountRoot = 0x2000;
        private const long NanosecondsPerSecond = 1_000_000_000;

        [FieldOffset(8)] private readonly ulong _attributes;
        [FieldOffset(16)] public readonly uint Links;
        [FieldOffset(20)] public readonly uint Owner;
        [FieldOffset(24)] public readonly uint Group;
        [FieldOffset(28)] public readonly ushort Mode;
        [FieldOffset(32)] public readonly ulong Inode;
        [FieldOffset(40)] public readonly long Size;
        [FieldOffset(48)] private readonly long _blocks;
        [FieldOffset(96)] private readonly long _changedSeconds;
        [FieldOffset(104)] private readonly uint _changedNanoseconds;
        [FieldOffset(112)] private readonly long _modifiedSeconds;
        [FieldOffset(120)] private readonly uint _modifiedNanoseconds;
        [FieldOffset(136)] private readonly uint _deviceMajor;
        [FieldOffset(140)] private readonly uint _deviceMinor;

        public ulong Device => ((ulong)_deviceMajor << 32) | _deviceMinor;

        public bool IsRegular => (Mode & 0xF000) == 0x8000;

        public bool IsDirectory => (Mode & 0xF000) == 0x4000;

        public bool IsLink => (Mode & 0xF000) == 0xA000;

        /// <summary>Whether opening it makes somebody mount something there.</summary>
        public bool IsAutomount => (_attributes & Automount) != 0;

        public bool IsMountRoot => (_attributes & MountRoot) != 0;

        public long AllocatedBytes => _blocks * 512;

        public long ChangedNanoseconds => (_changedSeconds * NanosecondsPerSecond) + _changedNanoseconds;

        public long ModifiedNanoseconds => (_modifiedSeconds * NanosecondsPerSecond) + _modifiedNanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    /// <summary>Looks at an entry of a directory, itself and not what it leads to; mounts nothing.</summary>
    /// <param name="name">Ends with a zero byte.</param>
    /// <returns>0, or the error's number.</returns>
    public static int Status(int directory, ReadOnlySpan<byte> name, out FileStatus status)
    {
        fixed (byte* start = name)
        {
            return StatX(directory, start, SymlinkNoFollow | NoAutomount, BasicStats, out status) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Looks at what is open.</summary>
    /// <returns>0, or the error's number.</returns>
    public static int Status(SafeFileHandle file, out FileStatus status)
    {
        fixed (byte* start = Nothing)
        {
            return StatX((int)file.DangerousGetHandle(), start, EmptyPath | NoAutomount, BasicStats, out status) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Opens an entry of a directory only to look at it: opens no device, waits for no FIFO. Of a link it is the link.</summary>
    /// <param name="name">Ends with a zero byte.</param>
    /// <returns>0, or the error's number.</returns>
    public static int OpenEntry(int directory, ReadOnlySpan<byte> name, out SafeFileHandle handle) =>
        Open(directory, name, PathOnly | NoFollow, out handle);

    /// <summary>Opens a directory that is an entry of another one, for reading.</summary>
    /// <param name="name">Ends with a zero byte.</param>
    /// <returns>0, or the error's number.</returns>
    public static int OpenDirectory(int directory, ReadOnlySpan<byte> name, out SafeFileHandle handle)
    {
        var error = Open(directory, name, Directory | NoFollow | NoAccessTime, out handle);
        return error == NotPermitted ? Open(directory, name, Directory | NoFollow, out handle) : error;
    }

    /// <summary>
    /// Opens for reading the very file that <see cref="OpenEntry"/> opened, which must be known to be a regular one. Its access time stays,
    /// where the user may ask for that (open(2), O_NOATIME).
    /// </summary>
    /// <returns>0, or the error's number.</returns>
    public static int OpenContent(SafeFileHandle entry, out SafeFileHandle handle)
    {
        var path = System.Text.Encoding.ASCII.GetBytes($"/proc/self/fd/{(int)entry.DangerousGetHandle()}\0");
        var error = Open(CurrentDirectory, path, Content | NoAccessTime, out handle);
        return error == NotPermitted ? Open(CurrentDirectory, path, Content, out handle) : error;
    }

    /// <summary>
    /// Has the kernel write a file's changed pages to the disk, and waits for it (sync_file_range(2)). From then on a write through a mapping changes
    /// the file's ctime again: it does so only for the first write to a page since that was written back.
    /// </summary>
    /// <returns>False when that was not done.</returns>
    public static bool WriteBack(SafeFileHandle file) => SyncFileRange((int)file.DangerousGetHandle(), 0, 0, WriteAndWait) == 0;

    /// <summary>Opens a path as it is.</summary>
    /// <param name="path">Ends with a zero byte.</param>
    /// <returns>0, or the error's number.</returns>
    public static int OpenPath(ReadOnlySpan<byte> path, out SafeFileHandle handle) => Open(CurrentDirectory, path, PathOnly, out handle);

    /// <summary>As <see cref="OpenPath"/>, of what is named below a directory, following its last link too.</summary>
    public static int OpenBelow(SafeFileHandle directory, ReadOnlySpan<byte> name, out SafeFileHandle handle) =>
        Open((int)directory.DangerousGetHandle(), name, PathOnly, out handle);

    /// <summary>Opens a path with all of its links as if <paramref name="root"/> were the root of the file system: nothing leads out of it.</summary>
    /// <param name="path">Ends with a zero byte.</param>
    /// <returns>0, or the error's number.</returns>
    public static int OpenInRoot(SafeFileHandle root, ReadOnlySpan<byte> path, out SafeFileHandle handle) =>
        Open(root, path, PathOnly, ResolveInRoot, out handle);

    /// <summary>As <see cref="OpenInRoot"/>, of a path that has no links.</summary>
    /// <returns>0, or the error's number: <see cref="TooManyLinks"/> if it has one.</returns>
    public static int OpenWithoutLinks(SafeFileHandle root, ReadOnlySpan<byte> path, out SafeFileHandle handle) =>
        Open(root, path, PathOnly | NoFollow, ResolveInRoot | ResolveNoLinks, out handle);

    /// <summary>
    /// The next entries of a directory, as <c>linux_dirent64</c>: inode 8 bytes, offset 8, length of the record 2, type 1, name up to a zero byte.
    /// </summary>
    /// <returns>How many bytes; 0 at the end; below 0 the error's number, negative.</returns>
    public static int ReadEntries(int directory, Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            var read = GetDirectoryEntries(directory, start, (nuint)buffer.Length);
            return read >= 0 ? (int)read : -Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Begins a directory anew.</summary>
    public static bool Rewind(int directory) => Seek(directory, 0, 0) == 0;

    /// <summary>The type of the file system that something open lies in (statfs(2), f_type); 0 when it does not say.</summary>
    public static uint FileSystemType(SafeFileHandle file)
    {
        // struct statfs has 120 bytes on 64 bits and begins with the type.
        Span<long> status = stackalloc long[32];
        fixed (long* start = status)
        {
            return StatFs((int)file.DangerousGetHandle(), start) == 0 ? (uint)status[0] : 0;
        }
    }

    /// <summary>Where something open is, as this process sees it; null when the kernel does not say.</summary>
    public static byte[]? PathOf(SafeFileHandle file)
    {
        var link = System.Text.Encoding.ASCII.GetBytes($"/proc/self/fd/{(int)file.DangerousGetHandle()}\0");
        var buffer = new byte[4096];
        fixed (byte* path = link, start = buffer)
        {
            var length = ReadLink(path, start, (nuint)buffer.Length);
            return length > 0 && length < buffer.Length ? buffer[..(int)length] : null;
        }
    }

    /// <summary>Makes the entries of a directory durable, as a rename needs it.</summary>
    public static void SyncDirectory(string path)
    {
        var error = Open(CurrentDirectory, System.Text.Encoding.UTF8.GetBytes(path + '\0'), Directory, out var handle);
        using (handle)
        {
            if (error != 0 || Sync((int)handle.DangerousGetHandle()) != 0)
            {
                error = error != 0 ? error : Marshal.GetLastPInvokeError();
                throw new IOException($"Cannot sync directory '{path}': {Marshal.GetPInvokeErrorMessage(error)}.", error);
            }
        }
    }

    private static int Flag(string name) => (int)OpenFlags.Parse([name]);

    private static int Open(int directory, ReadOnlySpan<byte> path, int flags, out SafeFileHandle handle)
    {
        fixed (byte* start = path)
        {
            int descriptor;
            int error;
            do
            {
                descriptor = OpenAt(directory, start, flags, 0);
                error = descriptor >= 0 ? 0 : Marshal.GetLastPInvokeError();
            }
            while (error == Interrupted);

            handle = new SafeFileHandle(descriptor, ownsHandle: true);
            return error;
        }
    }

    private static int Open(SafeFileHandle root, ReadOnlySpan<byte> path, int flags, ulong resolve, out SafeFileHandle handle)
    {
        var how = new OpenHow { Flags = (uint)flags, Resolve = resolve };
        fixed (byte* start = path)
        {
            // Refused for the moment while something on the way is being renamed (openat2(2), EAGAIN).
            for (var attempt = 1; ; attempt++)
            {
                var descriptor = OpenAt2(OpenAt2Number, (int)root.DangerousGetHandle(), start, &how, (nuint)sizeof(OpenHow));
                var error = descriptor >= 0 ? 0 : Marshal.GetLastPInvokeError();
                if (error is not (TryAgain or Interrupted) || attempt == OpenAt2Tries)
                {
                    handle = new SafeFileHandle((nint)descriptor, ownsHandle: true);
                    return error;
                }
            }
        }
    }

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static partial int OpenAt(int directory, byte* path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long OpenAt2(long number, long directory, byte* path, OpenHow* how, nuint size);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int StatX(int directory, byte* path, int flags, uint mask, out FileStatus status);

    [LibraryImport("libc", EntryPoint = "getdents64", SetLastError = true)]
    private static partial nint GetDirectoryEntries(int directory, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long Seek(int file, long offset, int from);

    [LibraryImport("libc", EntryPoint = "fstatfs", SetLastError = true)]
    private static partial int StatFs(int file, long* status);

    [LibraryImport("libc", EntryPoint = "readlink", SetLastError = true)]
    private static partial nint ReadLink(byte* path, byte* buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "sync_file_range", SetLastError = true)]
    private static partial int SyncFileRange(int file, long offset, long length, uint flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int file);
}

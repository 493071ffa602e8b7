using System.Runtime.InteropServices;
using KubeCop.Core.Events;

namespace KubeCop.Sensor.Bpf;

/// <summary>The system calls the sensor needs that .NET does not offer.</summary>
internal static unsafe partial class LibC
{
    public const int ProtRead = 1;
    public const int ProtWrite = 2;
    public const int MapShared = 1;
    public const int ClockBootTime = 7;

    private const string Library = "libc";

    [LibraryImport(Library, EntryPoint = "mmap", SetLastError = true)]
    public static partial byte* Map(nint address, nuint length, int protection, int flags, int descriptor, nint offset);

    [LibraryImport(Library, EntryPoint = "munmap")]
    public static partial int Unmap(byte* address, nuint length);

    [LibraryImport(Library, EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int CreateEpoll(int flags);

    [LibraryImport(Library, EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int ControlEpoll(int epoll, int operation, int descriptor, byte* entry);

    [LibraryImport(Library, EntryPoint = "epoll_wait", SetLastError = true)]
    public static partial int WaitEpoll(int epoll, byte* events, int maxEvents, int timeoutMilliseconds);

    [LibraryImport(Library, EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventDescriptor(uint initial, int flags);

    [LibraryImport(Library, EntryPoint = "read", SetLastError = true)]
    public static partial nint Read(int descriptor, void* buffer, nuint count);

    [LibraryImport(Library, EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int descriptor, void* buffer, nuint count);

    /// <summary>A directory to attach to.</summary>
    public static readonly int OpenDirectory = (int)OpenFlags.Parse(["O_DIRECTORY", "O_CLOEXEC"]);

    [LibraryImport(Library, EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    public static partial int Open(string path, int flags);

    [LibraryImport(Library, EntryPoint = "close")]
    public static partial int Close(int descriptor);

    [LibraryImport(Library, EntryPoint = "clock_gettime")]
    public static partial int GetTime(int clock, TimeSpec* time);

    [LibraryImport(Library, EntryPoint = "vsnprintf")]
    public static partial int FormatList(byte* buffer, nuint size, byte* format, nint arguments);

    /// <summary>Gives what is free of the native heap back to the system. Offered by glibc alone.</summary>
    [LibraryImport(Library, EntryPoint = "malloc_trim")]
    public static partial int TrimHeap(nuint keep);

    [StructLayout(LayoutKind.Sequential)]
    public struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }
}

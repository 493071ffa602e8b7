using System.Runtime.InteropServices;

namespace KubeCop.Sensor.Privileges;

/// <summary>The system calls about capabilities, and the part in C that runs in a signal handler.</summary>
internal static unsafe partial class LibC
{
    /// <summary>_LINUX_CAPABILITY_VERSION_3: 64 bits in two halves.</summary>
    public const uint CapabilityVersion = 0x20080522;

    public const int ReadAccess = 4;
    public const int WriteAccess = 2;

    private const string Library = "libc";
    private const string Native = "libkubecop-privileges.so";
    private const int CurrentDirectory = -100;
    private const int EffectiveIds = 0x200;

    /// <summary>Whether the calling thread, with the capabilities that are effective, may use a file (faccessat(2)).</summary>
    public static bool MayUse(string path, int access) => CheckAccess(CurrentDirectory, path, access, EffectiveIds) == 0;

    /// <summary>Where the handler is.</summary>
    public static nint Handler() => NativeLibrary.GetExport(NativeLibrary.Load(Native, typeof(LibC).Assembly, null), "kubecop_limit_on_signal");

    /// <returns>0, or a negative error number.</returns>
    [LibraryImport(Native, EntryPoint = "kubecop_limit")]
    public static partial nint Limit(ulong keep);

    [LibraryImport(Library, EntryPoint = "sigaction", SetLastError = true)]
    public static partial int SetAction(int signal, SignalAction* action, SignalAction* before);

    [LibraryImport(Library, EntryPoint = "tgkill", SetLastError = true)]
    public static partial int Signal(int process, int thread, int signal);

    [LibraryImport(Library, EntryPoint = "capget", SetLastError = true)]
    public static partial int GetCapabilities(CapabilityHeader* header, CapabilitySets* sets);

    [LibraryImport(Library, EntryPoint = "capset", SetLastError = true)]
    public static partial int SetCapabilities(CapabilityHeader* header, CapabilitySets* sets);

    [LibraryImport(Library, EntryPoint = "faccessat", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int CheckAccess(int directory, string path, int access, int flags);

    [StructLayout(LayoutKind.Sequential)]
    public struct CapabilityHeader
    {
        public uint Version;

        /// <summary>0 for the thread that calls.</summary>
        public int Thread;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct CapabilitySets
    {
        public uint Effective;
        public uint Permitted;
        public uint Inheritable;
    }

    /// <summary>glibc's <c>struct sigaction</c>, the same on x86-64 and arm64.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct SignalAction
    {
        public const int Restart = 0x10000000;
        public const int OnAlternateStack = 0x08000000;

        public nint Handler;
        public fixed ulong Blocked[16];
        public int Flags;
        public nint Restorer;
    }
}

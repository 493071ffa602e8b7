using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Scanning.Walking;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Quarantining;

/// <summary>The system calls that move a file by the descriptors of directories, so that nobody can lead them elsewhere by a link.</summary>
internal static unsafe partial class FileMoves
{
    public const int Exists = 17;
    public const int OtherDevice = 18;
    public const int NotSupported = 22;
    public const int ReadOnly = 30;
    public const int NoCall = 38;

    private const uint NoReplace = 1;
    private const uint OwnerOnly = 0x180; // 0600

    private const int ReadWrite = 2;

    private static readonly int New = ReadWrite | (int)OpenFlags.Parse(["O_CREAT", "O_EXCL", "O_NOFOLLOW", "O_CLOEXEC"]);

    /// <summary>Moves an entry; never onto another one.</summary>
    /// <param name="name">Ends with a zero byte, as <paramref name="newName"/> does.</param>
    /// <returns>0, or the error's number: <see cref="Exists"/> when there is something of the new name.</returns>
    public static int Move(SafeFileHandle directory, ReadOnlySpan<byte> name, SafeFileHandle newDirectory, ReadOnlySpan<byte> newName)
    {
        fixed (byte* old = name, fresh = newName)
        {
            return RenameAt2((int)directory.DangerousGetHandle(), old, (int)newDirectory.DangerousGetHandle(), fresh, NoReplace) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    /// <summary>Whether <see cref="Move"/> says that the content has to be copied instead.</summary>
    public static bool NeedsCopy(int error) => error is OtherDevice or NotSupported or NoCall;

    /// <summary>Makes a file of mode 0600 and opens it for reading and writing.</summary>
    /// <param name="name">Ends with a zero byte.</param>
    /// <returns>0, or the error's number: <see cref="Exists"/> when there is something of the name.</returns>
    public static int Create(SafeFileHandle directory, ReadOnlySpan<byte> name, out SafeFileHandle file)
    {
        fixed (byte* start = name)
        {
            var descriptor = OpenAt((int)directory.DangerousGetHandle(), start, New, OwnerOnly);
            var error = descriptor >= 0 ? 0 : Marshal.GetLastPInvokeError();
            file = new SafeFileHandle(descriptor, ownsHandle: true);
            return error;
        }
    }

    /// <summary>Removes an entry that is no directory.</summary>
    /// <param name="name">Ends with a zero byte.</param>
    /// <returns>0, or the error's number.</returns>
    public static int Remove(SafeFileHandle directory, ReadOnlySpan<byte> name)
    {
        fixed (byte* start = name)
        {
            return UnlinkAt((int)directory.DangerousGetHandle(), start, 0) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
    }

    /// <returns>0, or the error's number.</returns>
    public static int ChangeOwner(SafeFileHandle file, uint owner, uint group) =>
        ChangeOwner((int)file.DangerousGetHandle(), owner, group) == 0 ? 0 : Marshal.GetLastPInvokeError();

    /// <summary>Looks at an entry, itself and not what it leads to.</summary>
    /// <returns>0, or the error's number.</returns>
    public static int Status(SafeFileHandle directory, ReadOnlySpan<byte> name, out LibC.FileStatus status) =>
        LibC.Status((int)directory.DangerousGetHandle(), name, out status);

    public static string Describe(int error) => error == ReadOnly
        ? "the file system is read-only for KubeCop; in a pod the host's root has to be mounted for writing"
        : Marshal.GetPInvokeErrorMessage(error);

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true)]
    private static partial int RenameAt2(int directory, byte* name, int newDirectory, byte* newName, uint flags);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    private static partial int OpenAt(int directory, byte* path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    private static partial int UnlinkAt(int directory, byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "fchown", SetLastError = true)]
    private static partial int ChangeOwner(int file, uint owner, uint group);
}

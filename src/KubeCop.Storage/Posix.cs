using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace KubeCop.Storage;

/// <summary>What durable files need of POSIX and .NET does not offer. Errors are <see cref="IOException"/> with errno as HResult, as .NET's own.</summary>
internal static partial class Posix
{
    public const UnixFileMode PrivateDirectory = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;
    public const UnixFileMode PrivateFile = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    private const int ReadOnly = 0;
    private const int ReadWrite = 2;
    private const int Create = 0x40;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int LockExclusive = 2;
    private const int LockNonBlocking = 4;
    private const int WouldBlock = 11;
    private const int PrivateFileMode = 0x180; // 0600

    /// <summary>Makes what was created, renamed or deleted in a directory survive a power loss; a file's own sync does not (fsync(2), NOTES).</summary>
    public static void SyncDirectory(string path)
    {
        using var directory = OpenFile(path, ReadOnly | CloseOnExec, 0);
        if (Sync(directory) != 0)
        {
            throw LastError(path);
        }
    }

    /// <summary>Opens a file, made with mode 0600 when absent, without taking any lock.</summary>
    public static SafeFileHandle OpenOrCreate(string path) => OpenFile(path, ReadWrite | Create | CloseOnExec, PrivateFileMode);

    /// <summary>Opens what somebody else put there. A FIFO is opened at once, where others wait for one who writes, for ever if there is none (open(2)).</summary>
    public static SafeFileHandle OpenForeign(string path) => OpenFile(path, ReadOnly | NonBlocking | CloseOnExec, 0);

    /// <summary>
    /// Takes the file's exclusive lock, which the kernel gives back when the handle is closed, however the process ends (flock(2)).
    /// .NET's FileShare.None does not do: it can be switched off, and it hides the file's content from the others.
    /// </summary>
    /// <returns>False when somebody else holds it.</returns>
    public static bool TryLock(SafeFileHandle file, string path)
    {
        if (Lock(file, LockExclusive | LockNonBlocking) == 0)
        {
            return true;
        }

        return Marshal.GetLastPInvokeError() == WouldBlock ? false : throw LastError(path);
    }

    private static SafeFileHandle OpenFile(string path, int flags, uint mode)
    {
        var handle = Open(Encoding.UTF8.GetBytes(path + '\0'), flags, mode);
        if (!handle.IsInvalid)
        {
            return handle;
        }

        var error = LastError(path);
        handle.Dispose();
        throw error;
    }

    private static IOException LastError(string path)
    {
        var errno = Marshal.GetLastPInvokeError();
        return new IOException($"{Marshal.GetPInvokeErrorMessage(errno)}: '{path}'", errno);
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial SafeFileHandle Open([In] byte[] path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int Lock(SafeFileHandle file, int operation);
}

namespace KubeCop.Storage;

/// <summary>Says in words what a disk's refusal means and what to do about it.</summary>
internal static class DiskErrors
{
    /// <summary>ENOSPC; .NET puts errno into an IOException's HResult on Unix.</summary>
    public const int NoSpace = 28;

    private const int NotPermitted = 1;
    private const int NoEntry = 2;
    private const int InputOutput = 5;
    private const int AccessDenied = 13;
    private const int NotADirectory = 20;
    private const int ReadOnlyFileSystem = 30;
    private const int QuotaExceeded = 122;

    /// <summary>Whether the disk, and not the program, is to blame.</summary>
    public static bool IsDiskError(Exception error) => error is IOException or UnauthorizedAccessException;

    /// <returns>Why, as the end of a sentence, and the remedy as a sentence of its own.</returns>
    public static (string Reason, string Remedy) Explain(Exception error, string directory) => error.HResult switch
    {
        NoSpace or QuotaExceeded => ("the disk is full", $"Free space on the file system of {directory}, or move the data directory to a larger one."),
        ReadOnlyFileSystem => ("the file system is read-only", $"Mount the file system of {directory} writable, or choose another data directory."),
        InputOutput => ("the disk reports an input/output error", "Look for its cause in the kernel's log (dmesg) and replace the disk if it is failing."),
        NotADirectory => ("a part of the path is not a directory", "Choose another data directory, or move that file away."),
        NotPermitted or AccessDenied => AccessRefused(directory),
        _ when error is UnauthorizedAccessException => AccessRefused(directory),
        _ when error.HResult == NoEntry || error is FileNotFoundException or DirectoryNotFoundException =>
            ("it is not there and cannot be made", $"Look whether what {directory} is in is mounted and takes files, or choose another data directory."),
        _ => (error.Message.TrimEnd('.'), $"Check {directory}."),
    };

    private static (string Reason, string Remedy) AccessRefused(string directory) =>
        ("access is denied", $"Give user {Environment.UserName} the right to read and write {directory}, or choose another data directory.");
}

using Microsoft.Win32.SafeHandles;

namespace KubeCop.Scanning.Walking;

/// <summary>A regular file that is open for reading. What is said of it was read from the open file, not by its name.</summary>
internal sealed class WalkedFile : IDisposable
{
    private static readonly TimeSpan Unsettled = TimeSpan.FromSeconds(2);

    /// <param name="isWrittenBack">Whether its pages were, before <paramref name="status"/> was read (<see cref="LibC.WriteBack"/>).</param>
    internal WalkedFile(byte[] path, SafeFileHandle handle, in LibC.FileStatus status, DateTimeOffset openedAt, bool isWrittenBack = false)
    {
        Path = path;
        Handle = handle;
        Identity = new FileIdentity(status.Device, status.Inode, status.ChangedNanoseconds, status.Size);
        (Owner, Group, Mode, Links) = (status.Owner, status.Group, (UnixFileMode)(status.Mode & 0xfff), status.Links);
        AllocatedBytes = status.AllocatedBytes;
        Modified = Time(status.ModifiedNanoseconds);
        Changed = Time(status.ChangedNanoseconds);
        IsSettled = isWrittenBack && IsOld(status, openedAt) && !FileSystems.IsInMemory(LibC.FileSystemType(handle));
    }

    /// <summary>On the host, or in the container whose root is walked (<see cref="ScanRoot.ContainerId"/>); bytes of no encoding.</summary>
    public byte[] Path { get; }

    public SafeFileHandle Handle { get; }

    public FileIdentity Identity { get; }

    /// <summary>User id, as the host counts.</summary>
    public uint Owner { get; }

    /// <summary>Group id, as the host counts.</summary>
    public uint Group { get; }

    public UnixFileMode Mode { get; }

    /// <summary>How many names it has.</summary>
    public uint Links { get; }

    /// <summary>What it takes on the disk; of a sparse file less than its size.</summary>
    public long AllocatedBytes { get; }

    public DateTimeOffset Modified { get; }

    public DateTimeOffset Changed { get; }

    /// <summary>
    /// Whether a later change is certain to give it another identity. The kernel's times are only as fine as its tick, and some file systems' as a
    /// second: what changed within the last two seconds may change again and look the same. So may what was changed through a mapping, as long as the
    /// kernel has not written it back. In a file system in memory that is always so
    /// (<see cref="FileSystems.IsInMemory"/>). Such a file is not to be remembered as clean.
    /// </summary>
    public bool IsSettled { get; }

    /// <summary>Whether its last change is long enough ago.</summary>
    internal static bool IsOld(in LibC.FileStatus status, DateTimeOffset now) => now - Time(status.ChangedNanoseconds) >= Unsettled;

    public void Dispose() => Handle.Dispose();

    private static DateTimeOffset Time(long nanoseconds) => DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / 100);
}

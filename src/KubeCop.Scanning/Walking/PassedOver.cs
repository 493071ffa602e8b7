namespace KubeCop.Scanning.Walking;

/// <summary>Why a walk did not hand out what it met.</summary>
internal enum PassReason
{
    /// <summary>A symbolic link. What it leads to is walked where it is.</summary>
    Link,

    /// <summary>A further name of a file that this scan has met (a hard link).</summary>
    HardLink,

    /// <summary>A FIFO, socket, device or whiteout: nothing that has content.</summary>
    Special,

    /// <summary>What the kernel shows as files, such as /proc. Counted once a mount.</summary>
    PseudoFileSystem,

    /// <summary>On another machine, or served by a program, so that reading may never end. Counted once a mount.</summary>
    NetworkFileSystem,

    /// <summary>A file system or directory that this scan walks in another place. Counted once a mount.</summary>
    WalkedElsewhere,

    /// <summary>It may not be read, its disk fails, or a process has a lease on it. A directory counts once, whatever it holds.</summary>
    Unreadable,

    /// <summary>It went away, or something else took its place, between being listed and being opened.</summary>
    Vanished,

    /// <summary>A directory deeper than the walk goes. Counts once, whatever it holds.</summary>
    TooDeep,
}

/// <summary>What walks passed over, by reason. Written by one walk at a time; anybody may read.</summary>
internal sealed class PassedOver
{
    private readonly long[] _counts = new long[Enum.GetValues<PassReason>().Length];

    public long this[PassReason reason] => Volatile.Read(ref _counts[(int)reason]);

    public long Total => Enum.GetValues<PassReason>().Sum(reason => this[reason]);

    public void Add(PassReason reason) => Interlocked.Increment(ref _counts[(int)reason]);
}

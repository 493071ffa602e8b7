namespace KubeCop.Core.Events;

/// <summary>What a process did. The numbers are those of <c>enum kc_kind</c> in bpf/include/kubecop_event.h.</summary>
public enum EventKind : ushort
{
    None = 0,

    /// <summary>A program was executed: the process image has been replaced.</summary>
    Exec = 1,

    /// <summary>A process was created.</summary>
    Fork = 2,

    /// <summary>The last thread of a process ended.</summary>
    Exit = 3,

    /// <summary>A file was opened.</summary>
    Open = 4,

    /// <summary>A connection was begun, one was accepted, or a port was opened to be connected to.</summary>
    Network = 5,

    /// <summary>A DNS query was sent or an answer to one received.</summary>
    Dns = 6,

    /// <summary>The kernel checked whether a process has a capability.</summary>
    Capability = 7,

    /// <summary>A system call was made, for the first time in its container.</summary>
    Syscall = 8,

    /// <summary>The floating-point rounding mode was changed as often as only RandomX, a miner's proof of work, does.</summary>
    RandomX = 9,

    /// <summary>A kernel module was loaded, or that was tried.</summary>
    Module = 10,

    /// <summary>A process took control of another one (ptrace), or tried to.</summary>
    Ptrace = 11,

    /// <summary>A process left namespaces for new ones of its own (unshare), or tried to.</summary>
    Unshare = 12,

    /// <summary>A process joined namespaces (setns), or tried to.</summary>
    Setns = 13,
}

/// <summary>Facts about an event that the kernel established. The numbers are those of <c>enum kc_event_flags</c>.</summary>
[Flags]
public enum EventFlags : uint
{
    None = 0,

    /// <summary>Done by the runtime's init before its first exec: neither learned nor judged.</summary>
    Setup = 1 << 0,

    /// <summary>A path was longer than the sensor carries and misses its beginning.</summary>
    PathTruncated = 1 << 1,

    /// <summary>The path does not lead to the root of the mount namespace.</summary>
    PathUnreachable = 1 << 2,

    /// <summary>The file had no name left when it was used.</summary>
    FileDeleted = 1 << 3,

    /// <summary>The file lives in memory only (memfd_create).</summary>
    FileInMemory = 1 << 4,

    /// <summary>The file is in the overlay's upper layer: it was not in the image.</summary>
    FileUpperLayer = 1 << 5,

    /// <summary>argv is longer than the sensor carries; its end is missing.</summary>
    ArgumentsTruncated = 1 << 6,

    /// <summary>argv could not be read.</summary>
    ArgumentsUnreadable = 1 << 7,

    /// <summary>The process came into the container from outside (a runtime's exec-into).</summary>
    Entered = 1 << 8,

    /// <summary>It was tried, and the kernel refused; <see cref="SensorEvent.Error"/> says why.</summary>
    Refused = 1 << 9,

    /// <summary>
    /// Nothing that happened now: a process that already ran when its container was first seen. It completes the process tree and is neither
    /// learned nor judged.
    /// </summary>
    Snapshot = 1 << 10,
}

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace KubeCop.Sensor.Decoding;

/// <summary>
/// The mirror of bpf/include/kubecop_event.h: same names in C# spelling, same offsets. A test compares both by the object's BTF; change
/// the header first.
/// </summary>
internal enum RecordKind : ushort
{
    Exec = 1,
    Fork = 2,
    Exit = 3,
    Open = 4,
    CgroupCreated = 16,
    CgroupEmpty = 17,
    CgroupPopulated = 18,
    CgroupRemoved = 19,
}

/// <summary><c>KC_COMM_LEN</c> bytes, NUL padded.</summary>
[InlineArray(16)]
internal struct Comm
{
    private byte _first;
}

/// <summary><c>struct kc_event</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct EventHead
{
    public ulong TimestampNs;
    public ulong CgroupId;
    public ulong StartTimeNs;
    public ulong ParentStartTimeNs;
    public uint Size;
    public uint Flags;
    public uint Pid;
    public uint ParentPid;
    public uint Uid;
    public uint Gid;
    public RecordKind Kind;
    public ushort Reserved;
    public uint Cpu;
    public Comm Comm;
}

/// <summary><c>struct kc_exec_lengths</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ExecLengths
{
    public uint Args;
    public ushort Executable;
    public ushort Filename;
    public ushort Cwd;
    public ushort Reserved;
}

/// <summary><c>struct kc_exec</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ExecRecord
{
    public EventHead Event;
    public ulong Inode;
    public uint Device;
    public uint Reserved;
    public Comm ParentComm;
    public uint Reserved2;
    public ExecLengths Lengths;
}

/// <summary><c>struct kc_fork</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ForkRecord
{
    public EventHead Event;
    public Comm ParentComm;
}

/// <summary><c>struct kc_exit</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ExitRecord
{
    public EventHead Event;
    public int ExitCode;
    public uint Reserved;
}

/// <summary><c>struct kc_open</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct OpenRecord
{
    public EventHead Event;
    public ulong Inode;
    public uint Device;
    public uint OpenFlags;
    public ushort PathLen;
    public ushort Mode;
    public uint Reserved;
}

/// <summary><c>struct kc_cgroup</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CgroupRecord
{
    public EventHead Event;
    public ulong ParentCgroupId;
    public ushort PathLen;
    public ushort MakerCwdLen;
    public uint Reserved;
}

/// <summary><c>enum kc_cgroup_state</c></summary>
internal enum CgroupState : uint
{
    Candidate = 1,
    Container = 2,
    Dormant = 3,
}

/// <summary><c>struct kc_cgroup_entry</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CgroupEntry
{
    public ulong ContainerCgroupId;
    public CgroupState State;
    public uint Reserved;
}

/// <summary>Constants of the header.</summary>
internal static class Wire
{
    /// <summary><c>KC_KINDS</c></summary>
    public const int Kinds = 32;

    /// <summary><c>enum kc_loss</c>, as words of metrics.</summary>
    public static readonly string[] LossReasons = ["ring_full", "cgroups_full", "setup_tasks_full", "file_closed"];
}

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
    Network = 5,
    Dns = 6,
    Capability = 7,
    Syscall = 8,
    RandomX = 9,
    Module = 10,
    Ptrace = 11,
    Unshare = 12,
    Setns = 13,
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
    public ulong Sighting;
    public uint Size;
    public uint Flags;
    public uint Pid;
    public uint ParentPid;
    public uint Uid;
    public uint Gid;
    public RecordKind Kind;
    public ushort Slot;
    public uint Sequence;
    public uint Repeats;
    public int Error;
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
    public StreamRecords Streams;
    public ExecLengths Lengths;
}

/// <summary>An address: IPv4 in the first four bytes.</summary>
[InlineArray(16)]
internal struct AddressBytes
{
    private byte _first;
}

/// <summary><c>struct kc_stream</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct StreamRecord
{
    public byte Type;
    public byte Family;
    public ushort Port;
    public AddressBytes Address;
}

/// <summary>Those of descriptors 0, 1 and 2.</summary>
[InlineArray(3)]
internal struct StreamRecords
{
    private StreamRecord _first;
}

/// <summary><c>struct kc_network</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NetworkRecord
{
    public EventHead Event;
    public AddressBytes Address;
    public ushort Port;
    public byte Family;
    public byte Protocol;
    public byte Action;
    public ReservedBytes Reserved;
}

/// <summary>Three unused bytes.</summary>
[InlineArray(3)]
internal struct ReservedBytes
{
    private byte _first;
}

/// <summary><c>struct kc_dns</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct DnsRecord
{
    public EventHead Event;
    public AddressBytes Address;
    public ushort Len;
    public byte Family;
    public byte Protocol;
    public byte Received;
    public ReservedBytes Reserved;
}

/// <summary><c>struct kc_capability</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CapabilityRecord
{
    public EventHead Event;
    public uint Capability;
    public uint Syscall;
}

/// <summary><c>struct kc_syscall</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SyscallRecord
{
    public EventHead Event;
    public uint Number;
    public uint Reserved;
}

/// <summary><c>struct kc_randomx</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct RandomXRecord
{
    public EventHead Event;
}

/// <summary><c>struct kc_module</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ModuleRecord
{
    public EventHead Event;
    public ushort PathLen;
    public ReservedWords Reserved;
}

/// <summary>Three unused 16-bit words.</summary>
[InlineArray(3)]
internal struct ReservedWords
{
    private ushort _first;
}

/// <summary><c>struct kc_ptrace</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PtraceRecord
{
    public EventHead Event;
    public uint Request;
    public uint Target;
}

/// <summary><c>struct kc_namespaces</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct NamespacesRecord
{
    public EventHead Event;
    public uint Flags;
    public uint Reserved;
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
    public ulong Directory;
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
    public uint Slot;
}

/// <summary>Bytes of each of <c>KC_RINGS</c>.</summary>
[InlineArray(Wire.Rings)]
internal struct RingBytes
{
    private ulong _first;
}

/// <summary>A count of each of <c>KC_RINGS</c>.</summary>
[InlineArray(Wire.Rings)]
internal struct RingCounts
{
    private uint _first;
}

/// <summary><c>KC_SYSCALLS</c> bits.</summary>
[InlineArray(16)]
internal struct SyscallBits
{
    private ulong _first;
}

/// <summary>One number for each of <c>KC_KINDS</c>.</summary>
[InlineArray(Wire.Kinds)]
internal struct PerKind
{
    private ulong _first;
}

/// <summary>One number for each kind and reason.</summary>
[InlineArray(Wire.Kinds * 6)]
internal struct PerLoss
{
    private ulong _first;
}

/// <summary><c>struct kc_slot</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SlotRecord
{
    public ulong CgroupId;
    public RingBytes Produced;
    public RingBytes Consumed;
    public SyscallBits Syscalls;
    public PerKind Repeats;
    public PerLoss Lost;
    public ulong RoundingChangedNs;
    public uint RoundingChanges;
    public RingCounts Sequence;
    public uint Epoch;
    public ulong EachSinceNs;
    public uint EachReported;
    public uint Reserved;
}

/// <summary><c>struct kc_sighting</c></summary>
[StructLayout(LayoutKind.Sequential)]
internal struct SightingRecord
{
    public ulong Key;
    public ulong ReportAfterNs;
    public uint Epoch;
    public uint Repeats;
}

/// <summary>Constants of the header.</summary>
internal static class Wire
{
    /// <summary><c>KC_KINDS</c></summary>
    public const int Kinds = 32;

    /// <summary><c>KC_RINGS</c></summary>
    public const int Rings = 2;

    /// <summary><c>KC_REPORT_EACH</c></summary>
    public const ulong ReportEach = 1;

    /// <summary><c>KC_SIGHTING_WAYS</c></summary>
    public const int SightingWays = 4;

    /// <summary><c>KC_SIGHTING_SETS</c></summary>
    public const int SightingSets = 256;

    /// <summary><c>KC_DIRECTORY_WAYS</c></summary>
    public const int DirectoryWays = 2;

    /// <summary><c>enum kc_loss</c>, as words of metrics.</summary>
    public static readonly string[] LossReasons = ["ring_full", "cgroups_full", "setup_tasks_full", "file_closed", "share_used", "no_buffer"];
}

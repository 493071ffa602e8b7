using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Sensor.Containers;

namespace KubeCop.Sensor.Decoding;

/// <summary>
/// Records of the ring to events. Allocates only for strings it has not seen lately. Used by one thread, the ring's reader.
/// </summary>
internal sealed class EventDecoder
{
    private readonly Interner<string> _paths = new(16 * 1024, KernelText.Decode);
    private readonly Interner<string> _comms = new(1024, KernelText.Decode);
    private readonly Interner<DecodedExec> _execs = new(2048, DecodedExec.Decode);
    private readonly Interner<IReadOnlyList<string>> _streams = new(256, StreamText.Decode);
    private readonly Interner<NetworkDetails> _connections = new(1024, NetworkText.Details);
    private readonly Interner<PtraceDetails> _ptraces = new(16, static bytes => Ptrace(MemoryMarshal.Read<(uint Request, uint Target)>(bytes)));
    private readonly Dictionary<(uint Capability, uint Syscall, bool Granted), CapabilityDetails> _capabilities = [];

    /// <summary>Fills <paramref name="target"/> from a record.</summary>
    /// <returns>False for a record that is no event of a process, or is shorter than it says.</returns>
    public bool TryDecode(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        ref readonly var head = ref Head(record);
        if (head.Size > record.Length)
        {
            return false;
        }

        target = default;
        target.Kind = (EventKind)head.Kind;
        target.Flags = (EventFlags)head.Flags;
        target.Timestamp = (long)head.TimestampNs;
        target.Sighting = head.Sighting;
        target.Repeats = head.Repeats;
        target.Error = head.Error;
        target.Path = "";
        target.Executable = "";
        target.ParentComm = "";
        target.Process = new ProcessIdentity
        {
            Key = Key(head.Pid, head.StartTimeNs),
            Parent = Key(head.ParentPid, head.ParentStartTimeNs),
            Uid = head.Uid,
            Gid = head.Gid,
            Comm = Text(in head.Comm),
        };
        return head.Kind switch
        {
            RecordKind.Exec => Exec(record, ref target),
            RecordKind.Open => Open(record, ref target),
            RecordKind.Fork => Fork(record, ref target),
            RecordKind.Exit => Exit(record, ref target),
            RecordKind.Network => Network(record, ref target),
            RecordKind.Dns => Dns(record, ref target),
            RecordKind.Capability => Capability(record, ref target),
            RecordKind.Syscall => Syscall(record, ref target),
            RecordKind.RandomX => true,
            RecordKind.Module => Module(record, ref target),
            RecordKind.Ptrace => Ptrace(record, ref target),
            RecordKind.Unshare or RecordKind.Setns => Namespaces(record, ref target),
            _ => false,
        };
    }

    /// <summary>The head of a record. Records shorter than a head are never sent.</summary>
    public static ref readonly EventHead Head(ReadOnlySpan<byte> record) => ref MemoryMarshal.AsRef<EventHead>(record);

    /// <summary>The path of a cgroup's record.</summary>
    public static string CgroupPath(ReadOnlySpan<byte> record)
    {
        ref readonly var cgroup = ref MemoryMarshal.AsRef<CgroupRecord>(record);
        return KernelText.Decode(record.Slice(Unsafe.SizeOf<CgroupRecord>(), cgroup.PathLen));
    }

    /// <summary>Who made a cgroup, from the record of its creation.</summary>
    public static CgroupMaker CgroupMaker(ReadOnlySpan<byte> record)
    {
        ref readonly var cgroup = ref MemoryMarshal.AsRef<CgroupRecord>(record);
        ReadOnlySpan<byte> comm = cgroup.Event.Comm;
        var directory = record.Slice(Unsafe.SizeOf<CgroupRecord>() + cgroup.PathLen, cgroup.MakerCwdLen);
        var isWhole = ((EventFlags)cgroup.Event.Flags & (EventFlags.PathTruncated | EventFlags.PathUnreachable)) == 0;
        return new CgroupMaker(KernelText.Decode(comm.TrimEnd((byte)0)), isWhole ? KernelText.Decode(directory) : "");
    }

    private static ProcessKey Key(uint pid, ulong startTimeNs) => new(pid, (long)startTimeNs);

    private bool Exec(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<ExecRecord>())
        {
            return false;
        }

        ref readonly var exec = ref MemoryMarshal.AsRef<ExecRecord>(record);
        // The lengths are part of what is interned: without them, differently divided strings would be the same.
        var start = Unsafe.SizeOf<ExecRecord>() - Unsafe.SizeOf<ExecLengths>();
        var decoded = _execs.Get(record[start..(int)exec.Event.Size]);
        target.Path = decoded.Path;
        target.Executable = decoded.Executable;
        target.Details = decoded.With(_streams.Get(record[(start - Unsafe.SizeOf<StreamRecords>())..start]));
        target.ParentComm = Text(in exec.ParentComm);
        return true;
    }

    private bool Open(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<OpenRecord>())
        {
            return false;
        }

        ref readonly var open = ref MemoryMarshal.AsRef<OpenRecord>(record);
        target.Path = _paths.Get(record.Slice(Unsafe.SizeOf<OpenRecord>(), open.PathLen));
        target.Value = open.OpenFlags;
        target.Directory = open.Directory;
        return true;
    }

    private bool Fork(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<ForkRecord>())
        {
            return false;
        }

        target.ParentComm = Text(in MemoryMarshal.AsRef<ForkRecord>(record).ParentComm);
        return true;
    }

    private static bool Exit(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<ExitRecord>())
        {
            return false;
        }

        target.Value = (uint)MemoryMarshal.AsRef<ExitRecord>(record).ExitCode;
        return true;
    }

    private bool Network(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<NetworkRecord>())
        {
            return false;
        }

        var details = _connections.Get(record[Unsafe.SizeOf<EventHead>()..Unsafe.SizeOf<NetworkRecord>()]);
        (target.Details, target.Path, target.Value) = (details, details.Address, details.Port);
        return true;
    }

    private static bool Dns(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        // Each is another one: the kernel has ended the repeats.
        if (record.Length < Unsafe.SizeOf<DnsRecord>() || DnsMessage.Decode(record[Unsafe.SizeOf<EventHead>()..]) is not { } details)
        {
            return false;
        }

        (target.Details, target.Path) = (details, details.Name);
        return true;
    }

    private bool Capability(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<CapabilityRecord>())
        {
            return false;
        }

        ref readonly var check = ref MemoryMarshal.AsRef<CapabilityRecord>(record);
        var key = (check.Capability, check.Syscall, (target.Flags & EventFlags.Refused) == 0);
        if (!_capabilities.TryGetValue(key, out var details))
        {
            // Bounded by the numbers there are: 64 capabilities times 1024 system calls.
            details = new CapabilityDetails(Capabilities.Name((int)key.Capability), SystemCalls.Name((int)key.Syscall), key.Item3);
            _capabilities.Add(key, details);
        }

        (target.Details, target.Path, target.Value) = (details, details.Name, check.Capability);
        return true;
    }

    private static bool Syscall(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<SyscallRecord>())
        {
            return false;
        }

        var number = MemoryMarshal.AsRef<SyscallRecord>(record).Number;
        (target.Path, target.Value) = (SystemCalls.Name((int)number), number);
        return true;
    }

    private bool Module(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<ModuleRecord>())
        {
            return false;
        }

        target.Path = _paths.Get(record.Slice(Unsafe.SizeOf<ModuleRecord>(), MemoryMarshal.AsRef<ModuleRecord>(record).PathLen));
        return true;
    }

    private bool Ptrace(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<PtraceRecord>())
        {
            return false;
        }

        target.Details = _ptraces.Get(record[Unsafe.SizeOf<EventHead>()..Unsafe.SizeOf<PtraceRecord>()]);
        target.Value = MemoryMarshal.AsRef<PtraceRecord>(record).Request;
        return true;
    }

    // include/uapi/linux/ptrace.h, those that are reported
    private static PtraceDetails Ptrace((uint Request, uint Target) ptrace) => new(
        ptrace.Request switch
        {
            0 => "PTRACE_TRACEME",
            4 => "PTRACE_POKETEXT",
            5 => "PTRACE_POKEDATA",
            6 => "PTRACE_POKEUSR",
            13 => "PTRACE_SETREGS",
            15 => "PTRACE_SETFPREGS",
            16 => "PTRACE_ATTACH",
            0x4205 => "PTRACE_SETREGSET",
            0x4206 => "PTRACE_SEIZE",
            var other => $"PTRACE_{other}",
        },
        ptrace.Request == 0 ? 0 : ptrace.Target);

    private static bool Namespaces(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<NamespacesRecord>())
        {
            return false;
        }

        target.Value = MemoryMarshal.AsRef<NamespacesRecord>(record).Flags;
        return true;
    }

    private string Text(in Comm comm)
    {
        ReadOnlySpan<byte> bytes = comm;
        var end = bytes.IndexOf((byte)0);
        return _comms.Get(end < 0 ? bytes : bytes[..end]);
    }
}

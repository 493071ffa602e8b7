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

    private static ProcessKey Key(uint pid, ulong startTimeNs) => new(pid, ProcessStartTime.Round((long)startTimeNs));

    private bool Exec(ReadOnlySpan<byte> record, ref SensorEvent target)
    {
        if (record.Length < Unsafe.SizeOf<ExecRecord>())
        {
            return false;
        }

        ref readonly var exec = ref MemoryMarshal.AsRef<ExecRecord>(record);
        // The lengths are part of what is interned: without them, differently divided strings would be the same.
        var decoded = _execs.Get(record[(Unsafe.SizeOf<ExecRecord>() - Unsafe.SizeOf<ExecLengths>())..(int)exec.Event.Size]);
        target.Path = decoded.Path;
        target.Executable = decoded.Executable;
        target.Details = decoded.Details;
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

    private string Text(in Comm comm)
    {
        ReadOnlySpan<byte> bytes = comm;
        var end = bytes.IndexOf((byte)0);
        return _comms.Get(end < 0 ? bytes : bytes[..end]);
    }
}

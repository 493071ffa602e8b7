using System.Runtime.InteropServices;
using System.Text;
using KubeCop.Core.Events;
using KubeCop.Sensor.Decoding;

namespace KubeCop.Testing.Sensor;

/// <summary>Records as the kernel side writes them.</summary>
internal static class RecordBuilder
{
    public static byte[] Exec(ulong cgroupId, string executable, string filename, string cwd, params string[] args) =>
        Exec(cgroupId, EventFlags.None, executable, filename, cwd, args);

    public static byte[] Exec(ulong cgroupId, EventFlags flags, string executable, string filename, string cwd, params string[] args)
    {
        var argBytes = args.SelectMany(static arg => Encoding.UTF8.GetBytes(arg).Append((byte)0)).ToArray();
        var record = new ExecRecord
        {
            Event = Head(RecordKind.Exec, cgroupId) with { Flags = (uint)flags },
            Lengths = new ExecLengths { Args = (uint)argBytes.Length, Executable = (ushort)executable.Length, Filename = (ushort)filename.Length, Cwd = (ushort)cwd.Length },
        };
        return Finish(record, [.. Encoding.UTF8.GetBytes(executable + filename + cwd), .. argBytes]);
    }

    /// <summary>An exec with these standard streams.</summary>
    public static byte[] ExecWith(params StreamRecord[] streams)
    {
        var record = Exec(9, "/bin/sh", "/bin/sh", "/", "sh");
        streams.CopyTo(MemoryMarshal.AsRef<ExecRecord>(record.AsSpan()).Streams);
        return record;
    }

    /// <param name="type">A value of <c>enum kc_stream_type</c>.</param>
    /// <param name="family">Of a socket.</param>
    /// <param name="port">Of its peer.</param>
    /// <param name="address">Of its peer, or the identity of what has none.</param>
    public static StreamRecord Stream(byte type, byte family = 0, ushort port = 0, params byte[] address)
    {
        var stream = new StreamRecord { Type = type, Family = family, Port = port };
        address.CopyTo(stream.Address);
        return stream;
    }

    public static byte[] Open(ulong cgroupId, string path, uint flags = 0, ulong directory = 0)
    {
        var bytes = Encoding.UTF8.GetBytes(path);
        return Finish(new OpenRecord { Event = Head(RecordKind.Open, cgroupId), OpenFlags = flags, Directory = directory, PathLen = (ushort)bytes.Length }, bytes);
    }

    public static byte[] Fork(ulong cgroupId) => Finish(new ForkRecord { Event = Head(RecordKind.Fork, cgroupId) }, []);

    public static byte[] Exit(ulong cgroupId) => Finish(new ExitRecord { Event = Head(RecordKind.Exit, cgroupId) }, []);

    public static byte[] Cgroup(RecordKind kind, ulong cgroupId, string path, string makerDirectory = "")
    {
        var bytes = Encoding.UTF8.GetBytes(path + makerDirectory);
        var pathLength = Encoding.UTF8.GetByteCount(path);
        return Finish(
            new CgroupRecord { Event = Head(kind, cgroupId), PathLen = (ushort)pathLength, MakerCwdLen = (ushort)(bytes.Length - pathLength) }, bytes);
    }

    private static EventHead Head(RecordKind kind, ulong cgroupId)
    {
        var head = new EventHead
        {
            Kind = kind,
            CgroupId = cgroupId,
            TimestampNs = 5_000_000_000,
            StartTimeNs = 4_123_456_789,
            Pid = 42,
            ParentPid = 7,
            Uid = 1000,
            Gid = 1001,
        };
        "loop"u8.CopyTo(head.Comm);
        return head;
    }

    private static byte[] Finish<T>(T record, byte[] strings)
        where T : unmanaged
    {
        byte[] bytes = [.. MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in record)), .. strings];
        MemoryMarshal.AsRef<EventHead>(bytes.AsSpan()).Size = (uint)bytes.Length;
        return bytes;
    }
}

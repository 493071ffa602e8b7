using KubeCop.Core.Events;
using KubeCop.Sensor.Decoding;
using KubeCop.Testing;
using KubeCop.Testing.Sensor;

namespace KubeCop.Tests.Sensor.Decoding;

public sealed class EventDecoderTests
{
    private readonly EventDecoder _decoder = new();

    [Fact]
    public void Exec_Record_GivesEveryField()
    {
        var decoded = Decode(RecordBuilder.Exec(9, "/bin/busybox", "./sh", "/usr", "sh", "-c", "", "echo ä"));

        Assert.Equal(EventKind.Exec, decoded.Kind);
        Assert.Equal("/usr/sh", decoded.Path);
        Assert.Equal("/bin/busybox", decoded.Executable);
        Assert.Equal("./sh", decoded.Exec!.Filename);
        Assert.Equal("/usr", decoded.Exec.WorkingDirectory);
        Assert.Equal(5_000_000_000, decoded.Timestamp);
        Assert.Equal(new ProcessKey(42, 4_123_456_789), decoded.Process.Key);
        Assert.Equal((1000u, 1001u, "loop"), (decoded.Process.Uid, decoded.Process.Gid, decoded.Process.Comm));
    }

    [Fact]
    public void Exec_EmptyArgument_IsKept() =>
        Assert.Equal(["sh", "-c", "", "x"], Decode(RecordBuilder.Exec(9, "/bin/sh", "sh", "/", "sh", "-c", "", "x")).Exec!.Arguments);

    [Fact]
    public void Exec_SameBytesDividedDifferently_AreNotTheSame()
    {
        var first = Decode(RecordBuilder.Exec(9, "/a", "/bc", "/"));
        var second = Decode(RecordBuilder.Exec(9, "/a/b", "c", "/"));

        Assert.Equal(("/a", "/bc"), (first.Executable, first.Path));
        Assert.Equal(("/a/b", "/c"), (second.Executable, second.Path));
    }

    [Fact]
    public void Decode_Open_TellsPathFlagsAndDirectory()
    {
        var open = Decode(RecordBuilder.Open(9, "/tmp/x", 0x41, directory: 6));

        Assert.Equal((EventKind.Open, "/tmp/x", 0x41u, 6ul), (open.Kind, open.Path, open.Value, open.Directory));
    }

    [Fact]
    public void Exec_Streams_AreNamedByWhatTheyLeadTo()
    {
        byte[] inode = [0x39, 0x30, 0, 0, 0, 0, 0, 0];

        Assert.Equal(["pipe:[12345]", "fifo:[8:1:12345]", "socket:[12345]"], Streams(
            RecordBuilder.Stream(3, address: inode), RecordBuilder.Stream(3, address: [.. inode, 1, 0, 0x80, 0]), RecordBuilder.Stream(5, address: inode)));
        Assert.Equal(["socket 10.0.0.1:4444", "terminal", "closed"], Streams(RecordBuilder.Stream(5, 2, 4444, 10, 0, 0, 1), RecordBuilder.Stream(2)));
        // As recordings have them that are older than identities.
        Assert.Equal(["pipe", "socket", "other"], Streams(RecordBuilder.Stream(3), RecordBuilder.Stream(5), RecordBuilder.Stream(99)));

        IEnumerable<string> Streams(params StreamRecord[] streams) => Decode(RecordBuilder.ExecWith(streams)).Exec!.Streams;
    }

    [Fact]
    public void Exec_SameProgramOnOtherPipes_KeepsEachOnesStreams()
    {
        var (first, second) = (RecordBuilder.ExecWith(RecordBuilder.Stream(3, address: [1])), RecordBuilder.ExecWith(RecordBuilder.Stream(3, address: [2])));

        var one = Decode(first);
        var other = Decode(second);

        Assert.Equal(("pipe:[1]", "pipe:[2]", "pipe:[1]"), (one.Exec!.Streams[0], other.Exec!.Streams[0], Decode(first).Exec!.Streams[0]));
        Assert.Same(one.Exec.Arguments, other.Exec.Arguments);
    }

    [Fact]
    public void Decode_KnownBehaviour_AllocatesNothing()
    {
        var exec = RecordBuilder.Exec(9, "/bin/busybox", "/bin/sh", "/", "sh", "-c", "true");
        var open = RecordBuilder.Open(9, "/etc/passwd");
        SensorEvent target = default;
        Assert.True(_decoder.TryDecode(exec, ref target) && _decoder.TryDecode(open, ref target));

        Assert.Equal(0, Allocations.Of(() =>
        {
            SensorEvent again = default;
            for (var round = 0; round < 1000; round++)
            {
                _decoder.TryDecode(exec, ref again);
                _decoder.TryDecode(open, ref again);
            }
        }));
    }

    [Fact]
    public void Decode_RecordShorterThanItSays_IsRefused()
    {
        SensorEvent target = default;
        var record = RecordBuilder.Open(9, "/etc/passwd");

        Assert.False(_decoder.TryDecode(record.AsSpan(0, record.Length - 1), ref target));
    }

    [Fact]
    public void Interner_MoreValuesThanRoom_ForgetsButNeverConfuses()
    {
        var interner = new Interner<string>(4, KernelText.Decode);
        for (var round = 0; round < 2; round++)
        {
            for (var value = 0; value < 1000; value++)
            {
                Assert.Equal($"/{value}", interner.Get(System.Text.Encoding.UTF8.GetBytes($"/{value}")));
            }
        }
    }

    private SensorEvent Decode(byte[] record)
    {
        SensorEvent target = default;
        Assert.True(_decoder.TryDecode(record, ref target), "the record was refused");
        return target;
    }
}

using System.Buffers.Binary;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Recording;
using KubeCop.Sensor.Routing;
using KubeCop.Testing;
using KubeCop.Testing.Sensor;
using KubeCop.Testing.Storage;

namespace KubeCop.Tests.Sensor.Recording;

public sealed class RecordingTests : IDisposable
{
    private static readonly RecordingHeader Header = new("0.1.0", "6.18.0", "node", DateTimeOffset.UnixEpoch.AddYears(50), 5_000_000_000);

    private readonly TestDirectory _directory = new();

    private string File => _directory.Combine("recording");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Read_WhatWasWritten_IsTheSameInTheSameOrder()
    {
        byte[][] records = [RecordBuilder.Fork(7), RecordBuilder.Exec(7, "/bin/busybox", "cat", "/", "cat", "x"), RecordBuilder.Open(7, "/etc/passwd")];
        using (var writer = new RecordingWriter(File, long.MaxValue, Header))
        {
            writer.Record(records[0]);
            writer.Discovered(new DiscoveryResult(7, Sample(), IsNoContainer: false));
            writer.Record(records[1]);
            writer.Lost(7, 12);
            writer.Record(records[2]);
            writer.Adopted(Sample());
        }

        var frames = ReadAll(out var header);

        Assert.Equal(Header, header);
        Assert.Equal(
            [FrameType.Record, FrameType.Discovered, FrameType.Record, FrameType.Lost, FrameType.Record, FrameType.Adopted, FrameType.End],
            frames.Select(static frame => frame.Type));
        Assert.Equal(records, frames.Where(static frame => frame.Type == FrameType.Record).Select(static frame => frame.Content));
        Assert.Equal((7ul, 12L), (BinaryPrimitives.ReadUInt64LittleEndian(frames[3].Content), BinaryPrimitives.ReadInt64LittleEndian(frames[3].Content.AsSpan(8))));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
    }

    [Fact]
    public void Read_ManyBlocks_LosesNothing()
    {
        const int Records = 100_000;
        var record = RecordBuilder.Exec(7, "/bin/busybox", "cat", "/", "cat", "x");
        long missing;
        using (var writer = new RecordingWriter(File, long.MaxValue, Header))
        {
            for (var i = 0; i < Records; i++)
            {
                writer.Record(record);
            }

            missing = writer.Missing;
        }

        var frames = ReadAll(out _);
        Assert.Equal(Records, frames.Count(static frame => frame.Type == FrameType.Record) + missing);
        Assert.Equal(missing, frames.Where(static frame => frame.Type == FrameType.Missing).Sum(static frame => BinaryPrimitives.ReadInt64LittleEndian(frame.Content)));
    }

    [Fact]
    public void Read_ACutOrDamagedEnd_GivesWhatIsBeforeAndSaysSo()
    {
        WriteBlocks(3);
        var whole = System.IO.File.ReadAllBytes(File);
        var all = ReadAll(out _).Count;
        foreach (var (name, bytes) in new[] { ("cut off", whole[..^5]), ("damaged", Flip(whole, whole.Length - 5)), ("damaged", Flip(whole, whole.Length / 2)) })
        {
            System.IO.File.WriteAllBytes(File, bytes);
            using var reader = new RecordingReader(File);
            var read = 0;
            while (reader.TryRead(out _, out _))
            {
                read++;
            }

            Assert.InRange(read, 1, all - 1);
            Assert.Contains(name, reader.Damage, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Open_WhatIsNoRecordingOrOfAnotherVersion_SaysWhatItIs()
    {
        Assert.Contains("cannot be read", Assert.Throws<RecordingException>(() => new RecordingReader(File)).Message, StringComparison.Ordinal);

        System.IO.File.WriteAllText(File, "hello");
        Assert.Contains("is no recording", Assert.Throws<RecordingException>(() => new RecordingReader(File)).Message, StringComparison.Ordinal);

        System.IO.File.WriteAllBytes(File, [.. RecordingFormat.Magic, 99, 0]);
        Assert.Contains("version 99", Assert.Throws<RecordingException>(() => new RecordingReader(File)).Message, StringComparison.Ordinal);

        System.IO.File.WriteAllBytes(File, [.. RecordingFormat.Magic, (byte)RecordingFormat.Version, 0]);
        Assert.Contains("no header", Assert.Throws<RecordingException>(() => new RecordingReader(File)).Message, StringComparison.Ordinal);
    }

    [Fact(Timeout = 30_000)]
    public async Task Open_WhatIsNoRegularFile_SaysSoAtOnce()
    {
        await Commands.RunAsync("mkfifo", File);
        var link = File + ".link";
        System.IO.File.CreateSymbolicLink(link, File);
        foreach (var path in (string[])[File, link, Path.GetDirectoryName(File)!, "/dev/zero"])
        {
            var error = await Task.Run(() => Assert.Throws<RecordingException>(() => new RecordingReader(path)), TestContext.Current.CancellationToken);
            Assert.StartsWith($"{path} cannot be read: ", error.Message, StringComparison.Ordinal);
            Assert.Contains("is not a regular file", error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Write_OverAFileThatExists_Refuses()
    {
        System.IO.File.WriteAllText(File, "precious");
        Assert.Contains("exists already", Assert.Throws<RecordingException>(() => new RecordingWriter(File, long.MaxValue, Header)).Message, StringComparison.Ordinal);
        Assert.Equal("precious", System.IO.File.ReadAllText(File));
    }

    [Fact]
    public async Task Write_BeyondTheLargestSize_EndsAndStaysReadable()
    {
        using (var writer = new RecordingWriter(File, 10_000, Header))
        {
            var random = new Random(1);
            while (!writer.Ended.IsCompleted)
            {
                writer.Record(RecordBuilder.Open(7, $"/{random.NextInt64()}"));
            }

            Assert.Contains("largest size", await writer.Ended, StringComparison.Ordinal);
        }

        Assert.NotEmpty(ReadAll(out _));
    }

    [Fact]
    public async Task Write_ToAFullDisk_EndsWithTheReason()
    {
        using var disk = SmallDisk.TryMount(512);
        Assert.SkipWhen(disk is null, "needs root, to mount a small disk");
        var file = Path.Combine(disk.Path, "recording");
        using (var writer = new RecordingWriter(file, long.MaxValue, Header))
        {
            var random = new Random(1);
            while (!writer.Ended.IsCompleted)
            {
                writer.Record(RecordBuilder.Open(7, $"/{random.NextInt64()}{random.NextInt64()}"));
            }

            Assert.Contains("No space", await writer.Ended, StringComparison.Ordinal);
            writer.Dispose();
            Assert.True(writer.Missing > 0, "what was not written was not counted");
        }

        using var reader = new RecordingReader(file);
        Assert.Equal(Header, reader.Header);
    }

    private static byte[] Flip(byte[] bytes, int at)
    {
        var copy = bytes.ToArray();
        copy[at] ^= 0x55;
        return copy;
    }

    private void WriteBlocks(int blocks)
    {
        using var writer = new RecordingWriter(File, long.MaxValue, Header);
        var random = new Random(1);
        for (var i = 0; i < blocks * RecordingFormat.BlockBytes / 150; i++)
        {
            writer.Record(RecordBuilder.Open(7, $"/{random.NextInt64()}"));
        }
    }

    private List<(FrameType Type, byte[] Content)> ReadAll(out RecordingHeader header)
    {
        using var reader = new RecordingReader(File);
        header = reader.Header;
        var frames = new List<(FrameType, byte[])>();
        while (reader.TryRead(out var type, out var content))
        {
            frames.Add((type, content.ToArray()));
        }

        Assert.Null(reader.Damage);
        return frames;
    }

    private static ContainerDescription Sample() => new()
    {
        Id = "id",
        Name = "web",
        Runtime = "runc",
        Node = "node",
        Workload = new WorkloadKey("default", "Container", "web"),
        Origin = ContainerOrigin.Started,
        SeenAt = DateTimeOffset.UnixEpoch,
        CgroupId = 7,
        CgroupPath = "/web",
        Revision = "revision",
        Pod = new PodDescription { Name = "pod", Namespace = "ns", Labels = new Dictionary<string, string> { ["app"] = "web" } },
        Volumes = [new VolumeMount { Path = "/data", Type = "bind" }],
        Gap = new ObservationGap(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddSeconds(1)),
    };
}

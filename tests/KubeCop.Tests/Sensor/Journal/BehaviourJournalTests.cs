using System.Collections.Concurrent;
using KubeCop.Core.Profiles;
using KubeCop.Core.Segments;
using KubeCop.Core.Workloads;
using KubeCop.Sensor;
using KubeCop.Sensor.Journal;
using KubeCop.Testing.Storage;
using static KubeCop.Tests.Sensor.Journal.JournalFixture;

namespace KubeCop.Tests.Sensor.Journal;

public sealed class BehaviourJournalTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    private string Data => _directory.Path;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task Flush_ThenReopen_GivesBackWhatWasAppended()
    {
        var delta = new ProfileDelta
        {
            Slot = new ProfileSlot("web", "0123456789abcdef", true),
            Generation = 3,
            Lost = 7,
            Items =
            [
                new ObservedItem(new ExecItem("/bin/sh", "/bin/busybox", new ArgumentList(["-c", "echo \"⋯\n\u001b[31m\0\""])), DateTimeOffset.UnixEpoch.AddTicks(1)),
                new ObservedItem(new OpenItem("/etc/passwd", 0x8000), DateTimeOffset.UnixEpoch.AddDays(20_000)),
            ],
        };
        var workload = new WorkloadKey("k8s.io", "Container", "a/b%c");
        long sequence;
        using (var journal = Open(Data))
        {
            sequence = journal.Append(workload, delta);
            await journal.FlushAsync(Cancelled);
            Assert.Empty(journal.ReadUnacknowledged());
        }

        using var reopened = Open(Data);
        var entry = Assert.Single(reopened.ReadUnacknowledged());
        Assert.Equal(sequence, entry.Sequence);
        Assert.Equal(workload, entry.Workload);
        Assert.Equal((delta.Slot, delta.Generation, delta.Lost), (entry.Delta.Slot, entry.Delta.Generation, entry.Delta.Lost));
        Assert.Equal(delta.Items, entry.Delta.Items);
    }

    [Fact]
    public void EveryKindOfBehaviour_CanBeJournaled()
    {
        var samples = new BehaviourItem[]
        {
            new ExecItem("/a", "/b", new ArgumentList(["c"])),
            new OpenItem("/d", 1),
            new SyscallItem("read"),
            new CapabilityItem("NET_ADMIN", "socket", IsRefused: true),
            new DnsItem("a.example", new ArgumentList(["10.0.0.1"])),
            new NetworkItem(true, "tcp", 443, "fd00::1"),
        };
        var kinds = typeof(BehaviourItem).Assembly.GetTypes().Where(static type => type.IsSubclassOf(typeof(BehaviourItem)));
        Assert.Equal(kinds.Select(static kind => kind.Name).Order(), samples.Select(static sample => sample.GetType().Name).Order());
        foreach (var sample in samples)
        {
            var delta = Delta("") with { Items = [new ObservedItem(sample, DateTimeOffset.UnixEpoch)] };
            Assert.Equal(sample, JournalPayload.Decode(1, JournalPayload.Encode(Workload, delta)).Delta.Items[0].Item);
        }
    }

    [Fact]
    public async Task Append_IsOnDiskByItself()
    {
        using var journal = Open(Data);
        journal.Append(Workload, Delta("/a"));
        await UntilAsync(() => journal.GetStatus() is { BufferedBytes: 0, DiskBytes: > 0 }, "the delta is written");
    }

    [Fact]
    public async Task Lag_IsThatOfTheOldestDelta_UntilThatIsAcknowledged()
    {
        using var journal = Open(Data);
        Assert.Equal(TimeSpan.Zero, journal.GetStatus().Lag);
        var first = journal.Append(Workload, Delta("/a"));
        await UntilAsync(() => journal.GetStatus().Lag > TimeSpan.FromMilliseconds(20), "the delta waits for a while");
        var waited = journal.GetStatus().Lag;
        var second = journal.Append(Workload, Delta("/b"));
        Assert.True(journal.GetStatus().Lag >= waited, "The newer delta is taken for the oldest.");

        await journal.FlushAsync(Cancelled);
        Assert.True(journal.GetStatus().Lag >= waited, "That it is on the disk does not make it younger.");
        journal.Acknowledge(first);
        journal.Acknowledge(second);
        Assert.Equal(TimeSpan.Zero, journal.GetStatus().Lag);
    }

    [Fact]
    public async Task Acknowledge_OfAllInAFile_DeletesIt()
    {
        using var journal = Open(Data, static options => options.SegmentBytes = 4096);
        var sequences = new List<long>();
        for (var number = 0; number < 100; number++)
        {
            sequences.Add(journal.Append(Workload, Delta($"/{number}")));
        }

        await journal.FlushAsync(Cancelled);
        var files = Files(Data).Length;
        Assert.True(files > 3, $"Only {files} files for 100 deltas.");
        foreach (var sequence in sequences[..^1])
        {
            journal.Acknowledge(sequence);
        }

        await UntilAsync(() => Files(Data).Length == 1, "one file is left for the last delta");
        journal.Acknowledge(sequences[^1]);
        await UntilAsync(() => Files(Data).Length == 0 && journal.GetStatus().DiskBytes == 0, "no file is left");
        Assert.Equal((0, 0L), (journal.GetStatus().Unacknowledged, journal.GetStatus().BufferedBytes));
    }

    [Fact]
    public async Task Acknowledge_OfWhatAnEarlierRunLeft_DeletesIt()
    {
        using (var journal = Open(Data))
        {
            journal.Append(Workload, Delta("/a"));
            journal.Append(Workload, Delta("/b"));
        }

        using var reopened = Open(Data);
        var left = reopened.ReadUnacknowledged().ToArray();
        Assert.Equal(["/a", "/b"], left.Select(TextOf));
        Assert.True(reopened.Append(Workload, Delta("/c")) > left[1].Sequence, "A sequence number came twice.");
        reopened.Acknowledge(left[0].Sequence);
        Assert.Equal(["/b"], reopened.ReadUnacknowledged().Select(TextOf));
        reopened.Acknowledge(left[1].Sequence);
        Assert.Empty(reopened.ReadUnacknowledged());
        await UntilAsync(() => Files(Data).Length == 1 && reopened.GetStatus().BufferedBytes == 0, "only the new file is left");
    }

    [Fact]
    public async Task Acknowledge_BeforeWriting_SparesTheDisk()
    {
        using var journal = Open(Data, static options => options.SyncInterval = TimeSpan.FromSeconds(1));
        journal.Acknowledge(journal.Append(Workload, Delta("/a")));
        journal.Acknowledge(12345);
        await journal.FlushAsync(Cancelled);
        Assert.False(Directory.Exists(Path.Combine(Data, "journal")));
    }

    [Fact]
    public async Task Append_FromManyThreads_KeepsEveryDelta()
    {
        var appended = new ConcurrentDictionary<long, string>();
        using (var journal = Open(Data, static options => options.SegmentBytes = 8192))
        {
            await Parallel.ForAsync(0, 2000, async (number, cancelled) =>
            {
                Assert.True(appended.TryAdd(journal.Append(Workload, Delta($"/{number}")), $"/{number}"), "A sequence number came twice.");
                if (number % 100 == 0)
                {
                    await journal.FlushAsync(cancelled);
                }
            });
        }

        using var reopened = Open(Data);
        Assert.Equal(appended.OrderBy(static pair => pair.Key), reopened.ReadUnacknowledged().Select(static entry => KeyValuePair.Create(entry.Sequence, TextOf(entry))));
    }

    [Fact]
    public void Reopen_OfAFileTruncatedAnywhere_GivesItsWholeRecordsAndNothingElse()
    {
        var whole = WriteFile("/a", "/b", "/c");
        var ends = new List<int>();
        SegmentFormat.Scan(whole, (_, payload) => ends.Add(payload.End.Value));
        Assert.Equal(3, ends.Count);
        for (var length = 0; length < whole.Length; length++)
        {
            var path = PutFile(whole[..length]);
            using (var journal = Open(Data))
            {
                Assert.Equal(new[] { "/a", "/b", "/c" }[..ends.Count(end => end <= length)], journal.ReadUnacknowledged().Select(TextOf));
            }

            Assert.Equal(length < ends[0] ? 0 : ends.Last(end => end <= length), File.Exists(path) ? new FileInfo(path).Length : 0);
            Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(path)!, "*.bad-*"));
        }
    }

    [Fact]
    public void Scan_OfAFileWithOneByteChanged_NeverGivesWrongData()
    {
        var whole = WriteFile("/a", "/b", "/c");
        string[] texts = ["/a", "/b", "/c"];
        for (var at = 0; at < whole.Length; at++)
        {
            var altered = (byte[])whole.Clone();
            altered[at] ^= 0x10;
            var read = new List<string>();
            var (end, _) = SegmentFormat.Scan(altered, (sequence, payload) => read.Add(TextOf(JournalPayload.Decode(sequence, altered.AsSpan(payload)))));
            Assert.True(end != SegmentEnd.Clean && read.SequenceEqual(texts[..read.Count]), $"Changing byte {at} gave {end} with {string.Join(' ', read)}.");
        }
    }

    [Fact]
    public void Reopen_OfAFileDamagedInTheMiddle_KeepsWhatIsBeforeAndSetsTheRestAside()
    {
        var whole = WriteFile("/a", "/b", "/c");
        var ends = new List<int>();
        SegmentFormat.Scan(whole, (_, payload) => ends.Add(payload.End.Value));
        whole[ends[0] + SegmentFormat.RecordHeaderLength + 5] ^= 1;
        var path = PutFile(whole);
        using (var journal = Open(Data))
        {
            Assert.Equal(["/a"], journal.ReadUnacknowledged().Select(TextOf));
        }

        Assert.Equal(whole[..ends[0]], File.ReadAllBytes(path));
        Assert.Equal(whole[ends[0]..], File.ReadAllBytes(Assert.Single(Directory.GetFiles(Path.GetDirectoryName(path)!, "*.bad-*"))));
    }

    [Fact]
    public async Task Reopen_WithForeignAndLaterFiles_SetsTheOneAsideAndLeavesTheOther()
    {
        var directory = Directory.CreateDirectory(Path.Combine(Data, "journal")).FullName;
        var later = Path.Combine(directory, "0000000000000007.journal");
        byte[] content = [.. "KCJRNL"u8, 2, 0, 1, 2, 3];
        File.WriteAllBytes(later, content);
        File.WriteAllText(Path.Combine(directory, "0000000000000008.journal"), "my shopping list");
        using var journal = Open(Data);
        Assert.Empty(journal.ReadUnacknowledged());
        journal.Append(Workload, Delta("/a"));
        await journal.FlushAsync(Cancelled);
        Assert.Equal([later, Path.Combine(directory, "0000000000000009.journal")], Files(Data));
        Assert.Equal(content, File.ReadAllBytes(later));
        Assert.Equal("my shopping list", File.ReadAllText(Assert.Single(Directory.GetFiles(directory, "*.bad-*"))));
    }

    [Fact]
    public async Task Append_BeyondTheDiskLimit_IsCountedAndOverwritesNothing()
    {
        using (var journal = Open(Data, static options => options.MaxDiskBytes = options.SegmentBytes = 4096))
        {
            for (var number = 0; number < 100; number++)
            {
                journal.Append(Workload, Delta($"/{number}"));
                await journal.FlushAsync(Cancelled);
            }

            var status = journal.GetStatus();
            Assert.InRange(status.DiskBytes, 3000, 4096);
            Assert.Equal(100 - status.Unacknowledged, status.Overflow["journal_full"]);
        }

        using var reopened = Open(Data);
        var left = reopened.ReadUnacknowledged().Select(TextOf).ToArray();
        Assert.InRange(left.Length, 5, 50);
        Assert.Equal(Enumerable.Range(0, left.Length).Select(static number => $"/{number}"), left);
    }

    [Fact]
    public void Append_OfAHugeDelta_IsCounted()
    {
        using var journal = Open(Data);
        journal.Append(Workload, Delta(new string('x', SegmentFormat.MaxPayloadLength)));
        Assert.Equal(1, journal.GetStatus().Overflow["too_large"]);
        Assert.Equal(0, journal.GetStatus().Unacknowledged);
    }

    [Fact]
    public async Task Append_OnAFullDisk_GoesOnInMemoryCountsWhatDoesNotFitAndRecovers()
    {
        using var disk = SmallDisk.TryMount(256);
        Assert.SkipWhen(disk is null, "mounting a tmpfs needs root");
        using (var journal = Open(disk.Path, static options => options.MaxBufferBytes = 64 * 1024))
        {
            journal.Append(Workload, Delta("/before"));
            await journal.FlushAsync(Cancelled);
            var filler = disk.Fill();

            // More than the rest of the file's last block holds.
            journal.Append(Workload, Delta("/during" + new string('x', 8192)));
            var error = await Assert.ThrowsAsync<SensorException>(() => journal.FlushAsync(Cancelled));
            Assert.Contains("the disk is full", error.Cause);
            Assert.Contains(disk.Path, error.Remedy);
            Assert.Contains("the disk is full", journal.GetStatus().Error);
            while (!journal.GetStatus().Overflow.ContainsKey("buffer_full"))
            {
                journal.Append(Workload, Delta("/more" + new string('x', 1024)));
            }

            Assert.InRange(journal.GetStatus().BufferedBytes, 32 * 1024, 64 * 1024);
            File.Delete(filler);
            await UntilAsync(() => journal.GetStatus() is { Error: null, BufferedBytes: 0 }, "the journal is written again");
            Assert.True(journal.GetStatus().Unacknowledged > 10);
        }

        using var reopened = Open(disk.Path);
        var left = reopened.ReadUnacknowledged().Select(static entry => TextOf(entry).TrimEnd('x')).ToArray();
        Assert.Equal(["/before", "/during"], left[..2]);
        Assert.All(left[2..], static text => Assert.Equal("/more", text));
    }

    [Fact]
    public async Task Append_WithoutAUsableDirectory_GoesOnAndSaysWhy()
    {
        File.WriteAllText(Path.Combine(Data, "journal"), "in the way");
        using var journal = Open(Data);
        journal.Append(Workload, Delta("/a"));
        await Assert.ThrowsAsync<SensorException>(() => journal.FlushAsync(Cancelled));
        Assert.Contains(Path.Combine(Data, "journal"), journal.GetStatus().Error);

        File.Delete(Path.Combine(Data, "journal"));
        await UntilAsync(() => journal.GetStatus() is { Error: null, BufferedBytes: 0 }, "the journal is written");
    }

    [Fact]
    public void Append_AfterDispose_IsCounted()
    {
        var journal = Open(Data);
        journal.Dispose();
        journal.Append(Workload, Delta("/late"));
        Assert.Equal(1, journal.GetStatus().Overflow["stopped"]);
    }

    private byte[] WriteFile(params string[] texts)
    {
        using (var journal = Open(Data))
        {
            foreach (var text in texts)
            {
                journal.Append(Workload, Delta(text));
            }
        }

        var content = File.ReadAllBytes(Assert.Single(Files(Data)));
        Directory.Delete(Path.Combine(Data, "journal"), recursive: true);
        return content;
    }

    private string PutFile(byte[] content)
    {
        var directory = Path.Combine(Data, "journal");
        if (Directory.Exists(directory))
        {
            Directory.Delete(directory, recursive: true);
        }

        Directory.CreateDirectory(directory);
        var path = Path.Combine(directory, "0000000000000001.journal");
        File.WriteAllBytes(path, content);
        return path;
    }
}

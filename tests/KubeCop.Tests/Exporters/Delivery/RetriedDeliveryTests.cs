using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Exporters.Delivery;
using KubeCop.Testing;
using KubeCop.Testing.Storage;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Exporters.Delivery;

/// <summary>What becomes of alerts whose receiver is away: they wait, on the disk too, and arrive later.</summary>
public sealed class RetriedDeliveryTests : IDisposable
{
    private static readonly Exception Away = new ReceiverAwayException("It is away.");

    private readonly TestDirectory _directory = new();
    private readonly RuleCounters _rules = new();
    private readonly DeliveryOptions _options = new()
    {
        SpillAfter = TimeSpan.FromMilliseconds(10),
        FirstPause = TimeSpan.FromMilliseconds(10),
        LongestPause = TimeSpan.FromMilliseconds(50),
    };

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task ReceiverAway_ThenBack_AllArriveOnceInOrderFromTheDisk()
    {
        var exporter = new SwitchedExporter("away") { Failure = static _ => Away };
        using var dispatcher = Create(exporter);
        Dispatch(dispatcher, 0, 2000);
        await Wait.UntilAsync(() => Status(dispatcher), static status => status.Waiting == 2000 && status.DiskBytes > 2000 * 200, "all of them on the disk");
        Assert.Equal("It is away.", Assert.Single(dispatcher.Failing).Reason);

        exporter.Failure = null;
        await Wait.UntilAsync(() => exporter.Ids.Count, static count => count >= 2000, "arrival of all");

        Assert.Equal(Ids(0, 2000), exporter.Ids);
        await Wait.UntilAsync(() => Status(dispatcher), static status => status is { Waiting: 0, DiskBytes: 0, Lag.Ticks: 0, LastSuccess: not null }, "empty outbox");
        Assert.Empty(dispatcher.Failing);
        Assert.Empty(dispatcher.Dropped);
    }

    [Fact]
    public async Task Held_HandsOverNothingUntilItIsToBegin()
    {
        var exporter = new SwitchedExporter("held");
        using var dispatcher = new AlertDispatcher(
            [exporter], _directory.Path, _options, new RuleCounters(), TimeProvider.System, NullLogger<AlertDispatcher>.Instance, isHeld: true);
        Dispatch(dispatcher, 0, 10);
        await Wait.UntilAsync(() => Status(dispatcher), static status => status.DiskBytes > 0, "alerts on the disk");
        Assert.Empty(exporter.Ids);

        dispatcher.Begin();

        await Wait.UntilAsync(() => exporter.Ids.Count, static count => count == 10, "arrival of all");
    }

    [Fact]
    public async Task Restart_WhileTheReceiverIsAway_AllArriveAfterwardsAsTheyWere()
    {
        var original = TestAlerts.Create(7, path: "/bin/\ud800é", arguments: ["a", "b"]) with
        {
            Severity = Severity.Medium,
            Event = EventOf(EventKind.Dns, "example.com", new DnsDetails("example.com", "A", IsAnswer: true, "NOERROR", ["10.1.2.3"], "udp", "10.0.0.1")),
        };
        var pod = new PodDescription { Name = "web-1", Namespace = "shop", Uid = "u", Labels = new Dictionary<string, string>(StringComparer.Ordinal) { ["app"] = "web" } };
        Alert[] others =
        [
            original with { Id = "1", Container = original.Container with { Pod = pod } },
            original with { Id = "2", Event = EventOf(EventKind.Network, "10.0.0.1", new NetworkDetails(NetworkAction.Connect, "tcp", "10.0.0.1", 443)) },
            original with { Id = "3", Event = EventOf(EventKind.Ptrace, "", new PtraceDetails("PTRACE_ATTACH", 7)) },
            original with { Id = "4", Event = EventOf(EventKind.Capability, "SYS_ADMIN", new CapabilityDetails("SYS_ADMIN", "mount", true)) },
            original with { Id = "5", Event = EventOf(EventKind.Exec, "/a", new ExecDetails("/a", "/", ["a", "b"])) },
        ];
        var before = new SwitchedExporter("away") { Failure = static _ => Away };
        using (var dispatcher = Create(before))
        {
            dispatcher.Dispatch(original);
            Array.ForEach(others, dispatcher.Dispatch);
            Dispatch(dispatcher, 10, 300);
            await StopAsync(dispatcher);
        }

        var after = new SwitchedExporter("away");
        using (var dispatcher = Create(after))
        {
            Dispatch(dispatcher, 400, 1);
            await Wait.UntilAsync(() => after.Ids.Count, static count => count >= 307, "arrival of all");
        }

        Assert.Empty(before.Ids);
        Assert.Equal(Ids(10, 300).Append(original.Id).Concat(others.Select(static other => other.Id)).Append(TestAlerts.Create(400).Id).Order(), after.Ids.Order());
        Assert.All(others.Append(original), expected => Assert.Equal(Json(expected), Json(after.Alerts.Single(alert => alert.Id == expected.Id))));
    }

    [Fact]
    public async Task Restart_AfterSomeHaveArrived_TheseAreNotSentAgain()
    {
        var before = new SwitchedExporter("away") { BatchSize = 10, Failure = static _ => Away };
        using (var dispatcher = Create(before))
        {
            Dispatch(dispatcher, 0, 100);
            await Wait.UntilAsync(() => Status(dispatcher), static status => status is { Waiting: 100, DiskBytes: > 100 * 200 }, "all of them on the disk");
            before.Failure = static batch => batch.Any(static alert => alert.Id == TestAlerts.Create(40).Id) ? Away : null;
            await Wait.UntilAsync(() => before.Ids.Count, static count => count > 30, "arrival of the first ones");
            await StopAsync(dispatcher);
        }

        var arrived = before.Ids.Count;
        Assert.InRange(arrived, 31, 40);

        var after = new SwitchedExporter("away");
        using var next = Create(after);
        await Wait.UntilAsync(() => after.Ids.Count, count => count >= 100 - arrived, "arrival of the rest");
        Assert.Equal(Ids(arrived, 100 - arrived), after.Ids);
    }

    [Fact]
    public async Task Restart_WithADamagedFile_WhatIsWholeArrivesAndTheRestIsSetAside()
    {
        using (var dispatcher = Create(new SwitchedExporter("away") { Failure = static _ => Away }))
        {
            Dispatch(dispatcher, 0, 50);
            await Wait.UntilAsync(() => Status(dispatcher), static status => status is { Waiting: 50, DiskBytes: > 50 * 200 }, "all of them on the disk");
        }

        var file = Assert.Single(Directory.EnumerateFiles(_directory.Path, "*.alerts", SearchOption.AllDirectories));
        var content = await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken);
        content[content.Length / 2] ^= 0xFF;
        await File.WriteAllBytesAsync(file, content, TestContext.Current.CancellationToken);

        var after = new SwitchedExporter("away");
        using var next = Create(after);
        Dispatch(next, 100, 1);
        await Wait.UntilAsync(() => after.Ids, static ids => ids.Contains(TestAlerts.Create(100).Id), "arrival of what came later");
        var arrived = after.Ids.Count - 1;
        Assert.InRange(arrived, 20, 30);
        Assert.Equal(Ids(0, arrived), after.Ids.Take(arrived));
        Assert.Single(Directory.EnumerateFiles(_directory.Path, "*.bad-*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Restart_WithATornEnd_NothingElseIsLost()
    {
        using (var dispatcher = Create(new SwitchedExporter("away") { Failure = static _ => Away }))
        {
            Dispatch(dispatcher, 0, 50);
            await StopAsync(dispatcher);
        }

        var file = Assert.Single(Directory.EnumerateFiles(_directory.Path, "*.alerts", SearchOption.AllDirectories));
        await using (var stream = File.Open(file, FileMode.Open))
        {
            stream.SetLength(stream.Length - 1);
        }

        var after = new SwitchedExporter("away");
        using var next = Create(after);
        await Wait.UntilAsync(() => after.Ids.Count, static count => count == 49, "arrival of all but the torn one");
    }

    [Fact]
    public async Task FileDamagedWhileItWaits_IsSetAsideAndWhatIsLostIsCountedOnce()
    {
        var exporter = new SwitchedExporter("away") { BatchSize = 10, Failure = static _ => Away };
        using var dispatcher = Create(exporter);
        Dispatch(dispatcher, 0, 100);
        await Wait.UntilAsync(() => Status(dispatcher), static status => status is { Waiting: 100, DiskBytes: > 100 * 200 }, "all of them on the disk");

        // What was read before is in memory; a restart of the queue reads all.
        await StopAsync(dispatcher);
        var after = new SwitchedExporter("away") { BatchSize = 10 };
        after.Answers.Reset();
        using var next = Create(after);
        var file = Assert.Single(Directory.EnumerateFiles(_directory.Path, "*.alerts", SearchOption.AllDirectories));
        var bytes = new FileInfo(file).Length;
        await Wait.UntilAsync(() => after.Calls, static calls => calls > 0, "first try");
        Dispatch(next, 100, 100);
        await Wait.UntilAsync(() => Directory.EnumerateFiles(_directory.Path, "*.alerts", SearchOption.AllDirectories).Count(), static files => files == 2, "a second file");
        var second = Directory.EnumerateFiles(_directory.Path, "*.alerts", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Last();
        await Wait.UntilAsync(() => Status(next).DiskBytes, written => written >= 2 * bytes, "all of them on the disk");
        var content = await File.ReadAllBytesAsync(second, TestContext.Current.CancellationToken);
        content[content.Length / 2] ^= 0xFF;
        await File.WriteAllBytesAsync(second, content, TestContext.Current.CancellationToken);

        after.Answers.Set();
        await Wait.UntilAsync(() => Status(next).Waiting, static waiting => waiting == 0, "empty outbox");
        var lost = Assert.Single(next.Dropped);
        Assert.Equal(("unreadable", 200 - after.Ids.Count), (lost.Reason, (int)lost.Count));
        Assert.InRange(lost.Count, 40, 60);
        Assert.Single(Directory.EnumerateFiles(_directory.Path, "*.bad-*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task FileThatCannotBeReadNow_IsNotGivenUp()
    {
        using (var dispatcher = Create(new SwitchedExporter("away") { Failure = static _ => Away }))
        {
            Dispatch(dispatcher, 0, 50);
            await StopAsync(dispatcher);
        }

        var exporter = new SwitchedExporter("away");
        exporter.Answers.Reset();
        using var next = Create(exporter);
        var file = Assert.Single(Directory.EnumerateFiles(_directory.Path, "*.alerts", SearchOption.AllDirectories));
        await Wait.UntilAsync(() => exporter.Calls, static calls => calls > 0, "first try");
        Dispatch(next, 50, 50);
        var second = await Wait.UntilAsync(
            () => Directory.EnumerateFiles(_directory.Path, "*.alerts", SearchOption.AllDirectories).Except([file]).SingleOrDefault(), static path => path is not null, "a second file");
        await Wait.UntilAsync(() => Status(next).DiskBytes, static bytes => bytes > 100 * 200, "all of them on the disk");

        // A link to itself in its place cannot be read. There always is one of them.
        var (kept, loop) = (_directory.Combine("kept"), _directory.Combine("loop"));
        await Commands.RunAsync("ln", second!, kept);
        File.CreateSymbolicLink(loop, second!);
        File.Move(loop, second!, overwrite: true);
        exporter.Answers.Set();
        await Wait.UntilAsync(() => next.Failing, static failing => failing.Any(static failure => failure.Reason.Contains("cannot be read", StringComparison.Ordinal)), "word of it");
        File.Move(kept, second!, overwrite: true);
        await Wait.UntilAsync(() => exporter.Ids.Count, static count => count == 100, "arrival of all");
        Assert.Empty(next.Dropped);
    }

    [Fact]
    public async Task EverythingRefused_AsByAServerOfAnotherProtocol_WaitsNearlyAll()
    {
        var exporter = new SwitchedExporter("wrong") { Failure = static _ => new AlertsRefusedException("This is an HTTPS server.") };
        using var dispatcher = Create(exporter);
        Dispatch(dispatcher, 0, 500);
        await Wait.UntilAsync(() => dispatcher.Failing, static failing => failing.Any(static failure => failure.Reason.Contains("refuses each alert", StringComparison.Ordinal)), "word of it");
        exporter.Failure = null;
        await Wait.UntilAsync(() => Status(dispatcher).Waiting, static waiting => waiting == 0, "empty outbox");
        Assert.InRange(exporter.Ids.Count, 480, 497);
        Assert.Equal(500, exporter.Ids.Count + dispatcher.Dropped.Sum(static drop => drop.Count));
    }

    [Fact]
    public async Task DefectOfTheExporter_IsTriedAFewTimesBeforeItCostsAlerts()
    {
        var exporter = new SwitchedExporter("defect") { Failure = static _ => new InvalidOperationException("defect") };
        using var dispatcher = Create(exporter);
        dispatcher.Dispatch(TestAlerts.Create(1));
        await Wait.UntilAsync(() => exporter.Calls, static calls => calls >= 2, "second try");
        Assert.Empty(dispatcher.Dropped);
        await Wait.UntilAsync(() => dispatcher.Dropped, static drops => drops.Count > 0, "drop");
        Assert.Equal([new DropCount("defect", "failed", 1)], dispatcher.Dropped);
        Assert.Equal(5, exporter.Calls);
    }

    [Fact]
    public async Task ClockThatIsSet_MakesNothingOldAndHoldsNothingUp()
    {
        var clock = new SettableClock(DateTimeOffset.UtcNow);
        var exporter = new SwitchedExporter("away") { Failure = static _ => Away };
        using var dispatcher = new AlertDispatcher([exporter], _directory.Path, _options, _rules, clock, NullLogger<AlertDispatcher>.Instance);
        Dispatch(dispatcher, 0, 5);
        clock.Set(2 * _options.MaxAge);
        await Wait.UntilAsync(() => exporter.Calls, static calls => calls > 2, "further tries");
        clock.Set(-4 * _options.MaxAge);
        Dispatch(dispatcher, 5, 5);
        clock.Advance(_options.SpillAfter);
        await Wait.UntilAsync(() => Status(dispatcher).DiskBytes, static bytes => bytes > 10 * 200, "all of them on the disk");
        Assert.Empty(dispatcher.Dropped);
        exporter.Failure = null;
        await Wait.UntilAsync(() => exporter.Ids.Count, static count => count == 10, "arrival of all");
    }

    [Fact]
    public void TwoExportersOfOneName_AreADefect() =>
        Assert.Throws<ArgumentException>(() => Create(new SwitchedExporter("same"), new SwitchedExporter("same")));

    [Fact]
    public async Task PartOfABatchDelivered_TheRestIsTriedAgain()
    {
        var isFirst = true;
        var exporter = new SwitchedExporter("partial")
        {
            Failure = batch =>
            {
                var failure = isFirst && batch.Count > 3 ? new ReceiverAwayException("It is full.", delivered: 3) : null;
                isFirst &= failure is null;
                return failure;
            },
        };
        exporter.Answers.Reset();
        using var dispatcher = Create(exporter);
        Dispatch(dispatcher, 0, 10);
        exporter.Answers.Set();
        await Wait.UntilAsync(() => exporter.Ids.Count, static count => count >= 10, "arrival of all");
        Assert.Equal(Ids(0, 10), exporter.Ids);
    }

    [Fact]
    public async Task ReceiverThatIsInTimeForSmallBatchesOnly_IsRarelyGivenLargerOnes()
    {
        var tooLarge = 0;
        var exporter = new SwitchedExporter("narrow")
        {
            Failure = batch =>
            {
                if (batch.Count <= 8)
                {
                    return null;
                }

                tooLarge++;
                return new ReceiverAwayException("No answer in time.");
            },
        };
        exporter.Answers.Reset();
        using var dispatcher = Create(exporter);
        Dispatch(dispatcher, 0, 800);
        exporter.Answers.Set();
        await Wait.UntilAsync(() => exporter.Ids.Count, static count => count >= 800, "arrival of all");
        Assert.Equal(Ids(0, 800), exporter.Ids);

        // At least 100 batches are taken. Of those that are not, some were before it is known what it takes.
        Assert.InRange(tooLarge, 1, 30);
    }

    [Fact]
    public async Task OneAlertRefused_OnlyThatIsDroppedAndCounted()
    {
        var bad = TestAlerts.Create(37).Id;
        var exporter = new SwitchedExporter("strict") { Failure = batch => batch.Any(alert => alert.Id == bad) ? new AlertsRefusedException("Not this one.") : null };
        exporter.Answers.Reset();
        using var dispatcher = Create(exporter);
        Dispatch(dispatcher, 0, 100);
        exporter.Answers.Set();
        await Wait.UntilAsync(() => exporter.Ids.Count, static count => count >= 99, "arrival of the others");
        Assert.Equal(Ids(0, 100).Where(id => id != bad), exporter.Ids);
        Assert.Equal([new DropCount("strict", "refused", 1)], dispatcher.Dropped);
        Assert.Equal(1, _rules.Of("R0001").SuppressedFor(Suppression.ExporterDrop));
    }

    [Fact]
    public async Task NoRoomOnTheDisk_HighOnesPushOutOthersAndAllIsCounted()
    {
        _options.MaxDiskBytes = 300 * 1024;
        _options.MaxInMemory = 512;
        var exporter = new SwitchedExporter("away") { Failure = static _ => Away };
        using var dispatcher = Create(exporter);
        var medium = 0;
        for (long written = 0; written < _options.MaxDiskBytes - 2048;)
        {
            DispatchMedium(100);
            written = await Wait.UntilAsync(() => Status(dispatcher).DiskBytes, bytes => bytes > written, "more on the disk");
        }

        DispatchMedium(1000);
        await Wait.UntilAsync(() => dispatcher.Dropped, static drops => drops.Any(static drop => drop.Reason == "queue_full"), "drops for want of room");
        for (var i = 0; i < 100; i++)
        {
            dispatcher.Dispatch(TestAlerts.Create(100_000 + i) with { Severity = Severity.Critical });
        }

        await Wait.UntilAsync(() => dispatcher.Dropped, static drops => drops.Any(static drop => drop.Reason == "pushed_out"), "medium alerts that were pushed out");
        Assert.InRange(Status(dispatcher).DiskBytes, 1, _options.MaxDiskBytes);
        Assert.Equal(0, _rules.Of("R0001").SuppressedFor(Suppression.ExporterDrop));
        exporter.Failure = null;
        await Wait.UntilAsync(() => Status(dispatcher).Waiting, static waiting => waiting == 0, "empty outbox");
        Assert.Equal(100, exporter.Alerts.Count(static alert => alert.Severity == Severity.Critical));
        Assert.Equal(medium + 100, exporter.Alerts.Count + dispatcher.Dropped.Sum(static drop => drop.Count));

        void DispatchMedium(int count)
        {
            for (var end = medium + count; medium < end; medium++)
            {
                dispatcher.Dispatch(TestAlerts.Create(medium) with { Severity = Severity.Medium, RuleId = "R0002" });
            }
        }
    }

    [Fact]
    public async Task OutageOver_HighOnesArriveFirst()
    {
        var exporter = new SwitchedExporter("away") { BatchSize = 10, Failure = static _ => Away };
        using var dispatcher = Create(exporter);
        for (var i = 0; i < 100; i++)
        {
            dispatcher.Dispatch(TestAlerts.Create(i) with { Severity = i % 2 == 0 ? Severity.Low : Severity.High });
        }

        await Wait.UntilAsync(() => Status(dispatcher).Waiting, static waiting => waiting == 100, "all of them waiting");
        exporter.Failure = null;
        await Wait.UntilAsync(() => exporter.Ids.Count, static count => count == 100, "arrival of all");
        Assert.All(exporter.Alerts.Take(50), static alert => Assert.Equal(Severity.High, alert.Severity));
    }

    [Fact]
    public async Task TooOld_IsGivenUpAndCounted()
    {
        var clock = new SettableClock(DateTimeOffset.UtcNow);
        var exporter = new SwitchedExporter("away") { Failure = static _ => Away };
        using var dispatcher = new AlertDispatcher([exporter], _directory.Path, _options, _rules, clock, NullLogger<AlertDispatcher>.Instance);
        Dispatch(dispatcher, 0, 5);
        await Wait.UntilAsync(() => exporter.Calls, static calls => calls > 1, "second try");
        clock.Advance(_options.MaxAge + TimeSpan.FromMinutes(1));
        await Wait.UntilAsync(() => dispatcher.Dropped.Sum(static drop => drop.Count), static count => count == 5, "drop of all");
        Assert.Equal([new DropCount("away", "expired", 5)], dispatcher.Dropped);
        Assert.Equal(0, Status(dispatcher).Waiting);
    }

    [Fact]
    public async Task DiskFull_AlertsWaitInMemoryAndThatIsTold()
    {
        using var disk = SmallDisk.TryMount(256);
        Assert.SkipWhen(disk is null, "needs the right to mount a file system");
        var exporter = new SwitchedExporter("away") { Failure = static _ => Away };
        var filler = disk.Fill();
        using (var dispatcher = new AlertDispatcher([exporter], Path.Combine(disk.Path, "outbox"), _options, _rules, TimeProvider.System, NullLogger<AlertDispatcher>.Instance))
        {
            Dispatch(dispatcher, 0, 100);
            await Wait.UntilAsync(() => exporter.Calls, static calls => calls > 1, "second try");
            exporter.Failure = null;
            await Wait.UntilAsync(() => exporter.Ids.Count, static count => count == 100, "arrival of all from memory");
            exporter.Answers.Reset();
            Dispatch(dispatcher, 100, 20);
            await Wait.UntilAsync(
                () => dispatcher.Failing, static failing => failing.Any(static failure => failure.Reason.Contains("the disk is full", StringComparison.Ordinal)), "word of the full disk");
            File.Delete(filler);
            await Wait.UntilAsync(() => Status(dispatcher).DiskBytes, static bytes => bytes > 0, "alerts on the disk that has room again");
            exporter.Answers.Set();
            await Wait.UntilAsync(() => exporter.Ids.Count, static count => count == 120, "arrival of the others");
        }

        Assert.Equal(Ids(0, 120), exporter.Ids);
    }

    [Fact]
    public async Task Test_WhileOthersWait_GoesFirstAndTellsTheAnswer()
    {
        var away = new SwitchedExporter("away") { Failure = static _ => Away };
        var healthy = new SwitchedExporter("healthy");
        using var dispatcher = Create(away, healthy);
        Dispatch(dispatcher, 0, 3);
        await Wait.UntilAsync(() => away.Calls, static calls => calls > 0, "first try");

        var test = TestAlert.Create("node-a", DateTimeOffset.UtcNow);
        var results = await dispatcher.TestAsync(test, TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        Assert.Equal(["It is away.", "taken"], results.Select(static result => result.Answer));
        Assert.Equal([false, true], results.Select(static result => result.Delivered));
        Assert.Contains(test.Id, healthy.Ids);
    }

    [Fact]
    public async Task Test_ReceiverThatNeverAnswers_IsToldInTime()
    {
        var silent = new SwitchedExporter("silent");
        silent.Answers.Reset();
        using var dispatcher = Create(silent);
        var result = Assert.Single(await dispatcher.TestAsync(TestAlert.Create("node-a", DateTimeOffset.UtcNow), TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken));
        Assert.False(result.Delivered);
        Assert.StartsWith("No answer within", result.Answer, StringComparison.Ordinal);
    }

    private static SensorEvent EventOf(EventKind kind, string path, EventDetails details) =>
        new() { Kind = kind, Path = path, Executable = "", ParentComm = "", Details = details };

    private static ExporterStatus Status(AlertDispatcher dispatcher) => dispatcher.Exporters[0];

    private static IEnumerable<string> Ids(int first, int count) => Enumerable.Range(first, count).Select(static number => TestAlerts.Create(number).Id);

    private static void Dispatch(AlertDispatcher dispatcher, int first, int count)
    {
        for (var i = first; i < first + count; i++)
        {
            dispatcher.Dispatch(TestAlerts.Create(i));
        }
    }

    private static string Json(Alert alert)
    {
        var json = new System.Buffers.ArrayBufferWriter<byte>();
        AlertJson.Write(json, alert);
        return System.Text.Encoding.UTF8.GetString(json.WrittenSpan);
    }

    private static async Task StopAsync(AlertDispatcher dispatcher)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await dispatcher.StopAsync(patience.Token);
        Assert.False(patience.IsCancellationRequested, "The lanes did not end.");
    }

    private AlertDispatcher Create(params IAlertExporter[] exporters) =>
        new(exporters, _directory.Path, _options, _rules, TimeProvider.System, NullLogger<AlertDispatcher>.Instance);
}

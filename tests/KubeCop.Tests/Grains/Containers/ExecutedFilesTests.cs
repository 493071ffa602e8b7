using KubeCop.Core.Alerts;
using KubeCop.Core.Events;
using KubeCop.Core.Malware;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Containers;
using KubeCop.Testing;
using KubeCop.Tests.Core;
using KubeCop.Tests.Core.Alerts;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Grains.Containers;

/// <summary>Which programs a container's monitor has scanned.</summary>
public sealed class ExecutedFilesTests : IExecutedFiles
{
    private const uint Create = OpenFlags.Create | 1;

    private readonly List<ExecutedFile> _submitted = [];

    public bool IsEnabled { get; private set; } = true;

    void IExecutedFiles.Submit(ExecutedFile file) => _submitted.Add(file);

    [Theory]
    [InlineData(EventFlags.FileUpperLayer)]
    [InlineData(EventFlags.FileInMemory | EventFlags.FileDeleted)]
    [InlineData(EventFlags.FileUpperLayer | EventFlags.Snapshot)]
    [InlineData(EventFlags.FileUpperLayer | EventFlags.Entered)]
    public void Exec_OfAFileThatIsNotOfTheImage_IsSubmitted(EventFlags flags)
    {
        Ingest(Described(), Sample.Exec("/data/x", flags: flags, pid: 12, args: ["x", "-v"]));

        var file = Assert.Single(_submitted);
        Assert.Equal(("c0ffee", "/data/x", flags, 12u), (file.Container.Id, file.Path, file.Flags, file.Key.Pid));
        Assert.Equal(["x", "-v"], file.Process.Arguments);
        Assert.Null(file.Writer);
    }

    [Theory]
    [InlineData(EventFlags.None)]
    [InlineData(EventFlags.FileUpperLayer | EventFlags.Setup)]
    [InlineData(EventFlags.FileUpperLayer | EventFlags.Refused)]
    public void Exec_OfTheImageOrOfARuntimeOrRefused_IsNotSubmitted(EventFlags flags)
    {
        Ingest(Described(), Sample.Exec("/bin/ls", flags: flags));

        Assert.Empty(_submitted);
    }

    [Fact]
    public void Exec_NobodyScans_IsNotSubmitted()
    {
        IsEnabled = false;

        Ingest(Described(), Sample.Exec("/data/x", flags: EventFlags.FileUpperLayer));

        Assert.Empty(_submitted);
    }

    [Fact]
    public void Exec_OfAFileThatTheContainerWrote_IsSubmittedWithWhoWroteIt()
    {
        var monitor = Described();
        Ingest(monitor, Sample.Exec("/bin/sh", "/bin/busybox", pid: 7), Sample.Open("/volume/x", Create, pid: 7, at: 5), Sample.Exec("/volume/x", pid: 8, at: 6));

        var writer = Assert.Single(_submitted).Writer;
        Assert.Equal(new FileWriter(7, 1000, "p7", "/bin/busybox", Sample.Boot.AddSeconds(5)), writer);
    }

    [Fact]
    public void Exec_OfAScriptThatTheContainerWrote_IsSubmittedAsTheScript()
    {
        var monitor = Described();
        Ingest(monitor, Sample.Open("/tmp/x.sh", Create, pid: 7), Sample.Exec("/tmp/x.sh", "/bin/busybox"));

        Assert.Equal("/tmp/x.sh", Assert.Single(_submitted).Path);
    }

    [Fact]
    public void Exec_AfterAReadOnly_IsNotSubmitted()
    {
        Ingest(Described(), Sample.Open("/volume/x"), Sample.Exec("/volume/x"));

        Assert.Empty(_submitted);
    }

    [Fact]
    public void Exec_BeforeItsContainerIsKnown_IsSubmittedOnceThatIs()
    {
        var monitor = Monitor();
        Ingest(monitor, Sample.Exec("/data/x", flags: EventFlags.FileUpperLayer));
        Assert.Empty(_submitted);

        monitor.Describe(Sample.Container);
        monitor.Describe(Sample.Container);

        Assert.Single(_submitted);
    }

    [Fact]
    public void EventsOfTheImage_WhileSomebodyScans_AllocateNothing()
    {
        var monitor = Described();
        monitor.Assign(new ProfileAssignment
        {
            Slot = new ProfileSlot("web", "r1", false),
            Generation = 1,
            State = ProfileState.Learning,
            CompletesAt = Sample.Boot.AddSeconds(10),
        });
        var batch = Batch(Sample.Exec("/bin/ls", "/bin/busybox"), Sample.Open("/data/log", Create));
        monitor.Ingest(batch);
        monitor.TakeLearned();

        Assert.Equal(0, Allocations.Of(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                monitor.Ingest(batch);
            }
        }));
        Assert.Empty(_submitted);
    }

    [Fact]
    public void Writers_MoreThanTheLimit_ForgetTheOldest()
    {
        var writers = new FileWriters(limit: 2);
        foreach (var path in new[] { "/a", "/b", "/a", "/c" })
        {
            writers.Add(Sample.Open(path, Create), "/bin/sh");
        }

        Assert.Equal((false, true, true), (writers.Knows("/a"), writers.Knows("/b"), writers.Knows("/c")));
        Assert.Null(writers.Of("/a", new BootClock()));
    }

    private static void Ingest(ContainerMonitor monitor, params SensorEvent[] events) => monitor.Ingest(Batch(events));

    private static EventBatch Batch(params SensorEvent[] events)
    {
        var batch = new EventBatch(events.Length);
        foreach (var sensorEvent in events)
        {
            batch.Add() = sensorEvent;
        }

        return batch;
    }

    private ContainerMonitor Described()
    {
        var monitor = Monitor();
        monitor.Describe(Sample.Container);
        return monitor;
    }

    private ContainerMonitor Monitor() => new(
        new NodeRules(new FixedRules(RuleSet.Empty), new RuleCounters()),
        new AlertList(),
        new NoRepeatFilter(),
        new BootClock(),
        new FakeTimeProvider(Sample.Boot),
        new LearningOptions(),
        new AlertOptions(),
        NullLogger<ContainerMonitor>.Instance,
        this);
}

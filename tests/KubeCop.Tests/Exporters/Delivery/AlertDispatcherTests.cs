using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using KubeCop.Exporters.Delivery;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Exporters.Delivery;

public sealed class AlertDispatcherTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly RuleCounters _rules = new();

    [Fact]
    public async Task Dispatch_SeveralExporters_EachGetsAllInOrder()
    {
        var first = new RecordingExporter("first");
        var second = new RecordingExporter("second");
        using var dispatcher = Create(16, first, second);

        for (var i = 0; i < 10; i++)
        {
            dispatcher.Dispatch(TestAlerts.Create(i));
        }

        await StopAsync(dispatcher);
        Assert.Equal(Enumerable.Range(0, 10).Select(static i => TestAlerts.Create(i).Id), first.Ids);
        Assert.Equal(first.Ids, second.Ids);
        Assert.Equal(10, Assert.Single(dispatcher.Alerts).Count);
        Assert.Empty(dispatcher.Dropped);
    }

    /// <summary>What is still so was told: only who holds alerts as firing is told again.</summary>
    [Fact]
    public async Task Dispatch_Ongoing_IsForNobodyWhoDoesNotAskForIt()
    {
        var exporter = new RecordingExporter("exporter");
        using var dispatcher = Create(16, exporter);

        dispatcher.Dispatch(TestAlerts.Create(1));
        dispatcher.Dispatch(TestAlerts.Create(2) with { State = AlertState.Ongoing });

        await StopAsync(dispatcher);
        Assert.Equal([TestAlerts.Create(1).Id], exporter.Ids);
        Assert.Equal(1, Assert.Single(dispatcher.Alerts).Count);
        Assert.Empty(dispatcher.Dropped);
    }

    [Fact]
    public async Task Dispatch_ExporterBlocks_ItsAlertsAreDroppedAndCountedAndOthersGoOn()
    {
        using var release = new ManualResetEventSlim();
        var blocked = new RecordingExporter("blocked") { Gate = release };
        var healthy = new RecordingExporter("healthy");
        using var dispatcher = Create(8, blocked, healthy);
        dispatcher.Dispatch(TestAlerts.Create(0));
        Assert.True(blocked.Entered.Wait(Patience, TestContext.Current.CancellationToken), "The exporter was not called.");

        // The first alert is with the exporter and waits until that has taken it, seven more fit; the healthy one is given time to empty its own.
        for (var i = 1; i <= 12; i++)
        {
            dispatcher.Dispatch(TestAlerts.Create(i));
            Assert.True(SpinWait.SpinUntil(() => healthy.Ids.Count == i + 1, Patience), "The healthy exporter waits for the blocked one.");
        }

        Assert.Equal("blocked", Assert.Single(dispatcher.Failing).Exporter);
        release.Set();
        await StopAsync(dispatcher);
        Assert.Equal(13, healthy.Ids.Count);
        Assert.Equal(8, blocked.Ids.Count);
        Assert.Equal([new DropCount("blocked", "queue_full", 5)], dispatcher.Dropped);
        Assert.Empty(dispatcher.Failing);
        Assert.Equal(5, _rules.Of("R0001").SuppressedFor(Suppression.ExporterDrop));
    }

    [Fact]
    public async Task Dispatch_FloodOfMediumAlerts_LeavesRoomForHighOnes()
    {
        using var release = new ManualResetEventSlim();
        var blocked = new RecordingExporter("blocked") { Gate = release };
        using var dispatcher = Create(8, blocked);
        dispatcher.Dispatch(TestAlerts.Create(0));
        Assert.True(blocked.Entered.Wait(Patience, TestContext.Current.CancellationToken), "The exporter was not called.");
        for (var i = 1; i <= 100; i++)
        {
            dispatcher.Dispatch(TestAlerts.Create(i) with { RuleId = "R0002", Severity = Severity.Medium });
        }

        dispatcher.Dispatch(TestAlerts.Create(101) with { Severity = Severity.High });
        dispatcher.Dispatch(TestAlerts.Create(102));

        release.Set();
        await StopAsync(dispatcher);
        Assert.Equal([TestAlerts.Create(101).Id, TestAlerts.Create(102).Id], blocked.Ids.TakeLast(2));
        Assert.Equal((95, 0), (_rules.Of("R0002").SuppressedFor(Suppression.ExporterDrop), _rules.Of("R0001").SuppressedFor(Suppression.ExporterDrop)));
    }

    [Fact]
    public async Task Dispatch_ExporterLosesTheEndOfABatch_ThatIsCountedByRule()
    {
        using var release = new ManualResetEventSlim();
        var exporter = new RecordingExporter("full") { Gate = release, Failure = new ExportException("disk_full", 1, "No space.") };
        using var dispatcher = Create(8, exporter);
        dispatcher.Dispatch(TestAlerts.Create(0));
        Assert.True(exporter.Entered.Wait(Patience, TestContext.Current.CancellationToken), "The exporter was not called.");
        dispatcher.Dispatch(TestAlerts.Create(1) with { RuleId = "R0002" });
        dispatcher.Dispatch(TestAlerts.Create(2) with { RuleId = "R0003" });

        release.Set();
        await StopAsync(dispatcher);
        Assert.Equal((1, 0, 1), (Lost("R0001"), Lost("R0002"), Lost("R0003")));

        long Lost(string rule) => _rules.Of(rule).SuppressedFor(Suppression.ExporterDrop);
    }

    [Fact]
    public async Task Dispatch_ExporterThrows_LossIsCountedByItsReasonAndTheNextBatchArrives()
    {
        var exporter = new RecordingExporter("broken") { Failure = new ExportException("disk_full", 1, "No space.") };
        using var dispatcher = Create(8, exporter);
        dispatcher.Dispatch(TestAlerts.Create(0));
        Assert.True(SpinWait.SpinUntil(() => dispatcher.Dropped.Count == 1, Patience), "The loss was not counted.");
        Assert.Equal([new ExportFailure("broken", "No space.")], dispatcher.Failing);

        exporter.Failure = null;
        dispatcher.Dispatch(TestAlerts.Create(1));

        await StopAsync(dispatcher);
        Assert.Equal([new DropCount("broken", "disk_full", 1)], dispatcher.Dropped);
        Assert.Empty(dispatcher.Failing);
        Assert.Equal([TestAlerts.Create(1).Id], exporter.Ids);
        Assert.Equal(1, Assert.Single(dispatcher.Exporters).Exported);
    }

    [Fact]
    public async Task Dispatch_ExporterHasADefect_BatchIsCountedAndTheNextArrives()
    {
        var exporter = new RecordingExporter("broken") { Failure = new InvalidOperationException("defect") };
        using var dispatcher = Create(8, exporter);
        dispatcher.Dispatch(TestAlerts.Create(0));
        Assert.True(SpinWait.SpinUntil(() => dispatcher.Dropped.Count == 1, Patience), "The loss was not counted.");

        exporter.Failure = null;
        dispatcher.Dispatch(TestAlerts.Create(1));

        await StopAsync(dispatcher);
        Assert.Equal([new DropCount("broken", "failed", 1)], dispatcher.Dropped);
        Assert.Single(exporter.Ids);
    }

    [Fact]
    public async Task StopAsync_ExporterBlocksForEver_EndsWithTheToken()
    {
        using var never = new ManualResetEventSlim();
        var exporter = new RecordingExporter("blocked") { Gate = never };
        using var dispatcher = Create(8, exporter);
        dispatcher.Dispatch(TestAlerts.Create());
        using var patience = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));

        await dispatcher.StopAsync(patience.Token).WaitAsync(Patience, TestContext.Current.CancellationToken);

        never.Set();
    }

    private AlertDispatcher Create(int capacity, params IAlertExporter[] exporters) => new(
        exporters, "/nowhere", new DeliveryOptions { MaxInMemory = capacity }, _rules, TimeProvider.System, NullLogger<AlertDispatcher>.Instance);

    private static async Task StopAsync(AlertDispatcher dispatcher)
    {
        using var patience = new CancellationTokenSource(Patience);
        await dispatcher.StopAsync(patience.Token);
        Assert.False(patience.IsCancellationRequested, "The queues were not emptied.");
    }

    private sealed class RecordingExporter(string name) : IAlertExporter
    {
        private readonly Lock _lock = new();
        private readonly List<string> _ids = [];

        public string Name => name;

        public string Receiver => "memory";

        public ManualResetEventSlim? Gate { get; init; }

        public ManualResetEventSlim Entered { get; } = new();

        public volatile Exception? Failure;

        public IReadOnlyList<string> Ids
        {
            get
            {
                lock (_lock)
                {
                    return [.. _ids];
                }
            }
        }

        public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
        {
            Entered.Set();
            Gate?.Wait();
            if (Failure is { } failure)
            {
                throw failure;
            }

            lock (_lock)
            {
                _ids.AddRange(batch.Select(static alert => alert.Id));
            }

            return "taken";
        }
    }
}

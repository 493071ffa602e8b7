using System.Text;
using KubeCop.Core.Malware;
using KubeCop.Grains.Abstractions.Scanning;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Cluster.Tests.Grains;

/// <summary>When a node is scanned, by a clock that the test moves and a scanner that it plays.</summary>
public sealed class ScannerTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);
    private static readonly MalwareScanPosition Position = new("HostPath:/srv", Encoding.UTF8.GetBytes("b/file"));

    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly SharedGrainStorage _storage = new();

    [Fact]
    public async Task Interval_ScansAreDueAfterIt_AndUpToATenthLater()
    {
        var scanner = new PlayedScanner(_time, ScanSchedule.Every(Hour));
        await using var cluster = await StartAsync(scanner);
        await UntilStartedAsync(cluster, scanner, 1);
        scanner.End(MalwareScanState.Completed);

        var due = (await UntilDueAsync(cluster)) - scanner.Starts[0].At;
        Assert.InRange(due, Hour - TimeSpan.FromSeconds(5), (Hour * 1.1) + TimeSpan.FromSeconds(5));
        await JumpAsync(cluster, due - TimeSpan.FromMinutes(1));
        Assert.Single(scanner.Starts);
        await UntilStartedAsync(cluster, scanner, 2, TimeSpan.FromSeconds(5));

        Assert.All(scanner.Starts, static start => Assert.Null(start.From));
    }

    [Fact]
    public async Task Cron_NothingIsScannedBeforeItsTime()
    {
        Assert.True(ScanSchedule.TryParse("0 3 * * *", out var schedule, out var mistake), mistake);
        var scanner = new PlayedScanner(_time, schedule);
        await using var cluster = await StartAsync(scanner);

        var due = await UntilDueAsync(cluster);
        var three = new DateTimeOffset(2026, 1, 1, 3, 0, 0, TimeSpan.Zero);
        Assert.InRange(due, three, three.AddMinutes(15));
        Assert.Empty(scanner.Starts);
        await JumpAsync(cluster, due - _time.GetUtcNow() - TimeSpan.FromMinutes(1));
        Assert.Empty(scanner.Starts);
        await UntilStartedAsync(cluster, scanner, 1, TimeSpan.FromSeconds(5));
        scanner.End(MalwareScanState.Completed);

        await cluster.UntilAsync(async () => (await StatusAsync(cluster)).NextAt >= three.AddDays(1), "the next one is due a day later");
    }

    [Fact]
    public async Task OnDemand_NothingIsDue_AndTheGivenPathsAreScanned()
    {
        var scanner = new PlayedScanner(_time, ScanSchedule.OnDemand);
        await using var cluster = await StartAsync(scanner);
        await JumpAsync(cluster, TimeSpan.FromHours(3));
        Assert.Empty(scanner.Starts);

        Assert.True(await Scanner(cluster).StartAsync(["/srv", "/home"]), "it was not begun");
        Assert.False(await Scanner(cluster).StartAsync([]), "two run at one time");

        Assert.Equal(["/srv", "/home"], Assert.Single(scanner.Starts).Paths);
        Assert.Null((await StatusAsync(cluster)).NextAt);
    }

    [Fact]
    public async Task Due_WhileOneRuns_IsSkippedAndCounted()
    {
        var scanner = new PlayedScanner(_time, ScanSchedule.Every(Hour));
        await using var cluster = await StartAsync(scanner);
        await UntilStartedAsync(cluster, scanner, 1);

        await JumpAsync(cluster, (Hour * 1.1) + TimeSpan.FromSeconds(10));
        await cluster.UntilAsync(async () => (await StatusAsync(cluster)).Skipped == 1, "one is skipped");

        Assert.Single(scanner.Starts);
        scanner.End(MalwareScanState.Completed);
        await JumpAsync(cluster, Hour);
        await UntilStartedAsync(cluster, scanner, 2, TimeSpan.FromMinutes(1));
    }

    [Fact]
    public async Task Cancel_ScanEndsAndIsNotContinued()
    {
        var scanner = new PlayedScanner(_time, ScanSchedule.Every(Hour));
        await using var cluster = await StartAsync(scanner);
        await UntilStartedAsync(cluster, scanner, 1);
        scanner.Reach(Position);

        Assert.True(await Scanner(cluster).CancelAsync(), "it was not cancelled");
        Assert.False(await Scanner(cluster).CancelAsync(), "it was cancelled twice");

        Assert.Equal(MalwareScanState.Cancelled, (await StatusAsync(cluster)).Report!.State);
        await JumpAsync(cluster, TimeSpan.FromMinutes(10));
        Assert.Single(scanner.Starts);
        await JumpAsync(cluster, Hour);
        await UntilStartedAsync(cluster, scanner, 2, TimeSpan.FromMinutes(1));
        Assert.Null(scanner.Starts[1].From);
    }

    [Fact]
    public async Task Failed_GoesOnWhereItWasAfterAPause()
    {
        var scanner = new PlayedScanner(_time, ScanSchedule.OnDemand);
        await using var cluster = await StartAsync(scanner);
        Assert.True(await Scanner(cluster).StartAsync(["/srv"]), "it was not begun");
        scanner.Reach(Position);
        scanner.End(MalwareScanState.Failed);

        await JumpAsync(cluster, TimeSpan.FromSeconds(50));
        Assert.Single(scanner.Starts);
        await UntilStartedAsync(cluster, scanner, 2, TimeSpan.FromSeconds(5));

        AssertContinued(scanner.Starts[1], "/srv");
    }

    [Fact]
    public async Task SiloRestarted_ScanThatGoesOnIsNotBegunAgain()
    {
        var scanner = new PlayedScanner(_time, ScanSchedule.Every(Hour));
        DateTimeOffset? due;
        await using (var cluster = await StartAsync(scanner))
        {
            await UntilStartedAsync(cluster, scanner, 1);
            due = await UntilDueAsync(cluster);
        }

        scanner.Reach(Position);
        await using (var cluster = await StartAsync(scanner))
        {
            await JumpAsync(cluster, TimeSpan.FromMinutes(1));

            var status = await StatusAsync(cluster);
            Assert.Equal((MalwareScanState.Running, due), (status.Report!.State, status.NextAt));
            Assert.Single(scanner.Starts);
        }
    }

    [Fact]
    public async Task ProcessRestarted_GoesOnFromThePositionThatWasStored()
    {
        var first = new PlayedScanner(_time, ScanSchedule.OnDemand);
        await using (var cluster = await StartAsync(first))
        {
            Assert.True(await Scanner(cluster).StartAsync(["/srv"]), "it was not begun");
            first.Reach(Position);
            await UntilStoredAsync(cluster, "HostPath:/srv");
        }

        var second = new PlayedScanner(_time, ScanSchedule.OnDemand);
        await using (var cluster = await StartAsync(second))
        {
            await UntilStartedAsync(cluster, second, 1);
            AssertContinued(second.Starts[0], "/srv");
        }
    }

    [Fact]
    public async Task StorageDown_ScheduleGoesOn_AndIsStoredWhenItIsBack()
    {
        var scanner = new PlayedScanner(_time, ScanSchedule.Every(Hour));
        _storage.IsDown = true;
        await using var cluster = await StartAsync(scanner);
        await UntilStartedAsync(cluster, scanner, 1);
        scanner.End(MalwareScanState.Completed);
        await JumpAsync(cluster, Hour);
        await UntilStartedAsync(cluster, scanner, 2, TimeSpan.FromMinutes(1));
        Assert.Null(Stored(cluster));

        _storage.IsDown = false;

        await UntilStoredAsync(cluster, scanner.Report!.Id.ToString());
    }

    [Fact]
    public async Task ShorterInterval_AfterARestart_HoldsAtOnce()
    {
        await using (var cluster = await StartAsync(new PlayedScanner(_time, ScanSchedule.Every(TimeSpan.FromDays(30)))))
        {
            Assert.True(await UntilDueAsync(cluster) - _time.GetUtcNow() > TimeSpan.FromDays(29), "it is due too early");
        }

        var scanner = new PlayedScanner(_time, ScanSchedule.Every(Hour));
        await using (var cluster = await StartAsync(scanner))
        {
            await cluster.UntilAsync(async () => (await StatusAsync(cluster)).NextAt - _time.GetUtcNow() <= Hour * 1.1, "it is due within the new interval");
        }
    }

    [Fact]
    public async Task TwoNodes_EachHasTheScannerOfItsName()
    {
        var scanners = new Dictionary<string, PlayedScanner>(StringComparer.Ordinal);
        await using var cluster = await GrainCluster.StartAsync(silos: 2, storage: _storage, time: _time, configure: (name, silo) =>
        {
            lock (scanners)
            {
                silo.Services.AddSingleton<IMalwareScanner>(scanners[name] = new PlayedScanner(_time, ScanSchedule.OnDemand));
            }
        });
        var (asked, other) = (cluster.Silos.Silos[0].Name, cluster.Silos.Silos[1].Name);

        Assert.True(await cluster.Grains.GetGrain<IScannerGrain>(asked).StartAsync([]), "it was not begun");

        Assert.Single(scanners[asked].Starts);
        Assert.Empty(scanners[other].Starts);
    }

    private Task<GrainCluster> StartAsync(PlayedScanner scanner) => GrainCluster.StartAsync(
        storage: _storage, time: _time, configure: (_, silo) => silo.Services.AddSingleton<IMalwareScanner>(scanner));

    private static IScannerGrain Scanner(GrainCluster cluster) => cluster.Grains.GetGrain<IScannerGrain>(cluster.Node);

    private static Task<ScannerStatus> StatusAsync(GrainCluster cluster) => Scanner(cluster).GetStatusAsync();

    private static string? Stored(GrainCluster cluster) => cluster.Storage.TextOf("scanner", Scanner(cluster).GetGrainId());

    /// <summary>Time goes in the grain's own steps.</summary>
    private async Task UntilStartedAsync(GrainCluster cluster, PlayedScanner scanner, int starts, TimeSpan? step = null) => await cluster.UntilAsync(
        () =>
        {
            _time.Advance(step ?? TimeSpan.Zero);
            return scanner.Starts.Count >= starts;
        },
        $"scan {starts} is begun");

    private static async Task<DateTimeOffset> UntilDueAsync(GrainCluster cluster)
    {
        DateTimeOffset? due = null;
        await cluster.UntilAsync(async () => (due = (await StatusAsync(cluster)).NextAt) is not null, "the next scan is due at some time");
        return due!.Value;
    }

    private static Task UntilStoredAsync(GrainCluster cluster, string text) =>
        cluster.UntilAsync(() => Stored(cluster)?.Contains(text, StringComparison.Ordinal) is true, $"{text} is stored");

    /// <summary>Lets much time pass at once, and then the grain look.</summary>
    private async Task JumpAsync(GrainCluster cluster, TimeSpan duration)
    {
        _time.Advance(duration);
        await cluster.PassAsync(TimeSpan.FromSeconds(6));
        await StatusAsync(cluster);
    }

    private static void AssertContinued(Start start, string path)
    {
        Assert.Equal(Position.Root, start.From?.Root);
        Assert.Equal(Position.After, start.From?.After);
        Assert.Equal([path], start.Paths);
    }

    private sealed record Start(DateTimeOffset At, MalwareScanPosition? From, IReadOnlyList<string> Paths);

    /// <summary>Scans nothing, and says what the test says.</summary>
    private sealed class PlayedScanner(TimeProvider time, ScanSchedule schedule) : IMalwareScanner
    {
        private readonly Lock _lock = new();
        private readonly List<Start> _starts = [];
        private MalwareScanReport? _report;

        public bool IsEnabled => true;

        public ScanSchedule Schedule => schedule;

        public IReadOnlyList<Start> Starts
        {
            get
            {
                lock (_lock)
                {
                    return [.. _starts];
                }
            }
        }

        public MalwareScanReport? Report
        {
            get
            {
                lock (_lock)
                {
                    return _report;
                }
            }
        }

        public bool TryStart(Guid id, MalwareScanPosition? from, IReadOnlyList<string> paths)
        {
            lock (_lock)
            {
                if (_report is { State: MalwareScanState.Running })
                {
                    return false;
                }

                _starts.Add(new Start(time.GetUtcNow(), from, paths));
                _report = new MalwareScanReport { Id = id, State = MalwareScanState.Running, StartedAt = time.GetUtcNow(), Position = from, Paths = paths };
                return true;
            }
        }

        public bool Cancel()
        {
            lock (_lock)
            {
                if (_report is not { State: MalwareScanState.Running })
                {
                    return false;
                }
            }

            End(MalwareScanState.Cancelled);
            return true;
        }

        public void Reach(MalwareScanPosition position)
        {
            lock (_lock)
            {
                _report = _report! with { Position = position };
            }
        }

        public void End(MalwareScanState state)
        {
            lock (_lock)
            {
                _report = _report! with
                {
                    State = state,
                    EndedAt = time.GetUtcNow(),
                    Position = state == MalwareScanState.Completed ? null : _report!.Position,
                };
            }
        }
    }
}

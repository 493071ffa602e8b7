using System.Buffers;
using System.Text;
using KubeCop.Core.Alerts;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Replay;
using KubeCop.Host.Bindings;
using KubeCop.Sensor;
using KubeCop.Sensor.Decoding;
using KubeCop.Sensor.Recording;
using KubeCop.Sensor.Routing;
using KubeCop.Testing;
using KubeCop.Testing.Sensor;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Sensor.Recording;

public sealed class RecordingReplayTests : IDisposable
{
    private const ulong Cgroup = 7;
    private const long Second = 1_000_000_000;

    private readonly TestDirectory _directory = new();

    private string File => _directory.Combine("recording");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Replay_LearnsAndJudgesByTheRecordingsOwnClock()
    {
        Write(writer =>
        {
            Begin(writer);
            writer.Record(At(RecordBuilder.Exec(Cgroup, "/bin/cat", "/bin/cat", "/", "cat"), 5 * Second));
            writer.Record(At(RecordBuilder.Exec(Cgroup, "/bin/ls", "/bin/ls", "/", "ls"), 14 * Second));
            writer.Record(At(RecordBuilder.Exec(Cgroup, "/bin/cat", "/bin/cat", "/", "cat"), 25 * Second));
            writer.Record(At(RecordBuilder.Exec(Cgroup, "/bin/id", "/bin/id", "/", "id"), 26 * Second));
        });

        var (result, alerts, profiles) = Replay();

        var alert = Assert.Single(alerts);
        Assert.Equal(("R0001", "/bin/id"), (alert.RuleId, alert.Event.Path));
        Assert.Equal(DateTimeOffset.UnixEpoch.AddSeconds(26), alert.Timestamp);
        var container = Assert.Single(Assert.Single(profiles).Containers);
        Assert.Equal(ProfileState.Final, container.State);
        Assert.Equal(["/bin/cat", "/bin/ls"], container.Execs.Select(static exec => exec.Path));
        Assert.Equal((4, 1, 0, null), (result.Events, result.Containers, result.Lost, result.Damage));
    }

    [Fact]
    public void Replay_OfWhatWasLost_MarksTheProfile()
    {
        Write(writer =>
        {
            Begin(writer);
            writer.Record(At(RecordBuilder.Exec(Cgroup, "/bin/cat", "/bin/cat", "/", "cat"), 5 * Second));
            writer.Lost(Cgroup, 12);
            writer.Record(At(RecordBuilder.Exec(Cgroup, "/bin/ls", "/bin/ls", "/", "ls"), 7 * Second));
            writer.Record(At(RecordBuilder.Exec(Cgroup, "/bin/cat", "/bin/cat", "/", "cat"), 25 * Second));
        });

        var (result, _, profiles) = Replay();

        Assert.Equal(12, result.Lost);
        Assert.Equal(12, Assert.Single(Assert.Single(profiles).Containers).Lost);
    }

    /// <summary>What the real kernel sent: a busybox container that learns for ten seconds and is attacked then.</summary>
    [Fact]
    public void Replay_OfARealAttack_FindsItAndNothingElse()
    {
        var (result, alerts, profiles) = Replay(Recordings.LearnThenAttack, Recordings.LearningPeriod);

        Assert.Equal((1, 0, null), (result.Containers, result.Lost, result.Damage));
        var container = Assert.Single(Assert.Single(profiles).Containers);
        Assert.Equal(ProfileState.Final, container.State);
        Assert.Equal(["/bin/behaviour", "/bin/cat", "/bin/ls", "/bin/sh", "/bin/sleep"], container.Execs.Select(static exec => exec.Path).Distinct().Order(StringComparer.Ordinal));
        Assert.Equal(["shop.example"], container.Dns.Select(static dns => dns.DnsName));
        Assert.Contains("/srv/index.html", container.Opens.Select(static open => open.Path));

        var found = alerts.Where(static alert => alert.State == AlertState.New).Select(static alert => $"{alert.RuleId} {alert.Event.Path}").ToHashSet();
        Assert.Superset(
            new HashSet<string> { "R0001 /bin/cp", "R0001 /dev/shm/id", "R1000 /dev/shm/id", "R0002 /etc/shadow", "R0005 evil.example", "R0004 SYS_CHROOT" },
            found);
        Assert.DoesNotContain(alerts, static alert => alert.Learning);
        Assert.DoesNotContain(found, static alert => alert.Contains("/srv/index.html", StringComparison.Ordinal) || alert.Contains("shop.example", StringComparison.Ordinal));

        var again = Replay(Recordings.LearnThenAttack, Recordings.LearningPeriod).Alerts;
        Assert.Equal(alerts.Select(Json), again.Select(Json));

        static string Json(Alert alert)
        {
            var line = new ArrayBufferWriter<byte>();
            AlertJson.Write(line, alert with { Id = "" });
            return Encoding.UTF8.GetString(line.WrittenSpan);
        }
    }

    /// <summary>A file from anybody: whatever stands in it, the answer is a sentence about the file.</summary>
    [Fact]
    public void Replay_OfAnythingKubeCopNeverWrites_IsRefused()
    {
        var random = new Random(4711);
        byte[][] templates =
        [
            RecordBuilder.Exec(Cgroup, "/bin/cat", "/bin/cat", "/", "cat", "x"), RecordBuilder.Open(Cgroup, "/etc/passwd"), RecordBuilder.Fork(Cgroup),
            RecordBuilder.Exit(Cgroup), RecordBuilder.Cgroup(RecordKind.CgroupCreated, Cgroup, "/web", "/run"), RecordBuilder.Cgroup(RecordKind.CgroupEmpty, Cgroup, "/web"),
        ];
        for (var round = 0; round < 300; round++)
        {
            System.IO.File.Delete(File);
            Write(writer =>
            {
                Begin(writer);
                for (var i = 0; i < 20; i++)
                {
                    var record = templates[random.Next(templates.Length)].ToArray();
                    for (var flips = random.Next(6); flips > 0; flips--)
                    {
                        record[random.Next(record.Length)] = (byte)random.Next(256);
                    }

                    writer.Record(record.AsSpan(0, random.Next(8) == 0 ? random.Next(record.Length) : record.Length));
                }
            });

            try
            {
                _ = Replay();
            }
            catch (RecordingException exception)
            {
                Assert.Contains(File, exception.Message, StringComparison.Ordinal);
            }
        }
    }

    private static void Begin(RecordingWriter writer)
    {
        writer.Record(At(RecordBuilder.Cgroup(RecordKind.CgroupCreated, Cgroup, "/web"), 2 * Second));
        writer.Discovered(new DiscoveryResult(Cgroup, Container, IsNoContainer: false));
    }

    private static byte[] At(byte[] record, long timestamp)
    {
        System.Runtime.InteropServices.MemoryMarshal.AsRef<EventHead>(record.AsSpan()).TimestampNs = (ulong)timestamp;
        return record;
    }

    private void Write(Action<RecordingWriter> write)
    {
        using var writer = new RecordingWriter(File, long.MaxValue, new RecordingHeader("0.1.0", "6.18.0", "node", DateTimeOffset.UnixEpoch, Second));
        write(writer);
    }

    private (ReplayResult Result, IReadOnlyList<Alert> Alerts, IReadOnlyList<ApplicationProfile> Profiles) Replay() => Replay(File, TimeSpan.FromSeconds(15));

    private static (ReplayResult Result, IReadOnlyList<Alert> Alerts, IReadOnlyList<ApplicationProfile> Profiles) Replay(string file, TimeSpan learningPeriod)
    {
        using var replay = new RecordingReplay(file);
        var alerts = new Alerts();
        var workloads = new ReplayedWorkloads(
            new NodeRules(new FixedRules(DefaultBinding.Rules), new RuleCounters()),
            alerts,
            replay.Time,
            replay.Time,
            new LearningOptions { Period = learningPeriod },
            new AlertOptions(),
            NullLoggerFactory.Instance);
        var result = replay.Run(workloads.Container, new SensorOptions(), workloads.Tick, NullLoggerFactory.Instance, TestContext.Current.CancellationToken);
        workloads.End();
        return (result, alerts.Raised, workloads.Profiles);
    }

    private static readonly ContainerDescription Container = new()
    {
        Id = "id",
        Name = "web",
        Runtime = "runc",
        Node = "node",
        Workload = new WorkloadKey("default", "Container", "web"),
        Origin = ContainerOrigin.Started,
        SeenAt = DateTimeOffset.UnixEpoch.AddSeconds(2),
        CgroupId = Cgroup,
        CgroupPath = "/web",
        Revision = "revision",
    };

    private sealed class Alerts : IAlertDispatcher
    {
        public List<Alert> Raised { get; } = [];

        public void Dispatch(Alert alert) => Raised.Add(alert);
    }
}

using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Containers;
using KubeCop.Sensor;
using KubeCop.Sensor.Recording;
using KubeCop.Testing.Sensor;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>
/// What simulated containers do: a workload's own routine, some of it recorded from a real container, and deeds that only one container
/// does, and only once: none of them can come from anybody else when it is lost.
/// </summary>
internal static class Behaviours
{
    private const int Routine = 60;

    private static readonly string[] Syscalls =
        ["read", "write", "openat", "close", "mmap", "futex", "epoll_wait", "accept4", "connect", "sendto", "recvfrom", "clone3", "execve", "exit_group", "getrandom", "prctl"];

    private static readonly Lazy<SensorEvent[]> Recorded = new(ReadRecorded);

    /// <summary>What all containers of a workload do again and again.</summary>
    public static SensorEvent[] RoutineOf(int workload, ulong seed)
    {
        var random = new Random(HashCode.Combine(workload, seed));
        return [.. Recorded.Value, .. Enumerable.Range(0, Routine).Select(i => Make(random, $"{workload}/routine-{i}"))];
    }

    /// <summary>A deed of a kind chosen at random.</summary>
    /// <param name="name">Makes it another one than every other; of system calls and capabilities there are only so many.</param>
    public static SensorEvent Make(Random random, string name)
    {
        var made = random.Next(100) switch
        {
            < 20 => new SensorEvent
            {
                Kind = EventKind.Exec,
                Path = $"/usr/bin/{name}",
                Executable = $"/usr/bin/{name}",
                Details = new ExecDetails($"/usr/bin/{name}", "/", [name, "--level", $"{random.Next(10)}"]),
            },
            < 70 => new SensorEvent { Kind = EventKind.Open, Path = $"/srv/app/{name}", Value = (uint)(random.Next(3) | (random.Next(2) * 0x40)) },
            < 80 => new SensorEvent
            {
                Kind = EventKind.Dns,
                Path = $"{name.Replace('/', '.')}.example",
                Details = new DnsDetails($"{name.Replace('/', '.')}.example", "A", IsAnswer: true, "NOERROR", [AddressOf(random)], "udp", "10.96.0.10"),
            },
            < 95 => Network(random),
            < 98 => new SensorEvent { Kind = EventKind.Syscall, Path = Syscalls[random.Next(Syscalls.Length)] },
            _ => new SensorEvent { Kind = EventKind.Capability, Path = "CHOWN", Details = new CapabilityDetails("CHOWN", "fchown", Granted: true) },
        };
        made.Process = new ProcessIdentity { Key = new ProcessKey(42, 1), Parent = new ProcessKey(1, 1), Comm = "app" };
        (made.Path, made.Executable, made.ParentComm) = (made.Path ?? "", made.Executable ?? "", "app");
        return made;
    }

    /// <summary>What of a profile an event makes, in words; the same as <see cref="Of(ContainerProfile)"/> has for it.</summary>
    public static IEnumerable<string> Of(SensorEvent deed) => deed.Kind switch
    {
        EventKind.Exec => [$"exec {deed.Path} {deed.Executable} {string.Join(' ', deed.Exec!.Arguments.Skip(1))}"],
        EventKind.Open => OpenFlags.Names(OpenFlags.ToSet(deed.Value)).Select(flag => $"open {deed.Path} {flag}"),
        EventKind.Dns => [$"dns {deed.Path}", .. deed.Dns!.Addresses.Select(address => $"dns {deed.Path} {address}")],
        EventKind.Network when deed.Network!.Action == NetworkAction.Connect => [$"net out {deed.Network.Protocol} {deed.Network.Port} {deed.Network.Address}"],
        EventKind.Network => [$"net in {deed.Network!.Protocol} {deed.Network.Port}"],
        EventKind.Syscall => [$"syscall {deed.Path}"],
        EventKind.Capability => [$"capability {deed.Capability!.Syscall} {deed.Capability.Name}"],
        _ => throw new ArgumentException($"{deed.Kind} is not learned."),
    };

    /// <inheritdoc cref="Of(SensorEvent)"/>
    public static IEnumerable<string> Of(ContainerProfile profile) =>
    [
        .. profile.Execs.Select(static exec => $"exec {exec.Path} {exec.Executable} {string.Join(' ', exec.Args)}"),
        .. profile.Opens.SelectMany(static open => open.Flags.Select(flag => $"open {open.Path} {flag}")),
        .. profile.Dns.SelectMany(static dns => dns.Addresses.Select(address => $"dns {dns.DnsName} {address}").Prepend($"dns {dns.DnsName}")),
        .. profile.Outgoing.Select(static peer => $"net out {peer.Protocol} {peer.Port} {peer.DstEndpoint}"),
        .. profile.Incoming.Select(static port => $"net in {port.Protocol} {port.Port}"),
        .. profile.Syscalls.Select(static syscall => $"syscall {syscall.Name}"),
        .. profile.Capabilities.SelectMany(static entry => entry.Caps.Select(name => $"capability {entry.Syscall} {name}")),
    ];

    private static SensorEvent Network(Random random)
    {
        var isOutgoing = random.Next(10) > 0;
        var (address, port) = (AddressOf(random), (ushort)(isOutgoing ? random.Next(1, 1000) : 8080));
        return new SensorEvent
        {
            Kind = EventKind.Network,
            Path = address,
            Value = port,
            Details = new NetworkDetails(isOutgoing ? NetworkAction.Connect : NetworkAction.Accept, "tcp", address, port),
        };
    }

    private static string AddressOf(Random random) => $"10.{random.Next(256)}.{random.Next(256)}.{random.Next(1, 255)}";

    /// <summary>What the recorded container did before its attack, each once, without what makes no entry or one under another name.</summary>
    private static SensorEvent[] ReadRecorded()
    {
        using var replay = new RecordingReplay(Recordings.LearnThenAttack);
        var recorder = new Recorder();
        replay.Run(_ => recorder, new SensorOptions(), static () => { }, NullLoggerFactory.Instance, CancellationToken.None);
        var first = recorder.Events.Min(static seen => seen.Timestamp);
        var paths = new ProfilePath();
        return
        [
            .. recorder.Events
                .Where(seen => seen.Timestamp - first < Recordings.LearningPeriod.TotalNanoseconds)
                .Where(static seen => ProfileSection.Of(seen.Kind) != ProfileSections.None && !seen.IsRefused && (seen.Flags & (EventFlags.Setup | EventFlags.Snapshot)) == 0)
                .Where(seen => paths.NameOf(seen) is null)
                .DistinctBy(static seen => string.Join('\n', Of(seen))),
        ];
    }

    private sealed class Recorder : IContainerGrain
    {
        public List<SensorEvent> Events { get; } = [];

        public Task StartAsync(ContainerDescription container) => Task.CompletedTask;

        public Task IngestAsync(EventBatch batch)
        {
            Events.AddRange(batch.Events);
            return Task.CompletedTask;
        }

        public Task StopAsync() => Task.CompletedTask;

        public Task FlushAsync() => Task.CompletedTask;

        public Task RebindAsync() => Task.CompletedTask;

        public Task<ContainerStatus?> GetStatusAsync() => Task.FromResult<ContainerStatus?>(null);
    }
}

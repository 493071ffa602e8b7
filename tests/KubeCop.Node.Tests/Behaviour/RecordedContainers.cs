using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Decoding;
using KubeCop.Sensor.Recording;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Behaviour;

/// <summary>
/// What <c>kubecop record</c> saw of real containers that do one of everything: one in a network namespace of its own, one more in the same
/// namespace, one in the host's, and one that ran before. Made once for all tests.
/// </summary>
public sealed class RecordedContainers : IAsyncLifetime
{
    /// <summary>Each line is a process, or a few, that a test looks for by its arguments.</summary>
    private const string Script = """
        /bin/busybox true plain
        /bin/script one two
        cd /srv; ../bin/true relative; cd /
        /bin/behaviour fexec /bin/busybox true fexec
        /bin/behaviour memory /bin/busybox true memory
        /bin/notexecutable
        /bin/missing
        /bin/busybox cp /bin/busybox /srv/new; /srv/new true new
        /bin/busybox true streams </srv/file | /bin/busybox cat >/srv/out
        /bin/behaviour open /srv/open
        /bin/behaviour creat /srv/creat
        /bin/behaviour openat /srv/openat
        /bin/behaviour openat2 /srv/openat2
        /bin/behaviour handle /srv/handle
        /bin/behaviour open32 /srv/open32
        /bin/behaviour creat32 /srv/creat32
        /bin/behaviour openat32 /srv/openat32
        /bin/behaviour open /srv/link
        /bin/behaviour open /data/bound
        /bin/behaviour open /srv/none
        /bin/behaviour tcp 4 7001
        /bin/behaviour tcp 6 7002
        /bin/behaviour tcp m 7003
        /bin/behaviour tcp4accept4 7004
        /bin/behaviour udp 4 7005
        /bin/behaviour udp 6 7007
        /bin/behaviour udp m 7009
        /bin/behaviour dns 4 WWW.Example.Test
        /bin/behaviour dns 6 six.test
        /bin/behaviour dns 4 missing.test
        /bin/behaviour dnstcp 4 tcp.test
        /bin/behaviour dnstcp 6 tcp6.test
        /bin/busybox chroot / /bin/true chroot
        /bin/behaviour module
        /bin/behaviour modulefile /srv/file
        /bin/behaviour unshare 67108864
        /bin/behaviour setns /proc/self/ns/uts 67108864
        /bin/behaviour ptrace
        /bin/behaviour round 120
        /bin/behaviour call 158
        /bin/behaviour call32 20
        exit 3
        """;

    private static readonly string[] Neighbour =
        ["/bin/sh", "-c", "/bin/behaviour tcp 4 7101; /bin/behaviour dns 4 neighbour.test; /bin/behaviour unshare 67108864; /bin/busybox chroot / /bin/true; /bin/true done"];

    private readonly TestDirectory _directory = new();
    private readonly List<(ContainerDescription Container, SensorEvent Event)> _events = [];

    /// <summary>CLOCK_BOOTTIME between which it all happened.</summary>
    public (long From, long To) Time { get; private set; }

    /// <summary>The recording.</summary>
    public string File => _directory.Combine("recording");

    public string Main { get; } = RuncBundle.NewId();

    /// <summary>In the network namespace of <see cref="Earlier"/>, like <see cref="Main"/>; another user, without capabilities.</summary>
    public string SameNetwork { get; } = RuncBundle.NewId();

    public string HostNetwork { get; } = RuncBundle.NewId();

    /// <summary>On which it listens in the host's network.</summary>
    public int HostTcpPort { get; } = FreePort(SocketType.Stream, ProtocolType.Tcp);

    /// <inheritdoc cref="HostTcpPort"/>
    public int HostUdpPort { get; } = FreePort(SocketType.Dgram, ProtocolType.Udp);

    /// <summary>Ran before the recording.</summary>
    public string Earlier { get; } = RuncBundle.NewId();

    public IReadOnlyList<SensorEvent> Of(string container) => [.. _events.Where(one => one.Container.Id == container).Select(static one => one.Event)];

    /// <summary>The exec with these arguments.</summary>
    public SensorEvent Exec(string container, string arguments) => Assert.Single(
        Of(container), one => one is { Kind: EventKind.Exec, Exec: { } exec } && !one.IsRefused && string.Join(' ', exec.Arguments) == arguments);

    /// <summary>What the process with these arguments did after its exec.</summary>
    public IReadOnlyList<SensorEvent> By(string container, string arguments)
    {
        var exec = Exec(container, arguments);
        return [.. Of(container).Where(one => one.Process.Key == exec.Process.Key && one.Timestamp >= exec.Timestamp && one.Kind != EventKind.Exec)];
    }

    public async ValueTask InitializeAsync()
    {
        if (Machine.MissingForContainers is not null)
        {
            return;
        }

        await using var earlier = await RuncBundle.MakeAsync(null, "/bin/sh", "-c", "/bin/busybox sleep 300; :");
        await earlier.StartAsync(Earlier);
        var init = JsonNode.Parse(await System.IO.File.ReadAllTextAsync($"/run/runc/{Earlier}/state.json"))!["init_process_pid"]!;
        await Wait.UntilAsync(() => Task.FromResult(Directory.GetDirectories("/proc").Any(IsSleep)), static runs => runs, "sleep in the container");

        var file = File;
        var from = KernelClock.Now();
        using (var record = Process.Start(new ProcessStartInfo(KubeCopProcess.Executable, ["record", file]) { RedirectStandardError = true })!)
        {
            await UntilSaidAsync(record, "recording to");
            await using var main = await MakeAsync($"/proc/{init}/ns/net", static spec => AddCapabilities(spec), "/bin/sh", "-c", Script);
            await main.RunToEndAsync(Main, expectedExitCode: 3);
            await using var same = await MakeAsync($"/proc/{init}/ns/net", static spec => RunAsUser(spec, 1001, 1002), Neighbour);
            await same.RunToEndAsync(SameNetwork);
            await using var host = await MakeAsync(null, static spec => AddCapabilities(spec), "/bin/sh", "-c", $"/bin/behaviour tcp 4 {HostTcpPort} && /bin/behaviour udp 4 {HostUdpPort}; exit $?");
            await host.RunToEndAsync(HostNetwork);
            await Commands.RunAsync("kill", "-INT", $"{record.Id}");
            var error = await record.StandardError.ReadToEndAsync();
            await record.WaitForExitAsync();
            Assert.True(record.ExitCode == 0, error);
        }

        Time = (from, KernelClock.Now());
        Read(file);

        bool IsSleep(string process) =>
            TryRead($"{process}/cmdline") == "/bin/busybox\0sleep\0300\0" && TryRead($"{process}/cgroup").Contains(Earlier, StringComparison.Ordinal);
    }

    public ValueTask DisposeAsync()
    {
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    private static int FreePort(SocketType type, ProtocolType protocol)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, type, protocol);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static string TryRead(string path)
    {
        try
        {
            return System.IO.File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return ""; // no process, or one that has just ended
        }
    }

    private static async Task UntilSaidAsync(Process process, string text)
    {
        while (await process.StandardError.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(text, StringComparison.Ordinal))
            {
                return;
            }
        }

        Assert.Fail($"it ended without saying '{text}'");
    }

    private static async Task<RuncBundle> MakeAsync(string? network, Action<JsonNode> configure, params string[] args)
    {
        var bundle = await RuncBundle.MakeAsync(null, Configure, args);
        var root = $"{bundle.Path}/rootfs";
        Directory.CreateDirectory($"{root}/srv");
        foreach (var name in (string[])["open", "openat", "openat2", "handle", "open32", "openat32", "linked", "file"])
        {
            System.IO.File.WriteAllText($"{root}/srv/{name}", "");
        }

        System.IO.File.WriteAllText($"{bundle.Path}/data/bound", "");
        System.IO.File.CreateSymbolicLink($"{root}/srv/link", "linked");
        System.IO.File.WriteAllText($"{root}/bin/notexecutable", "");
        System.IO.File.WriteAllText($"{root}/bin/script", "#!/bin/busybox sh\n:\n");
        System.IO.File.SetUnixFileMode($"{root}/bin/script", (UnixFileMode)0b111_101_101);
        return bundle;

        void Configure(JsonNode spec)
        {
            spec["root"]!["readonly"] = false;
            var namespaces = spec["linux"]!["namespaces"]!.AsArray();
            var own = namespaces.Single(static one => (string)one!["type"]! == "network");
            namespaces.Remove(own);
            if (network is not null)
            {
                namespaces.Add(new JsonObject { ["type"] = "network", ["path"] = network });
            }

            configure(spec);
        }
    }

    private static void AddCapabilities(JsonNode spec)
    {
        foreach (var set in (string[])["bounding", "effective", "permitted"])
        {
            foreach (var name in (string[])["CAP_SYS_ADMIN", "CAP_SYS_CHROOT", "CAP_DAC_READ_SEARCH", "CAP_DAC_OVERRIDE"])
            {
                spec["process"]!["capabilities"]![set]!.AsArray().Add(JsonValue.Create(name));
            }
        }
    }

    private static void RunAsUser(JsonNode spec, int uid, int gid)
    {
        spec["process"]!["user"] = new JsonObject { ["uid"] = uid, ["gid"] = gid };
        spec["process"]!["capabilities"] = new JsonObject
        {
            // Only what DNS on port 53 needs.
            ["bounding"] = new JsonArray("CAP_NET_BIND_SERVICE"),
            ["effective"] = new JsonArray("CAP_NET_BIND_SERVICE"),
            ["permitted"] = new JsonArray("CAP_NET_BIND_SERVICE"),
            ["inheritable"] = new JsonArray("CAP_NET_BIND_SERVICE"),
            ["ambient"] = new JsonArray("CAP_NET_BIND_SERVICE"),
        };
    }

    private void Read(string file)
    {
        var decoder = new EventDecoder();
        var containers = new Dictionary<ulong, ContainerDescription>();
        var records = new List<byte[]>();
        using var reader = new RecordingReader(file);
        while (reader.TryRead(out var type, out var content))
        {
            switch (type)
            {
                case FrameType.Record:
                    records.Add(content.ToArray());
                    break;
                case FrameType.Discovered when JsonSerializer.Deserialize(content, RecordingJson.Default.DiscoveryResult) is { Container: { } found }:
                    containers[found.CgroupId] = found;
                    break;
                case FrameType.Adopted when JsonSerializer.Deserialize(content, RecordingJson.Default.ContainerDescription) is { } adopted:
                    containers[adopted.CgroupId] = adopted;
                    break;
                case FrameType.Lost or FrameType.Missing:
                    Assert.Fail($"{type}: events were lost");
                    break;
            }
        }

        Assert.Null(reader.Damage);
        foreach (var record in records)
        {
            var head = MemoryMarshal.AsRef<EventHead>(record.AsSpan());
            SensorEvent decoded = default;
            if (head.Kind < RecordKind.CgroupCreated && containers.TryGetValue(head.CgroupId, out var container))
            {
                Assert.True(decoder.TryDecode(record, ref decoded), $"a record of kind {head.Kind} was refused");
                _events.Add((container, decoded));
            }
        }
    }
}

using KubeCop.Core.Events;
using KubeCop.Testing;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Behaviour;

/// <summary>Every row of docs/events.md: done in a real container, seen with every field.</summary>
public sealed class ContainerBehaviourTests(RecordedContainers recorded) : IClassFixture<RecordedContainers>
{
    private const uint NewUts = 0x04000000;

    [RealContainersFact]
    public void EveryEvent_TellsWhoDidItAndWhen()
    {
        foreach (var container in (string[])[recorded.Main, recorded.SameNetwork, recorded.HostNetwork])
        {
            var events = recorded.Of(container);
            var born = events.Where(static one => one.Kind == EventKind.Fork).GroupBy(static one => one.Process.Key)
                .ToDictionary(static forks => forks.Key, static forks => forks.First());
            var (uid, gid) = container == recorded.SameNetwork ? (1001u, 1002u) : (0u, 0u);
            foreach (var one in events.Where(static one => !one.Flags.HasFlag(EventFlags.Setup)))
            {
                var what = $"{one.Kind} {one.Path} of {one.Process}";
                Assert.True(born.TryGetValue(one.Process.Key, out var fork), $"{what}: no fork has told of this process");
                if (fork.Timestamp > one.Timestamp && fork.Flags.HasFlag(EventFlags.Entered))
                {
                    continue; // in the instant in which the runtime moved it in: see the known limits
                }

                Assert.True(one.Process.Parent.Pid > 0 && one.Process.Parent.StartTime <= one.Process.Key.StartTime, $"{what}: parent");
                Assert.True(one.Process.Comm.Length > 0, $"{what}: comm");
                Assert.True(one.Timestamp >= one.Process.Key.StartTime && one.Timestamp > recorded.Time.From && one.Timestamp < recorded.Time.To, $"{what}: {one.Timestamp} is not in {recorded.Time}");
                Assert.True((one.Process.Uid, one.Process.Gid) == (uid, gid), $"{what}: user");
            }

            // Two processors can overtake each other by a moment; what one process does is in order.
            Assert.All(
                events.GroupBy(static one => one.Process.Key),
                static process => Assert.Equal(process.Select(static one => one.Timestamp).Order(), process.Select(static one => one.Timestamp)));
        }
    }

    [RealContainersFact]
    public void Exec_TellsPathExecutableArgumentsDirectoryAndParent()
    {
        var exec = recorded.Exec(recorded.Main, "/bin/busybox true plain");

        Assert.Equal(("/bin/busybox", "/bin/busybox", "sh", "busybox"), (exec.Path, exec.Executable, exec.ParentComm, exec.Process.Comm));
        Assert.Equal(("/bin/busybox", "/"), (exec.Exec!.Filename, exec.Exec.WorkingDirectory));
        Assert.Equal(["/bin/busybox", "true", "plain"], exec.Exec.Arguments);
        Assert.Equal((EventFlags.None, 0ul, 0), (exec.Flags, exec.Sighting, exec.Error));
    }

    [RealContainersFact]
    public void Exec_OfAScript_TellsScriptAndInterpreter()
    {
        var exec = recorded.Exec(recorded.Main, "/bin/busybox sh /bin/script one two");

        Assert.Equal(("/bin/script", "/bin/busybox", "script"), (exec.Path, exec.Executable, exec.Process.Comm));
        Assert.Equal(["/bin/busybox", "sh", "/bin/script", "one", "two"], exec.Exec!.Arguments);
    }

    [RealContainersFact]
    public void Exec_ByARelativePath_KeepsItBesideTheResolvedOne()
    {
        var exec = recorded.Exec(recorded.Main, "../bin/true relative");
        Assert.Equal(("/bin/true", "../bin/true", "/srv", "/bin/busybox"), (exec.Path, exec.Exec!.Filename, exec.Exec.WorkingDirectory, exec.Executable));
    }

    [RealContainersFact]
    public void Exec_OfADescriptor_TellsTheFileBehindIt()
    {
        var exec = recorded.Exec(recorded.Main, "/bin/busybox true fexec");
        Assert.Equal(("/bin/busybox", EventFlags.None), (exec.Executable, exec.Flags));
        Assert.StartsWith("/dev/fd/", exec.Path, StringComparison.Ordinal);
    }

    [RealContainersFact]
    public void Exec_FromMemory_IsMarked()
    {
        var exec = recorded.Exec(recorded.Main, "/bin/busybox true memory");
        Assert.Equal(EventFlags.FileInMemory | EventFlags.FileDeleted | EventFlags.PathUnreachable, exec.Flags);
        Assert.Equal("/memfd:test", exec.Executable);
    }

    [RealContainersFact]
    public void Exec_OfAFileMadeInTheContainer_IsSeen() => Assert.Equal("/srv/new", recorded.Exec(recorded.Main, "/srv/new true new").Executable);

    [RealContainersFact]
    public void Exec_ThatIsRefused_TellsWhatWasTriedAndWhy()
    {
        var refused = Assert.Single(recorded.Of(recorded.Main), static one => one.Kind == EventKind.Exec && one.IsRefused);

        Assert.Equal(("/bin/notexecutable", "/bin/notexecutable", "/", 13), (refused.Path, refused.Exec!.Filename, refused.Exec.WorkingDirectory, refused.Error));
        Assert.Equal("sh", refused.Process.Comm);
    }

    [RealContainersFact]
    public void Exec_TellsStandardStreams()
    {
        var writer = recorded.Exec(recorded.Main, "/bin/busybox true streams").Exec!.Streams;
        Assert.Matches(@"^pipe:\[[1-9]\d*\]$", writer[1]);
        Assert.Equal("file", writer[0]);
        Assert.Equal([writer[1], "file"], recorded.Exec(recorded.Main, "/bin/busybox cat").Exec!.Streams.Take(2));
    }

    [RealContainersFact]
    public void ForkAndExit_FrameEveryProcess()
    {
        var events = recorded.Of(recorded.Main);
        var exec = recorded.Exec(recorded.Main, "/bin/busybox true plain");

        var fork = Assert.Single(events, one => one.Kind == EventKind.Fork && one.Process.Key == exec.Process.Key);
        Assert.Equal((exec.Process.Parent, "sh", EventFlags.None), (fork.Process.Parent, fork.ParentComm, fork.Flags));
        var exit = Assert.Single(events, one => one.Kind == EventKind.Exit && one.Process.Key == exec.Process.Key);
        Assert.Equal((0u, EventFlags.None), (exit.Value, exit.Flags));
        Assert.True(fork.Timestamp < exec.Timestamp && exec.Timestamp < exit.Timestamp, "out of order");
        Assert.Equal(3u << 8, Assert.Single(events, one => one.Kind == EventKind.Exit && one.Process.Key == exec.Process.Parent).Value);
    }

    [RealContainersFact]
    public void SetUp_OfTheRuntime_IsMarkedUntilItsOwnExec()
    {
        var events = recorded.Of(recorded.Main);
        var first = events.First(static one => one.Kind == EventKind.Exec && !one.Flags.HasFlag(EventFlags.Setup));

        Assert.Equal((EventFlags.Entered, "/bin/sh"), (first.Flags, first.Path));
        Assert.All(events.Where(one => one.Timestamp < first.Timestamp), static one => Assert.True(one.Flags.HasFlag(EventFlags.Setup), $"{one.Kind} {one.Path} of {one.Process.Comm} is not set-up"));
    }

    [RealContainersFact]
    public void Running_ProcessesOfAnEarlierContainer_AreASnapshot()
    {
        var sleep = recorded.Exec(recorded.Earlier, "/bin/busybox sleep 300");

        Assert.Equal((EventFlags.Snapshot, "/bin/busybox", "/bin/busybox", "sh"), (sleep.Flags, sleep.Path, sleep.Executable, sleep.ParentComm));
        Assert.Equal(recorded.Of(recorded.Earlier)[0].Process.Key, sleep.Process.Parent);
    }

    [RealContainersTheory]
    [InlineData("open /srv/open", "/srv/open", "O_RDONLY")]
    [InlineData("creat /srv/creat", "/srv/creat", "O_WRONLY,O_CREAT,O_TRUNC")]
    [InlineData("openat /srv/openat", "/srv/openat", "O_RDWR")]
    [InlineData("openat2 /srv/openat2", "/srv/openat2", "O_RDONLY")]
    [InlineData("handle /srv/handle", "/srv/handle", "O_RDONLY")]
    [InlineData("open32 /srv/open32", "/srv/open32", "O_RDONLY")]
    [InlineData("creat32 /srv/creat32", "/srv/creat32", "O_WRONLY,O_CREAT,O_TRUNC")]
    [InlineData("openat32 /srv/openat32", "/srv/openat32", "O_RDONLY")]
    [InlineData("open /srv/link", "/srv/linked", "O_RDONLY")]
    [InlineData("open /data/bound", "/data/bound", "O_RDONLY")]
    public void Open_ByEachCall_TellsTheFileInTheContainersView(string arguments, string path, string flags)
    {
        var open = Assert.Single(recorded.By(recorded.Main, $"/bin/behaviour {arguments}"), one => one.Kind == EventKind.Open && one.Path == path);

        Assert.Equal(flags.Split(','), OpenFlags.Names(OpenFlags.ToSet(open.Value)));
        Assert.Equal((EventFlags.None, "behaviour"), (open.Flags, open.Process.Comm));
        Assert.NotEqual(0ul, open.Sighting);
    }

    [RealContainersFact]
    public void Open_ThatFails_IsNone() => Assert.DoesNotContain(recorded.Of(recorded.Main), static one => one.Path == "/srv/none");

    [RealContainersTheory]
    [InlineData("tcp 4 7001", "tcp", "127.0.0.1", 7001)]
    [InlineData("tcp 6 7002", "tcp", "::1", 7002)]
    [InlineData("tcp m 7003", "tcp", "127.0.0.1", 7003)]
    [InlineData("tcp4accept4 7004", "tcp", "127.0.0.1", 7004)]
    public void Tcp_ListenConnectAndAccept_TellAddressPortAndDirection(string arguments, string protocol, string address, int port)
    {
        var network = recorded.By(recorded.Main, $"/bin/behaviour {arguments}").Where(static one => one.Kind == EventKind.Network).ToList();

        Assert.Equal(
            [NetworkAction.Listen, NetworkAction.Connect, NetworkAction.Accept],
            network.Select(static one => one.Network!.Action));
        Assert.All(network, one => Assert.Equal((protocol, address, (ushort)port), (one.Network!.Protocol, one.Network.Address, one.Network.Port)));
        Assert.All(network, one => Assert.Equal((address, (uint)port, EventFlags.None, "behaviour"), (one.Path, one.Value, one.Flags, one.Process.Comm)));
    }

    [RealContainersTheory]
    [InlineData("udp 4 7005", "127.0.0.1", 7005)]
    [InlineData("udp 6 7007", "::1", 7007)]
    [InlineData("udp m 7009", "127.0.0.1", 7009)]
    public void Udp_BindAndSend_AreListenAndConnect(string arguments, string address, int port)
    {
        var network = recorded.By(recorded.Main, $"/bin/behaviour {arguments}").Where(static one => one.Kind == EventKind.Network).Select(static one => one.Network);

        Assert.Equal(
            [new NetworkDetails(NetworkAction.Listen, "udp", address, (ushort)port), new NetworkDetails(NetworkAction.Connect, "udp", address, (ushort)(port + 1))],
            network);
    }

    [RealContainersTheory]
    [InlineData("dns 4 WWW.Example.Test", "www.example.test", "udp", "127.0.0.1", "NOERROR", "192.0.2.1,192.0.2.2")]
    [InlineData("dns 6 six.test", "six.test", "udp", "::1", "NOERROR", "192.0.2.1,192.0.2.2")]
    [InlineData("dns 4 missing.test", "missing.test", "udp", "127.0.0.1", "NXDOMAIN", "")]
    [InlineData("dnstcp 4 tcp.test", "tcp.test", "tcp", "127.0.0.1", "NOERROR", "192.0.2.1,192.0.2.2")]
    [InlineData("dnstcp 6 tcp6.test", "tcp6.test", "tcp", "::1", "NOERROR", "192.0.2.1,192.0.2.2")]
    public void Dns_QueryAndAnswer_TellNameOutcomeAndAddresses(string arguments, string name, string transport, string server, string outcome, string addresses)
    {
        var dns = recorded.By(recorded.Main, $"/bin/behaviour {arguments}").Where(one => one.Dns?.Name == name).ToList();

        var query = Assert.Single(dns, static one => !one.Dns!.IsAnswer);
        Assert.Equal(("A", "", transport, server, name), (query.Dns!.Type, query.Dns.Outcome, query.Dns.Transport, query.Dns.Server, query.Path));
        Assert.Empty(query.Dns.Addresses);
        var answer = Assert.Single(dns, static one => one.Dns!.IsAnswer);
        Assert.Equal(("A", outcome, transport, server), (answer.Dns!.Type, answer.Dns.Outcome, answer.Dns.Transport, answer.Dns.Server));
        Assert.Equal(addresses, string.Join(',', answer.Dns.Addresses));
        Assert.True(query.Timestamp <= answer.Timestamp, "out of order");
    }

    [RealContainersFact]
    public void Capability_Granted_TellsNameAndSyscall()
    {
        var check = Assert.Single(recorded.Of(recorded.Main), static one => one.Capability is { Name: "SYS_CHROOT" });
        Assert.Equal(new CapabilityDetails("SYS_CHROOT", "chroot", Granted: true), check.Capability);
        Assert.Equal(("SYS_CHROOT", 18u, EventFlags.None, 0), (check.Path, check.Value, check.Flags, check.Error));
    }

    [RealContainersFact]
    public void Capability_Refused_TellsTheError()
    {
        var check = Assert.Single(recorded.Of(recorded.SameNetwork), static one => one.Capability is { Name: "SYS_CHROOT" });
        Assert.Equal(new CapabilityDetails("SYS_CHROOT", "chroot", Granted: false), check.Capability);
        Assert.Equal((EventFlags.Refused, 1), (check.Flags, check.Error));
    }

    [RealContainersFact]
    public void Syscall_IsToldOnceByItsName()
    {
        var calls = recorded.Of(recorded.Main).Where(static one => one.Kind == EventKind.Syscall).ToList();

        // Two processors can make a call for the first time at the same moment.
        Assert.All(calls.GroupBy(static one => one.Path), static call => Assert.InRange(call.Count(), 1, 2));
        Assert.Equal(("arch_prctl", 158u), Assert.Single(calls.Where(static one => one.Path == "arch_prctl").Select(static one => (one.Path, one.Value))));
        Assert.Contains(recorded.By(recorded.Main, "/bin/behaviour call32 20"), static one => one is { Kind: EventKind.Syscall, Path: "getpid", Value: SystemCalls.Compat + 20 });
    }

    [RealContainersFact]
    public void Module_FromMemoryAndFromAFile_TellsFileAndError()
    {
        var memory = Assert.Single(recorded.By(recorded.Main, "/bin/behaviour module"), static one => one.Kind == EventKind.Module);
        Assert.Equal(("", EventFlags.Refused), (memory.Path, memory.Flags & EventFlags.Refused));
        Assert.NotEqual(0, memory.Error);
        var file = Assert.Single(recorded.By(recorded.Main, "/bin/behaviour modulefile /srv/file"), static one => one.Kind == EventKind.Module);
        Assert.Equal(("/srv/file", EventFlags.Refused), (file.Path, file.Flags & EventFlags.Refused));
    }

    [RealContainersFact]
    public void UnshareAndSetns_TellNamespacesAndOutcome()
    {
        var unshare = Assert.Single(recorded.By(recorded.Main, "/bin/behaviour unshare 67108864"), static one => one.Kind == EventKind.Unshare);
        Assert.Equal((NewUts, EventFlags.None, 0), (unshare.Value, unshare.Flags, unshare.Error));
        var setns = Assert.Single(recorded.By(recorded.Main, "/bin/behaviour setns /proc/self/ns/uts 67108864"), static one => one.Kind == EventKind.Setns);
        Assert.Equal((NewUts, EventFlags.None, 0), (setns.Value, setns.Flags, setns.Error));
        var refused = Assert.Single(recorded.Of(recorded.SameNetwork), static one => one.Kind == EventKind.Unshare);
        Assert.Equal((NewUts, EventFlags.Refused, 1), (refused.Value, refused.Flags, refused.Error));
    }

    [RealContainersFact]
    public void Ptrace_TellsRequestAndTarget()
    {
        var tracer = recorded.Exec(recorded.Main, "/bin/behaviour ptrace");

        var ptrace = Assert.Single(recorded.By(recorded.Main, "/bin/behaviour ptrace"), static one => one.Kind == EventKind.Ptrace);

        Assert.Equal("PTRACE_ATTACH", ptrace.Ptrace!.Request);
        Assert.True(ptrace.Ptrace.TargetPid is > 1 and < 1000, $"{ptrace.Ptrace.TargetPid} is not the child's pid in its namespace");
        Assert.Equal((16u, EventFlags.None, tracer.Process.Key), (ptrace.Value, ptrace.Flags, ptrace.Process.Key));
    }

    [RealContainersFact]
    public void RandomX_ChangedRoundingFiftyTimes_IsToldOnce()
    {
        var randomx = Assert.Single(recorded.Of(recorded.Main), static one => one.Kind == EventKind.RandomX);
        Assert.Equal((recorded.Exec(recorded.Main, "/bin/behaviour round 120").Process.Key, EventFlags.None), (randomx.Process.Key, randomx.Flags));
    }

    /// <summary>By process, not by namespace: each has its own connections, and none of the other's.</summary>
    [RealContainersFact]
    public void Network_OfTwoContainersInOneNamespaceAndOfTheHosts_BelongsToWhoDidIt()
    {
        Assert.Equal([7101], Ports(recorded.SameNetwork, "tcp"));
        Assert.Equal([7001, 7002, 7003, 7004, 53], Ports(recorded.Main, "tcp"));
        Assert.Equal([recorded.HostTcpPort], Ports(recorded.HostNetwork, "tcp"));
        Assert.Equal([recorded.HostUdpPort, recorded.HostUdpPort + 1], Ports(recorded.HostNetwork, "udp"));
        Assert.Equal(["neighbour.test"], recorded.Of(recorded.SameNetwork).Select(static one => one.Dns?.Name).OfType<string>().Distinct());
        Assert.DoesNotContain(recorded.Of(recorded.Main), static one => one.Dns?.Name == "neighbour.test");
        Assert.DoesNotContain(recorded.Of(recorded.Earlier), static one => one.Kind is EventKind.Network or EventKind.Dns);
    }

    [RealContainersFact]
    public async Task Replay_OfTheRecording_NeedsNoPrivilegeAndIsTheSameEachTime()
    {
        string[] replay = ["--bounding-set=-all", "--inh-caps=-all", KubeCopProcess.Executable, "replay", recorded.File, "--output", "json"];

        var first = await Commands.RunAsync("setpriv", replay);
        var second = await Commands.RunAsync("setpriv", replay);

        Assert.Equal(first, second);
        Assert.Contains("\"ruleId\":\"R1000\"", first, StringComparison.Ordinal);
    }

    private int[] Ports(string container, string protocol) =>
        [.. recorded.Of(container).Where(one => one.Network?.Protocol == protocol).Select(static one => (int)one.Network!.Port).Distinct()];
}

using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using KubeCop.Core.Events;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>Network, DNS, capabilities, system calls and privileged acts on the real kernel, field by field; and what the filter lets through.</summary>
[Collection(nameof(KernelSide))]
public sealed class BehaviourTests(KernelSide kernel) : IDisposable
{
    private readonly WatchedCgroup _cgroup = new(kernel.Programs);
    private readonly string _directory = Directory.CreateTempSubdirectory("kubecop-test-").FullName;

    public void Dispose()
    {
        _cgroup.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Fact]
    public void Syscalls_AreReportedOnceEach()
    {
        var calls = _cgroup.Run("/bin/busybox true; /bin/busybox chroot / /bin/busybox true; :").Where(static one => one.Kind == EventKind.Syscall).ToList();

        Assert.Contains(calls, static one => one is { Path: "execve", Value: 59 });
        Assert.Contains(calls, static one => one is { Path: "chroot", Value: 161 });
        Assert.Equal(calls.Count, calls.DistinctBy(static one => one.Path).Count());
        Assert.All(calls, static one => Assert.True(one.Process.Key.Pid > 0 && one.Process.Comm.Length > 0));
    }

    [Fact]
    public void Syscalls_ThatDoNotReturn_AreReported()
    {
        _cgroup.Run("trap : USR1; kill -USR1 $$; (exec /bin/busybox true); :");

        var calls = _cgroup.Events.Where(static one => one.Kind == EventKind.Syscall).Select(static one => one.Path).ToList();
        Assert.Contains("exit_group", calls);
        Assert.Contains("execve", calls);
        Assert.Contains("rt_sigreturn", calls);
    }

    [Fact]
    public void Syscall_ThatWaits_IsReportedMeanwhile()
    {
        using var process = Process.Start("/bin/sh", ["-c", $"echo $$ > {_cgroup.Directory}/cgroup.procs; exec /bin/busybox sleep 1000"]);

        _cgroup.ReadUntil(() => _cgroup.Events.Any(static one => one is { Kind: EventKind.Syscall, Path: "nanosleep" or "clock_nanosleep" }), "the call that waits");
        process.Kill();
        process.WaitForExit();
    }

    /// <summary>'runc exec' moves its init into the cgroup while that runs: what it does in the moment of the move is not the container's.</summary>
    [Fact]
    public void Entry_OfAProcessThatRunsMeanwhile_IsSetUpFromTheFirstMoment()
    {
        // For each line a runtime, with a child in a pid namespace of its own that makes system calls until it is killed.
        const string Script = "$| = 1; while (<STDIN>) { if (fork) { wait; next } syscall(272, 0x20000000) == 0 or die $!; "
            + "$pid = fork // die $!; if (!$pid) { syscall(110) while 1 } print \"$pid\\n\"; wait; exit }";
        var start = new ProcessStartInfo("/usr/bin/perl", ["-e", Script]) { RedirectStandardInput = true, RedirectStandardOutput = true };
        using var runtime = Process.Start(start)!;

        for (var i = 0; i < 300; i++)
        {
            runtime.StandardInput.WriteLine();
            using var child = Process.GetProcessById(int.Parse(runtime.StandardOutput.ReadLine()!, CultureInfo.InvariantCulture));
            _cgroup.Enter(child.Id);
            child.Kill();
        }

        runtime.StandardInput.Close();
        runtime.WaitForExit();
        _cgroup.ReadUntil(() => _cgroup.Events.Count(static one => one.Kind == EventKind.Exit) >= 300, "the exit of them all");

        Assert.All(_cgroup.Events, static one => Assert.True(one.Flags.HasFlag(EventFlags.Setup), $"{one.Kind} {one.Path} is the container's"));
    }

    /// <summary>A container's process that has forked into a new pid namespace looks like a runtime's, but for its parent.</summary>
    [Fact]
    public void Open_InANewPidNamespaceOfTheContainer_IsReported()
    {
        var path = Path.GetTempFileName();

        _cgroup.Run($"perl -e 'syscall(272, 0x20000000) == 0 or die; if (!fork) {{ open(F, \"<{path}\"); exit }} wait'");
        File.Delete(path);

        Assert.Contains(_cgroup.Events, one => one.Kind == EventKind.Open && one.Path == path);
    }

    [Theory]
    [InlineData("127.0.0.1")]
    [InlineData("::1")]
    public void Connect_TellsProtocolPeerAndPort_Once(string address)
    {
        using var listener = new TcpListener(IPAddress.Parse(address), 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;

        _cgroup.Run($"for i in 1 2 3; do bash -c 'exec 3<>/dev/tcp/{address}/{port}'; done; :");

        var connect = Assert.Single(_cgroup.Events, static one => one is { Kind: EventKind.Network, Network.Protocol: "tcp" });
        Assert.Equal(new NetworkDetails(NetworkAction.Connect, "tcp", address, (ushort)port), connect.Network);
        Assert.Equal((address, (uint)port, "bash"), (connect.Path, connect.Value, connect.Process.Comm));
        Assert.Equal(EventFlags.None, connect.Flags);
    }

    [Fact]
    public void ListenAndAccept_TellTheServicesPort()
    {
        var port = FreePort();

        _cgroup.Run(
            $"perl -MSocket -e 'socket(S,PF_INET,SOCK_STREAM,0); bind(S,$a=sockaddr_in({port},inet_aton(\"127.0.0.1\"))) or die; listen(S,1); "
            + "socket(C,PF_INET,SOCK_STREAM,0); connect(C,$a) or die; accept(N,S) or die;'");

        var listen = Assert.Single(_cgroup.Events, static one => one.Network is { Action: NetworkAction.Listen });
        Assert.Equal(new NetworkDetails(NetworkAction.Listen, "tcp", "127.0.0.1", port), listen.Network);
        var accept = Assert.Single(_cgroup.Events, static one => one.Network is { Action: NetworkAction.Accept });
        Assert.Equal(new NetworkDetails(NetworkAction.Accept, "tcp", "127.0.0.1", port), accept.Network);
    }

    [Fact]
    public void Udp_BoundPortAndAddressedPeer_AreListenAndConnect()
    {
        var port = FreePort();

        _cgroup.Run($"perl -MSocket -e 'socket(S,PF_INET,SOCK_DGRAM,0); bind(S,sockaddr_in({port},inet_aton(\"127.0.0.1\"))); send(S,\"x\",0,sockaddr_in(9,inet_aton(\"127.0.0.1\")));'");

        Assert.Contains(_cgroup.Events, one => Equals(one.Network, new NetworkDetails(NetworkAction.Listen, "udp", "127.0.0.1", port)));
        Assert.Contains(_cgroup.Events, static one => Equals(one.Network, new NetworkDetails(NetworkAction.Connect, "udp", "127.0.0.1", 9)));
    }

    [Fact]
    public void Dns_OverUdp_TellsQueriesAndAnswersWithTheAskingProcess()
    {
        using var server = new DnsServer("127.0.0.77");

        _cgroup.Run("/bin/busybox nslookup -type=a WWW.Example.Test 127.0.0.77 >/dev/null; /bin/busybox nslookup -type=a missing.test 127.0.0.77 >/dev/null; :");

        var query = Assert.Single(_cgroup.Events, static one => one.Dns is { Name: "www.example.test", IsAnswer: false });
        Assert.Equal(("A", "", "udp", "127.0.0.77"), (query.Dns!.Type, query.Dns.Outcome, query.Dns.Transport, query.Dns.Server));
        Assert.Equal("busybox", query.Process.Comm);
        Assert.True(query.Process.Key.Pid > 0);
        var answer = Assert.Single(_cgroup.Events, static one => one.Dns is { Name: "www.example.test", IsAnswer: true });
        Assert.Equal("NOERROR", answer.Dns!.Outcome);
        Assert.Equal(["192.0.2.1", "192.0.2.2"], answer.Dns.Addresses);
        Assert.Equal(query.Process, answer.Process);
        Assert.Contains(_cgroup.Events, static one => one.Dns is { Name: "missing.test", IsAnswer: true, Outcome: "NXDOMAIN" });
    }

    [Fact]
    public void Dns_OverTcp_IsSeen()
    {
        using var server = new DnsServer("127.0.0.78");
        // One question for tcp.test, type A, with its length before it.
        const string Query = @"\0\32\22\64\1\0\0\1\0\0\0\0\0\0\3tcp\4test\0\0\1\0\1";

        _cgroup.Run($"bash -c 'exec 3<>/dev/tcp/127.0.0.78/53; printf \"{Query.Replace(@"\", @"\\", StringComparison.Ordinal)}\" >&3; head -c 2 <&3 >/dev/null'; :");

        var query = Assert.Single(_cgroup.Events, static one => one.Dns is { Name: "tcp.test", IsAnswer: false });
        Assert.Equal(("A", "tcp", "bash"), (query.Dns!.Type, query.Dns.Transport, query.Process.Comm));
        Assert.Contains(_cgroup.Events, static one => one.Dns is { Name: "tcp.test", IsAnswer: true, Outcome: "NOERROR", Addresses: ["192.0.2.1", "192.0.2.2"] });
    }

    /// <summary>Where a question is cut: behind its length, in its header, behind that, and in its name.</summary>
    [Theory]
    [InlineData(2, true)]
    [InlineData(7, false)]
    [InlineData(14, false)]
    [InlineData(16, false)]
    [InlineData(20, false)]
    public void Dns_OverTcpInPieces_IsSeenByItsAnswerAndInventsNothing(int cut, bool isQuestionSeen)
    {
        using var server = new DnsServer("127.0.0.79");
        byte[] query = [0, 33, 18, 52, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 6, .. "pieces"u8, 3, .. "www"u8, 4, .. "test"u8, 0, 0, 1, 0, 1];
        var (head, rest) = (Printed(query[..cut]), Printed(query[cut..]));

        _cgroup.Run($"bash -c 'exec 3<>/dev/tcp/127.0.0.79/53; printf \"{head}\" >&3; sleep 0.1; printf \"{rest}\" >&3; head -c 2 <&3 >/dev/null'; :");

        Assert.Contains(_cgroup.Events, static one => one.Dns is { Name: "pieces.www.test", IsAnswer: true });
        Assert.Equal(isQuestionSeen, _cgroup.Events.Any(static one => one.Dns is { Name: "pieces.www.test", IsAnswer: false }));
        Assert.All(_cgroup.Events.Where(static one => one.Kind == EventKind.Dns), static one => Assert.Equal("pieces.www.test", one.Dns!.Name));

        static string Printed(byte[] bytes) => string.Concat(bytes.Select(static one => $@"\\{Convert.ToString(one, 8)}"));
    }

    [Fact]
    public void Capability_Checks_TellNameSyscallAndVerdict()
    {
        _cgroup.Run("/bin/busybox chroot / /bin/busybox true; setpriv --reuid 65534 --clear-groups /bin/busybox chroot / /bin/busybox true; :");

        var granted = Assert.Single(_cgroup.Events, static one => one.Capability is { Name: "SYS_CHROOT", Granted: true });
        Assert.Equal(("chroot", EventFlags.None, 0), (granted.Capability!.Syscall, granted.Flags, granted.Error));
        var refused = Assert.Single(_cgroup.Events, static one => one.Capability is { Name: "SYS_CHROOT", Granted: false });
        Assert.Equal((EventFlags.Refused, 1, 65534u), (refused.Flags, refused.Error, refused.Process.Uid));
    }

    [Fact]
    public void UnshareAndSetns_TellTheNamespaces()
    {
        const uint NewUts = 0x04000000;

        _cgroup.Run("unshare --uts /bin/busybox true; nsenter --uts=/proc/self/ns/uts /bin/busybox true; :");

        Assert.Equal(NewUts, Assert.Single(_cgroup.Events, static one => one.Kind == EventKind.Unshare).Value);
        Assert.Equal(NewUts, Assert.Single(_cgroup.Events, static one => one.Kind == EventKind.Setns).Value);
    }

    [Fact]
    public void Ptrace_TellsTheRequest()
    {
        _cgroup.Run("perl -e 'syscall(101, 0, 0, 0, 0)'; :");

        var ptrace = Assert.Single(_cgroup.Events, static one => one.Kind == EventKind.Ptrace);
        Assert.Equal(new PtraceDetails("PTRACE_TRACEME", 0), ptrace.Ptrace);
    }

    [Fact]
    public void Module_ThatIsRefused_TellsTheError()
    {
        _cgroup.Run("perl -e 'syscall(175, 0, 0, 0)'; :");

        var module = Assert.Single(_cgroup.Events, static one => one.Kind == EventKind.Module);
        Assert.True(module.Flags.HasFlag(EventFlags.Refused) && module.Error != 0, $"{module.Flags}, error {module.Error}");
    }

    [Fact]
    public void RoundingMode_SavedManyTimesChanged_IsRandomXOnce()
    {
        _cgroup.Run("perl -MPOSIX -e 'POSIX::fesetround(POSIX::FE_UPWARD); select(undef, undef, undef, 0.001) for 1..200'; :");

        Assert.Equal("perl", Assert.Single(_cgroup.Events, static one => one.Kind == EventKind.RandomX).Process.Comm);
    }

    [Fact]
    public void Exec_ThatIsRefused_TellsWhatWasTried()
    {
        File.WriteAllText($"{_directory}/data", "no program");

        var exec = _cgroup.Run($"cd {_directory}; ./data 2>/dev/null; :").Single(static one => one.Kind == EventKind.Exec && one.Flags.HasFlag(EventFlags.Refused));

        Assert.Equal(($"{_directory}/data", "./data", 13), (exec.Path, exec.Exec!.Filename, exec.Error));
    }

    [Fact]
    public void Exec_TellsStandardStreams()
    {
        var events = _cgroup.Run($"/bin/busybox true </dev/null 2>{_directory}/errors | /bin/busybox cat; :");
        var exec = events.Single(static one => one is { Kind: EventKind.Exec, Exec.Arguments: [_, "true"] });
        var reader = events.Single(static one => one is { Kind: EventKind.Exec, Exec.Arguments: [_, "cat"] });

        Assert.Equal(["other", reader.Exec!.Streams[0], "file"], exec.Exec!.Streams);
        Assert.Matches(@"^pipe:\[[1-9]\d*\]$", exec.Exec.Streams[1]);
    }

    [Fact]
    public void Exec_OnANamedPipe_TellsItsFile()
    {
        // Device and inode as stat(2) has them: sys/sysmacros.h.
        const string Identity = "@s = stat(shift); printf \"%d:%d:%d\", $s[0] >> 8 & 0xfff, $s[0] & 0xff | $s[0] >> 12 & 0xfff00, $s[1]";

        var exec = _cgroup.Run($"/bin/busybox mkfifo {_directory}/fifo; /bin/busybox true <>{_directory}/fifo; perl -e '{Identity}' {_directory}/fifo >{_directory}/identity; :")
            .Single(static one => one is { Kind: EventKind.Exec, Exec.Arguments: [_, "true"] });

        Assert.Equal($"fifo:[{File.ReadAllText($"{_directory}/identity")}]", exec.Exec!.Streams[0]);
    }

    [Fact]
    public void Exec_OnASocketPair_TellsEachEnd()
    {
        var exec = _cgroup.Run("perl -MSocket -e 'socketpair(A, B, AF_UNIX, SOCK_STREAM, 0); open(STDIN, \"<&A\"); open(STDOUT, \">&B\"); exec \"/bin/busybox\", \"true\"'; :")
            .Single(static one => one is { Kind: EventKind.Exec, Exec.Arguments: [_, "true"] });

        Assert.All(exec.Exec!.Streams.Take(2), static stream => Assert.Matches(@"^socket:\[[1-9]\d*\]$", stream));
        Assert.NotEqual(exec.Exec.Streams[0], exec.Exec.Streams[1]);
    }

    [Fact]
    public void Exec_WithASocketAsInput_TellsThePeer()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;

        var exec = _cgroup.Run($"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}; /bin/busybox true <&3 >&3'; :")
            .Single(static one => one is { Kind: EventKind.Exec, Exec.Arguments: [_, "true"] });

        Assert.Equal([$"socket 127.0.0.1:{port}", $"socket 127.0.0.1:{port}"], exec.Exec!.Streams.Take(2));
    }

    [Fact]
    public void Open_Repeated_IsReportedOnceUntilItIsToBeReportedAnew()
    {
        File.WriteAllText($"{_directory}/file", "");
        var before = _cgroup.Programs.RepeatsOf(EventKind.Open);
        var script = $"for i in 1 2 3 4 5 6 7 8 9 10; do : < {_directory}/file; done";

        _cgroup.Run(script);
        var open = Assert.Single(_cgroup.Events, one => one.Path == $"{_directory}/file");
        Assert.True(open.Sighting != 0 && _cgroup.Programs.RepeatsOf(EventKind.Open) >= before + 9, "the repeats did not end in the kernel");

        _cgroup.Run($"{script}; : > {_directory}/file");
        var write = Assert.Single(_cgroup.Events, one => one.Path == $"{_directory}/file");
        Assert.Contains("O_WRONLY", OpenFlags.Names(OpenFlags.ToSet(write.Value)));

        _cgroup.Programs.ForgetAll(_cgroup.Id);
        _cgroup.Run(script);
        Assert.Single(_cgroup.Events, one => one.Path == $"{_directory}/file");
    }

    [Fact]
    public void Open_OfAFileWhoseDirectoryWasRenamed_IsAnotherFile()
    {
        Directory.CreateDirectory($"{_directory}/a/b");
        File.WriteAllText($"{_directory}/a/b/file", "");

        _cgroup.Run($": < {_directory}/a/b/file; mv {_directory}/a {_directory}/c; : < {_directory}/c/b/file");

        Assert.Contains(_cgroup.Events, one => one.Path == $"{_directory}/a/b/file");
        Assert.Contains(_cgroup.Events, one => one.Path == $"{_directory}/c/b/file");
    }

    [Fact]
    public void Open_ThatLedToAnAlert_IsReportedAgainWithItsRepeats()
    {
        File.WriteAllText($"{_directory}/file", "");
        _cgroup.Run($": < {_directory}/file");
        var open = Assert.Single(_cgroup.Events, one => one.Path == $"{_directory}/file");

        _cgroup.Programs.ReportRepeats(_cgroup.Id, open.Sighting, each: false);
        _cgroup.Run($"perl -e 'for (1..200) {{ open(F, \"<\", \"{_directory}/file\") or die; close(F); select(undef, undef, undef, 0.01) }}'");

        // The first of them is alone when the machine took longer to come here than repeats are counted.
        var again = _cgroup.Events.Where(one => one.Path == $"{_directory}/file").Select(static one => one.Repeats).ToList();
        Assert.True(again.Exists(static repeats => repeats > 1), $"so many repeats were told: {string.Join(", ", again)}");
    }

    [Fact]
    public void Open_ThatIsToBeReportedEachTime_IsUpToTheBudget()
    {
        const int Few = 20;
        const int Many = 2000;
        File.WriteAllText($"{_directory}/token", "");
        _cgroup.Run($": < {_directory}/token");
        var open = Assert.Single(_cgroup.Events, one => one.Path == $"{_directory}/token");

        _cgroup.Programs.ReportRepeats(_cgroup.Id, open.Sighting, each: true);
        _cgroup.Run($"for i in $(seq {Few}); do : < {_directory}/token; done");
        Assert.Equal(Few, _cgroup.Events.Count(one => one.Path == $"{_directory}/token"));

        // Within a few seconds, of which the first has spent some of its budget: most are beyond it, and those told say how many.
        _cgroup.Run($"for i in $(seq {Many}); do : < {_directory}/token; done; sleep 1.1; : < {_directory}/token");
        var told = _cgroup.Events.Where(one => one.Path == $"{_directory}/token").ToList();
        Assert.InRange(told.Count, 2, Many / 2);
        Assert.Equal(Many + 1, told.Sum(static one => one.Repeats));
    }

    [Fact]
    public void Open_OfProcessesOwnFiles_IsOneBehaviour()
    {
        _cgroup.Run("for i in 1 2 3; do /bin/busybox cat /proc/self/status >/dev/null; done");

        Assert.Single(_cgroup.Events, static one => one.Kind == EventKind.Open && one.Path.EndsWith("/status", StringComparison.Ordinal));
    }

    /// <summary>Nobody reads while one floods: its own bulk events are lost, to the event counted; no process event is.</summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public void Flood_OfUniqueOpens_LosesNoExecAndCountsItsLosses()
    {
        const int Files = 20_000;
        const int Execs = 50;

        _cgroup.Run($"cd {_directory}; perl -e 'for (1..{Files}) {{ open(F, \">\", \"f$_\"); close(F); unlink(\"f$_\") }}'; i=0; while [ $i -lt {Execs} ]; do /bin/busybox true; i=$((i+1)); done; :");

        var opens = _cgroup.Events.Count(one => one.Kind == EventKind.Open && one.Path.StartsWith($"{_directory}/f", StringComparison.Ordinal));
        var lost = _cgroup.Programs.LostByContainer().Where(one => one.CgroupId == _cgroup.Id).Select(static one => one.Loss).ToList();
        Assert.Equal(Execs, _cgroup.Events.Count(static one => one is { Kind: EventKind.Exec, Exec.Arguments: [_, "true"] }));
        Assert.DoesNotContain(lost, static loss => loss.Kind is EventKind.Exec or EventKind.Fork or EventKind.Exit);
        var lostOpens = lost.Where(static loss => loss.Kind == EventKind.Open).Sum(static loss => loss.Count);
        Assert.True(lostOpens > 0, "the ring had room for all: this test shows nothing");
        Assert.Equal(Files, opens + lostOpens);
    }

    private static ushort FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return (ushort)((IPEndPoint)listener.LocalEndpoint).Port;
    }
}

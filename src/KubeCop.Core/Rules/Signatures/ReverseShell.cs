using KubeCop.Core.Events;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>
/// R1100. Looks for a way from the network into a shell's standard input and from its standard output back:
/// <list type="number">
/// <item>Both are sockets of IPv4 or IPv6, and it takes its commands from there, or the container itself began a connection to that peer. What
/// a server of the inetd kind runs is a script on a connection that somebody else began.</item>
/// <item>Its output is a pipe that another process reads as its standard input, which is on the network, and its input comes from that one
/// (directly, or by a named pipe) or from another that is on the network. The order in which they start and connect does not matter.</item>
/// <item>Both are pipes, socket pairs or a terminal that the process that started it has made, and that one is on the network.</item>
/// </list>
/// On the network is a process that began a connection (but to a server of DNS), was started on one, or is a program that does nothing else
/// (<c>nc</c>). That others have connected to it does not count: all servers are that. In the last two cases the shell has to take its commands
/// from its input, so that what servers and agents start (<c>sh -c</c>, a script) is none. The profile is not asked: a shell that an operator
/// used while learning would make every later one normal.
/// </summary>
internal sealed class ReverseShell : IRule
{
    /// <summary>Processes that may stand between a shell's output and the one on the network: tee, base64.</summary>
    private const int MaxReaders = 4;

    private static readonly RuleParameter<IReadOnlyList<string>> Ignored = RuleParameter.Paths(
        "ignoreParents",
        ["/usr/sbin/sshd", "/usr/lib/openssh", "/usr/sbin/dropbear"],
        "Executables, or directories of such, that give shells to the network because they are meant to: a server for logins, a web terminal, an agent of CI.");

    private readonly RuleArguments _arguments;
    private readonly PathPrefix[] _ignored;
    private readonly ConnectedProcesses _processes = new();

    private ReverseShell(RuleArguments arguments)
    {
        _arguments = arguments;
        _ignored = [.. arguments.Get(Ignored).Select(static path => new PathPrefix(path))];
    }

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1100",
            Name = "Reverse shell",
            Description = "A shell or an interpreter takes its commands from the network and answers there: its standard input and output are a connection; or pipes "
                + "held by a process that has one (nc, openssl, a script), directly or by a named pipe; or pipes or a terminal made for it by the process that "
                + "started it, which has begun a connection.",
            Severity = Severity.Critical,
            Tags = ["exec", "network", "signature", "malicious"],
            Mitre = new MitreTechnique("T1059.004", "Command and Scripting Interpreter: Unix Shell", "Execution"),
            Events = [EventKind.Exec, EventKind.Network, EventKind.Fork, EventKind.Exit],
            NeedsProfile = false,
            FalsePositives = "Programs that give people or a server a shell on purpose: web terminals (Jupyter, code-server), agents of CI that write their jobs "
                + "into a shell's input, telnetd. Name their executables in ignoreParents. Shells that run a script or the commands of an argument (sh -c, CGI, "
                + "inetd, cron) are none, nor are kubectl exec and logins by SSH. What the profile knows makes no difference.",
            Parameters = [Ignored],
        },
        static arguments => new ReverseShell(arguments));

    public RuleDescriptor Descriptor => Type.Descriptor;

    public IRule ForContainer() => new ReverseShell(_arguments);

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) => Find(sensorEvent) is not { } finding
        ? null
        : finding with
        {
            Fix = "Find out what started it, and cut the connection. If it is meant, name the executable that starts it in the parameter ignoreParents of the rule "
                + $"binding, or {UnbindAdvice.For(context, Descriptor)}",
        };

    private Finding? Find(in SensorEvent sensorEvent)
    {
        if (sensorEvent.IsRefused)
        {
            return null;
        }

        var key = sensorEvent.Process.Key;
        switch (sensorEvent.Kind)
        {
            case EventKind.Fork:
                _processes.Fork(sensorEvent);
                return null;
            case EventKind.Exit:
                _processes.Exit(key);
                return null;
            case EventKind.Network:
                return _processes.Connect(sensorEvent) ? OfWaiting(key) : null;
            default:
                _processes.Exec(sensorEvent);
                return OfShell(key) ?? OfWaiting(key);
        }
    }

    /// <summary>What a process that has connected, or runs another program now, makes of the shells that wait for one.</summary>
    private Finding? OfWaiting(ProcessKey changed)
    {
        // One on the network may be at the end of a chain; of others only those that have an end of the shell's streams matter.
        var isOnNetwork = _processes.TryGet(changed, out var process) && process.IsOnNetwork;
        foreach (var shell in _processes.Waiting)
        {
            if (shell != changed && (isOnNetwork || _processes.IsBeside(shell, process)) && OfShell(shell) is { } finding)
            {
                return finding;
            }
        }

        return null;
    }

    private Finding? OfShell(ProcessKey key)
    {
        if (!_processes.TryGet(key, out var shell) || !shell.IsInterpreter)
        {
            return null;
        }

        var finding = OfSockets(shell) ?? (shell.ReadsInput ? OfPipes(key, shell) ?? OfCreator(shell) : null);
        if (finding is not null)
        {
            _processes.Settle(key);
        }

        return finding;
    }

    private Finding? OfSockets(in ConnectedProcess shell)
    {
        if (StandardStream.PeerOf(shell.Input) is not { } peer
            || StandardStream.PeerOf(shell.Output) is null
            || !(shell.ReadsInput || _processes.BeganConnectionTo(peer))
            || (_processes.TryGet(shell.Parent, out var parent) && IsIgnored(parent)))
        {
            return null;
        }

        return Found(shell, peer, $"a connection with {peer}");
    }

    private Finding? OfPipes(ProcessKey key, in ConnectedProcess shell)
    {
        if (!StandardStream.HasIdentity(shell.Input) || !StandardStream.HasIdentity(shell.Output))
        {
            return null;
        }

        var output = shell.Output;
        for (var i = 0; i < MaxReaders && _processes.TryFindReader(output, key, out var reader); i++)
        {
            if (reader.IsOnNetwork)
            {
                var isFed = reader.Output == shell.Input || StandardStream.IsNamedPipe(reader.Output) || _processes.HasWriterOnNetwork(shell.Input);
                return isFed && !IsIgnored(reader) ? Found(shell, reader.PeerText, $"pipes held by {reader.Text}") : null;
            }

            output = reader.Output;
        }

        return null;
    }

    private Finding? OfCreator(in ConnectedProcess shell)
    {
        var isTerminal = shell is { Input: StandardStream.Terminal, Output: StandardStream.Terminal };
        if (!isTerminal && !(StandardStream.IsUnnamed(shell.Input) && StandardStream.IsUnnamed(shell.Output)))
        {
            return null;
        }

        // A terminal is made for a connection that is there; who waits for a shell's output may connect later. Of a creator whose own streams
        // were not seen, a terminal may be inherited.
        return _processes.TryFindCreator(shell, out var creator)
            && creator.IsOnNetwork
            && (!isTerminal || (creator.ConnectedAt <= shell.StartedAt && creator.Streams.Count > 0))
            && !IsIgnored(creator)
            ? Found(shell, creator.PeerText, $"{(isTerminal ? "a terminal" : "pipes")} made by {creator.Text}")
            : null;
    }

    private bool IsIgnored(in ConnectedProcess process)
    {
        foreach (var ignored in _ignored)
        {
            if (ignored.Covers(process.Executable))
            {
                return true;
            }
        }

        return false;
    }

    private static Finding Found(in ConnectedProcess shell, string peer, string way) => new(
        peer.Length == 0 ? shell.Program : $"{shell.Program} with {peer}",
        $"Reverse shell: {shell.Program} takes its commands from {way} and answers there",
        "No shell takes its commands from the network.",
        Fix: "");
}

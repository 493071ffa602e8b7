using System.Collections.Frozen;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Matching;

/// <summary>A live process as <see cref="ConnectedProcesses"/> knows it.</summary>
internal struct ConnectedProcess
{
    public ProcessKey Key;
    public ProcessKey Parent;

    /// <summary>When its program was started, CLOCK_BOOTTIME in nanoseconds; 0 when that was not seen.</summary>
    public long StartedAt;

    /// <summary>What it runs, in words; empty when it was not seen to start a program.</summary>
    public string Program;

    public string Executable;

    /// <summary>See <see cref="ExecDetails.Streams"/>; empty when unknown.</summary>
    public IReadOnlyList<string> Streams;

    /// <summary>The connection it, or who it was born of, began last.</summary>
    public NetworkDetails? Peer;

    public long ConnectedAt;

    /// <summary>Its program passes on between its standard streams and the network.</summary>
    public bool IsRelay;

    public bool IsInterpreter;

    /// <summary>An interpreter that takes its commands from its standard input.</summary>
    public bool ReadsInput;

    public readonly string Input => Streams.Count > 0 ? Streams[0] : "";

    public readonly string Output => Streams.Count > 1 ? Streams[1] : "";

    public readonly bool IsOnNetwork => Peer is not null || IsRelay || StandardStream.IsConnection(Input) || StandardStream.IsConnection(Output);

    public readonly string PeerText =>
        Peer is not null ? Connection.EndpointOf(Peer) : StandardStream.PeerOf(Input) ?? StandardStream.PeerOf(Output) ?? "";

    /// <summary>The process and what it is connected to, in words.</summary>
    public readonly string Text
    {
        get
        {
            var program = $"{(Program.Length > 0 ? Program : "a process")} (pid {Key.Pid})";
            return PeerText is { Length: > 0 } peer ? $"{program}, which is connected to {peer}" : program;
        }
    }

    public readonly bool Has(string stream)
    {
        for (var i = 0; i < Streams.Count; i++)
        {
            if (string.Equals(Streams[i], stream, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>
/// The live processes of a container with their standard streams and connections, as far as they were seen to begin. Bounded: when there are
/// too many (a flood of forks, lost exits), the oldest quarter is forgotten. Allocates nothing once it has grown. Not thread safe.
/// </summary>
/// <param name="maxProcesses">The most processes.</param>
internal sealed class ConnectedProcesses(int maxProcesses = 4096)
{
    /// <summary>Shells that may still turn out to be on the network; of more, those that began to wait first are forgotten.</summary>
    private const int MaxWaiting = 256;

    private const int MaxPeers = 1024;

    private const int MaxAncestors = 16;

    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Relays =
        RuleData.Read("network-relays").ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    private readonly Dictionary<ProcessKey, ConnectedProcess> _processes = [];
    private readonly List<ProcessKey> _waiting = [];
    private readonly RecentSet<(string Address, ushort Port)> _peers = new(MaxPeers);

    public int Count => _processes.Count;

    /// <summary>Shells that take their commands from a pipe of which it is not known yet whether it leads to the network.</summary>
    public ReadOnlySpan<ProcessKey> Waiting => CollectionsMarshal.AsSpan(_waiting);

    public bool TryGet(ProcessKey key, out ConnectedProcess process) => _processes.TryGetValue(key, out process);

    public void Fork(in SensorEvent sensorEvent)
    {
        // The child has its creator's streams and connections until it gets others.
        _processes.TryGetValue(sensorEvent.Process.Parent, out var creator);
        ref var child = ref Entry(sensorEvent.Process);
        if (creator.Streams is not null)
        {
            child = creator with { Key = child.Key, Parent = sensorEvent.Process.Parent, IsInterpreter = false, ReadsInput = false };
        }
    }

    public void Exit(ProcessKey key)
    {
        if (_processes.Remove(key, out var process) && process.ReadsInput)
        {
            _waiting.Remove(key);
        }
    }

    public void Exec(in SensorEvent sensorEvent)
    {
        ref var process = ref Entry(sensorEvent.Process);
        if (process.ReadsInput)
        {
            _waiting.Remove(process.Key);
        }

        process.StartedAt = sensorEvent.Timestamp;
        process.Program = ProcessPath.IsExecutable(sensorEvent.Path) && sensorEvent.Exec is { Arguments: [var name, ..] } ? name : sensorEvent.Path;
        process.Executable = sensorEvent.Executable;
        process.Streams = sensorEvent.Exec?.Streams ?? [];
        process.IsRelay = IsRelayNamed(sensorEvent);
        process.IsInterpreter = CommandInterpreter.Is(sensorEvent);
        process.ReadsInput = process.IsInterpreter && CommandInterpreter.ReadsStandardInput(sensorEvent);
        if (process.ReadsInput && StandardStream.HasIdentity(process.Input) && StandardStream.HasIdentity(process.Output))
        {
            if (_waiting.Count == MaxWaiting)
            {
                _waiting.RemoveAt(0);
            }

            _waiting.Add(process.Key);
        }
    }

    /// <returns>False for what is not the beginning of a connection, or is one to a server of DNS, as every program makes.</returns>
    public bool Connect(in SensorEvent sensorEvent)
    {
        if (sensorEvent.Network is not { Action: NetworkAction.Connect, Port: not (53 or 5353) } network)
        {
            return false;
        }

        _peers.Add((network.Address, network.Port));
        ref var process = ref Entry(sensorEvent.Process);
        process.Peer = network;
        process.ConnectedAt = sensorEvent.Timestamp;
        return true;
    }

    /// <summary>It has been found out about the shell.</summary>
    public void Settle(ProcessKey shell) => _waiting.Remove(shell);

    /// <summary>Whether somebody in the container began a connection to this peer.</summary>
    /// <param name="peer">As <c>ADDRESS:PORT</c>.</param>
    public bool BeganConnectionTo(string peer)
    {
        var colon = peer.LastIndexOf(':');
        return ushort.TryParse(peer.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var port)
            && _peers.Contains((peer[..colon].TrimStart('[').TrimEnd(']'), port));
    }

    /// <summary>Whether a process has an end of a shell's streams.</summary>
    public bool IsBeside(ProcessKey shell, in ConnectedProcess other) =>
        _processes.TryGetValue(shell, out var process) && (other.Has(process.Input) || other.Has(process.Output));

    /// <summary>A process on the network, or else any, that reads a pipe as its standard input.</summary>
    public bool TryFindReader(string pipe, ProcessKey but, out ConnectedProcess reader)
    {
        reader = default;
        var isFound = false;
        foreach (var (key, process) in _processes)
        {
            if (key != but && process.Input == pipe && process.StartedAt != 0)
            {
                (reader, isFound) = (process, true);
                if (process.IsOnNetwork)
                {
                    break;
                }
            }
        }

        return isFound;
    }

    /// <summary>Whether a process on the network has a pipe as its standard output.</summary>
    public bool HasWriterOnNetwork(string pipe)
    {
        foreach (var (_, process) in _processes)
        {
            if (process.Output == pipe && process.StartedAt != 0 && process.IsOnNetwork)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The nearest ancestor that a shell does not have its standard streams from, so that they were made for it there.</summary>
    public bool TryFindCreator(in ConnectedProcess shell, out ConnectedProcess creator)
    {
        var key = shell.Parent;
        for (var i = 0; i < MaxAncestors && _processes.TryGetValue(key, out creator); i++)
        {
            var hasInput = creator.Has(shell.Input);
            var hasOutput = creator.Has(shell.Output);
            if (!hasInput && !hasOutput)
            {
                return true;
            }

            if (!hasInput || !hasOutput)
            {
                break;
            }

            key = creator.Parent;
        }

        creator = default;
        return false;
    }

    private static bool IsRelayNamed(in SensorEvent sensorEvent) =>
        IsRelayNamed(sensorEvent.Path) || IsRelayNamed(sensorEvent.Executable)
        || (sensorEvent.Exec?.Arguments is { } arguments
            && MultiCall.AppletIn(sensorEvent.Path, sensorEvent.Executable, arguments) is >= 0 and var applet
            && IsRelayNamed(arguments[applet]));

    private static bool IsRelayNamed(string path) => Relays.Contains(path.AsSpan(path.LastIndexOf('/') + 1));

    private ref ConnectedProcess Entry(in ProcessIdentity identity)
    {
        ref var known = ref CollectionsMarshal.GetValueRefOrNullRef(_processes, identity.Key);
        if (!Unsafe.IsNullRef(ref known))
        {
            return ref known;
        }

        if (_processes.Count >= maxProcesses)
        {
            MakeRoom();
        }

        ref var added = ref CollectionsMarshal.GetValueRefOrAddDefault(_processes, identity.Key, out _);
        added = new ConnectedProcess { Key = identity.Key, Parent = identity.Parent, Program = "", Executable = "", Streams = [] };
        return ref added;
    }

    private void MakeRoom()
    {
        foreach (var key in _processes.Keys.OrderBy(static key => key.StartTime).Take(Math.Max(1, maxProcesses / 4)).ToList())
        {
            Exit(key);
        }
    }
}

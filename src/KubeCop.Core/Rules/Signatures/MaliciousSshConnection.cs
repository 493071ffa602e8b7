using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>
/// R1003. A process that opens files of ssh and then begins a TCP connection within two seconds is taken for an ssh client. The sensor
/// reports the first open of a file and the first connection to a peer; of the files each open is asked for, and of connections each to a
/// peer that was once connected to this way, so that the next session is seen too. A peer that the container connects to anyway is seen only
/// when it was new.
/// </summary>
internal sealed class MaliciousSshConnection : IRule
{
    private const int MaxProcesses = 1024;
    private const long Window = 2_000_000_000;

    // Twice as long, for what arrives late.
    private const long Kept = 2 * Window;

    private static readonly RuleParameter<IReadOnlyList<ushort>> AllowedPorts = RuleParameter.Ports(
        "allowedPorts",
        [22],
        "Ports that ssh may connect to. An empty list means the default, as in KubeCop.");

    private static readonly PathNames SshFiles = new(RuleData.Read("ssh-files"));

    private readonly ushort[] _allowedPorts;
    private readonly Dictionary<ProcessKey, Activity> _activities = [];
    private readonly Queue<(ProcessKey Process, long At)> _byAge = new();

    private MaliciousSshConnection(ushort[] allowedPorts) => _allowedPorts = allowedPorts;

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1003",
            Name = "Malicious SSH Connection",
            Description = "A process opened files of ssh (configuration, keys, known hosts) and within two seconds began a TCP connection to a port that is not "
                + "allowed for ssh.",
            Severity = Severity.High,
            Tags = ["ssh", "connection", "port", "malicious"],
            Mitre = new MitreTechnique("T1021.004", "Remote Services: SSH", "Lateral Movement"),
            Events = [EventKind.Open, EventKind.Network],
            NeedsProfile = false,
            Delivery = Delivery.Every,
            FalsePositives = "Servers of ssh or git on another port (7999, 443): add it to allowedPorts. Other connections an ssh client or server makes in the "
                + "same process: name service by LDAP, Kerberos, DNS over TCP; programs that read their configuration tree and report it. Allow their ports, or "
                + "leave the rule out of the binding of such workloads.",
            Parameters = [AllowedPorts],
        },
        static arguments => new MaliciousSshConnection([.. arguments.Get(AllowedPorts) is { Count: > 0 } ports ? ports : AllowedPorts.DefaultValue]));

    public RuleDescriptor Descriptor => Type.Descriptor;

    /// <summary>Processes remembered: what they did lately, and at most 1024, of which the oldest is forgotten.</summary>
    internal int Processes => _activities.Count;

    public IRule ForContainer() => new MaliciousSshConnection(_allowedPorts);

    public bool NeedsEvery(in SensorEvent sensorEvent) => sensorEvent.Kind == EventKind.Open
        ? SshFiles.Cover(sensorEvent.Path)
        : SuspectOf(sensorEvent) is not null && _activities.TryGetValue(sensorEvent.Process.Key, out var activity) && activity.UsesSshAt(sensorEvent.Timestamp);

    /// <summary>
    /// Only in directories of ssh. A new key elsewhere (<c>/tmp/id_rsa</c>) goes unseen where the profile knows any name; for its sake no
    /// directory of any container could end in the kernel.
    /// </summary>
    public bool NeedsOthersBeside(string path) => SshFiles.Cover(path.AsSpan(0, Math.Max(path.LastIndexOf('/'), 0)));

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) =>
        sensorEvent.Kind == EventKind.Open ? OnOpen(sensorEvent, context) : OnConnect(sensorEvent, context);

    private Finding? OnOpen(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (!SshFiles.Cover(sensorEvent.Path))
        {
            return null;
        }

        ref var activity = ref ActivityOf(sensorEvent);
        activity.Open(sensorEvent.Path, sensorEvent.Timestamp);
        if (activity.Connection is not { } connection || !activity.UsesSshAt(activity.ConnectedAt))
        {
            return null;
        }

        activity.Connection = null;
        return Found(sensorEvent, context, activity.File, connection);
    }

    private Finding? OnConnect(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (SuspectOf(sensorEvent) is not { } connection)
        {
            return null;
        }

        ref var activity = ref ActivityOf(sensorEvent);
        if (activity.UsesSshAt(sensorEvent.Timestamp))
        {
            return Found(sensorEvent, context, activity.File, connection);
        }

        // The open that was before it may arrive after it.
        (activity.Connection, activity.ConnectedAt) = (connection, sensorEvent.Timestamp);
        return null;
    }

    private Finding Found(in SensorEvent sensorEvent, in RuleContext context, string file, NetworkDetails connection)
    {
        var endpoint = Connection.EndpointOf(connection);
        var allowed = string.Join(", ", _allowedPorts);
        return new Finding(
            $"tcp {endpoint}",
            $"Malicious SSH Connection: {sensorEvent.Process.Comm} opened {file} and connected to {endpoint}; port {connection.Port} is not allowed for ssh",
            $"ssh connects to no other ports than {allowed}.",
            $"If it is meant, allow the port in the rule binding that gives {Descriptor.Id} to the container, parameters: {{allowedPorts: [{allowed}, {connection.Port}]}}, "
                + $"or {UnbindAdvice.For(context, Descriptor)}");
    }

    private NetworkDetails? SuspectOf(in SensorEvent sensorEvent) =>
        sensorEvent.Network is { Action: NetworkAction.Connect, Protocol: "tcp" } connection && !_allowedPorts.AsSpan().Contains(connection.Port) ? connection : null;

    private ref Activity ActivityOf(in SensorEvent sensorEvent)
    {
        var process = sensorEvent.Process.Key;
        if (!_activities.ContainsKey(process))
        {
            MakeRoom(sensorEvent.Timestamp);
            _byAge.Enqueue((process, sensorEvent.Timestamp));
        }

        ref var activity = ref CollectionsMarshal.GetValueRefOrAddDefault(_activities, process, out _);
        activity.SeenAt = Math.Max(activity.SeenAt, sensorEvent.Timestamp);
        return ref activity;
    }

    private void MakeRoom(long now)
    {
        while (_byAge.TryPeek(out var oldest) && (now - oldest.At > Kept || _activities.Count >= MaxProcesses))
        {
            _byAge.Dequeue();
            var seenAt = _activities[oldest.Process].SeenAt;
            if (now - seenAt <= Kept && _activities.Count < MaxProcesses)
            {
                _byAge.Enqueue((oldest.Process, seenAt));
            }
            else
            {
                _activities.Remove(oldest.Process);
            }
        }
    }

    /// <summary>What one process did; times are the kernel's.</summary>
    private struct Activity
    {
        // Opens at most two seconds apart are one use of ssh.
        private long _from;
        private long _to;

        /// <summary>An ssh file it opened; null before the first.</summary>
        public string? File { get; private set; }

        /// <summary>A connection that no open was known for when it arrived.</summary>
        public NetworkDetails? Connection { get; set; }

        public long ConnectedAt { get; set; }

        public long SeenAt { get; set; }

        public void Open(string file, long at)
        {
            if (File is null || at - _to > Window)
            {
                (File, _from, _to) = (file, at, at);
            }
            else if (_from - at <= Window)
            {
                (_from, _to) = (Math.Min(_from, at), Math.Max(_to, at));
            }
        }

        /// <summary>Whether it opened ssh's files in the two seconds before.</summary>
        [MemberNotNullWhen(true, nameof(File))]
        public readonly bool UsesSshAt(long time) => File is not null && time >= _from && time - _to <= Window;
    }
}

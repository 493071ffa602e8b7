using System.Runtime.InteropServices;
using KubeCop.Core.Events;

namespace KubeCop.Core.Profiles;

/// <summary>A guarding profile in the form rules ask: immutable, shared by all containers it guards, look-ups without allocation.</summary>
public sealed class CompiledProfile
{
    // Not frozen: to make them takes several times as long, a profile that is learned is compiled again and again, and a look-up hardly gains.
    private readonly Dictionary<string, string[]> _executablesByPath;
    private readonly Dictionary<string, uint> _flagsByPath;
    private readonly PathPatterns _patterns;
    private readonly PathPatterns _learnedPatterns;
    private readonly HashSet<string> _syscalls;
    private readonly HashSet<(string Name, string Syscall)> _capabilities;
    private readonly HashSet<(string Name, string Syscall)> _refusedCapabilities;

    // The resource that was given cannot say what may be refused.
    private readonly bool _isGiven;
    private readonly HashSet<string> _dnsNames;
    private readonly HashSet<(string Protocol, ushort Port)> _incoming;
    private readonly HashSet<(string Protocol, ushort Port, string Address)> _outgoing;

    public CompiledProfile(ContainerProfile profile)
    {
        Profile = profile;
        _executablesByPath = profile.Execs
            .GroupBy(static exec => exec.Path, StringComparer.Ordinal)
            .ToDictionary(static group => group.Key, static group => group.Select(static exec => exec.Executable).Distinct().ToArray(), StringComparer.Ordinal);
        var patterns = profile.Opens.ToLookup(static open => PathPatterns.IsPattern(open.Path));
        _patterns = new PathPatterns(patterns[true].Where(static open => open.Collapsed == 0));
        _learnedPatterns = new PathPatterns(patterns[true].Where(static open => open.Collapsed > 0));
        _flagsByPath = new Dictionary<string, uint>(profile.Opens.Count, StringComparer.Ordinal);
        foreach (var open in patterns[false])
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_flagsByPath, open.Path, out _) |= OpenFlags.Parse(open.Flags);
        }

        _syscalls = profile.Syscalls.Select(static syscall => syscall.Name).ToHashSet(StringComparer.Ordinal);
        _capabilities = profile.Capabilities.SelectMany(static entry => entry.Caps.Select(name => (name, entry.Syscall))).ToHashSet();
        _isGiven = profile.Revision == ProfileSlot.GivenRevision;
        _refusedCapabilities = profile.Capabilities.SelectMany(static entry => entry.Refused.Select(name => (name, entry.Syscall))).ToHashSet();
        // KubeCop's profiles have names with the final dot, and protocols in capitals.
        _dnsNames = profile.Dns
            .Select(static dns => dns.DnsName.Length > 1 ? dns.DnsName.TrimEnd('.') : dns.DnsName)
            .ToHashSet(StringComparer.OrdinalIgnoreCase);
        _incoming = profile.Incoming.Select(static entry => (entry.Protocol.ToLowerInvariant(), entry.Port)).ToHashSet();
        _outgoing = profile.Outgoing.Select(static entry => (entry.Protocol.ToLowerInvariant(), entry.Port, entry.DstEndpoint)).ToHashSet();
    }

    /// <summary>What it was compiled from.</summary>
    public ContainerProfile Profile { get; }

    /// <summary>The container is not in its workload's profile; see <see cref="ProfileSlot.Unlisted"/>.</summary>
    public bool IsUnlisted => Profile.Revision.Length == 0;

    /// <summary>Whether it can tell normal events of this kind from others: its section was learned, or given.</summary>
    public bool Knows(EventKind kind) => (Profile.Sections & ProfileSection.Of(kind)) != 0;

    /// <summary>Whether it has what the event does. Always so for kinds that profiles have no section for.</summary>
    /// <param name="sensorEvent">With its path as profiles know it.</param>
    public bool Covers(in SensorEvent sensorEvent) => sensorEvent.Kind switch
    {
        EventKind.Exec => ContainsExec(sensorEvent.Path, sensorEvent.Executable)
            // A refused exec may have ended before it was known what the path leads to.
            || (sensorEvent.IsRefused && sensorEvent.Executable.Length == 0 && _executablesByPath.ContainsKey(sensorEvent.Path)),
        EventKind.Open => ContainsOpen(sensorEvent.Path, OpenFlags.ToSet(sensorEvent.Value)),
        EventKind.Syscall => ContainsSyscall(sensorEvent.Path),
        EventKind.Capability => sensorEvent.Capability is not { } capability || ContainsCapability(capability.Name, capability.Syscall, !capability.Granted),
        EventKind.Dns => ContainsDnsName(sensorEvent.Path),
        EventKind.Network => sensorEvent.Network is not { } network
            || ContainsConnection(network.Action == NetworkAction.Connect, network.Protocol, network.Port, network.Address),
        _ => true,
    };

    /// <summary>
    /// Whether this path was seen to run this executable. An entry without an executable, as in profiles written by people, stands for any.
    /// </summary>
    public bool ContainsExec(string path, string executable)
    {
        if (!_executablesByPath.TryGetValue(path, out var executables))
        {
            return false;
        }

        foreach (var known in executables)
        {
            if (known.Length == 0 || string.Equals(known, executable, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether this path is opened with all these flags, by its own entry and by patterns together.</summary>
    /// <param name="flags">As a set.</param>
    public bool ContainsOpen(string path, uint flags)
    {
        _flagsByPath.TryGetValue(path, out var own);
        var missing = flags & ~own;
        return missing == 0 || (FindPatterns(path).Flags & missing) == missing;
    }

    /// <summary>The flags this path is opened with, by its own entry and by patterns, as a set; 0 when it is not.</summary>
    public uint OpenFlagsOf(string path) => _flagsByPath.GetValueOrDefault(path) | FindPatterns(path).Flags;

    /// <summary>The flags with which any file of this path's directory is opened, whatever its name, as a set.</summary>
    public uint OpenFlagsBeside(string path) => FindPatterns(path).FlagsOfAny;

    /// <summary>What learning has made a pattern of does not stand for a sensitive file: each of these was learned by itself.</summary>
    private (uint Flags, uint FlagsOfAny) FindPatterns(string path)
    {
        var given = _patterns.Find(path);
        var learned = _learnedPatterns.Find(path);
        return learned.Flags == 0 || SensitivePaths.Covers(path) ? given : (given.Flags | learned.Flags, given.FlagsOfAny | learned.FlagsOfAny);
    }

    public bool ContainsSyscall(string name) => _syscalls.Contains(name);

    /// <summary>Whether this capability was used in this system call.</summary>
    /// <param name="isRefused">Whether it was checked in vain; what may be used may also be refused.</param>
    public bool ContainsCapability(string name, string syscall, bool isRefused) =>
        _capabilities.Contains((name, syscall))
        || _capabilities.Contains((name, CapabilityItem.AnySyscall))
        || (isRefused && (_isGiven || _refusedCapabilities.Contains((name, syscall))));

    public bool ContainsDnsName(string name) => _dnsNames.Contains(name);

    /// <param name="address">The peer of an outgoing connection; of an incoming one it is not compared.</param>
    public bool ContainsConnection(bool isOutgoing, string protocol, ushort port, string address) =>
        isOutgoing ? _outgoing.Contains((protocol, port, address)) : _incoming.Contains((protocol, port));
}

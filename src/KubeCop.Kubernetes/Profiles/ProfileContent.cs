using System.Globalization;
using System.IO.Hashing;
using System.Net;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Kubernetes.CustomResources;

namespace KubeCop.Kubernetes.Profiles;

/// <summary>Profiles as the specs of ApplicationProfiles, and back.</summary>
internal static class ProfileContent
{
    /// <summary>A section that was not learned is left out: an empty one would mean that there is no such behaviour.</summary>
    public static ApplicationProfileSpec Write(IEnumerable<ContainerProfile> containers) => new() { Containers = [.. containers.Select(Write)] };

    /// <summary>What people have written; what means nothing of it is left out.</summary>
    /// <param name="now">When its entries count as first seen.</param>
    public static IReadOnlyList<ContainerProfile> Read(ApplicationProfileSpec? spec, DateTimeOffset now) =>
    [
        .. (spec?.Containers ?? []).Concat(spec?.InitContainers ?? []).Concat(spec?.EphemeralContainers ?? [])
            .DistinctBy(static container => container.Name)
            .Select(container => Read(container, now)),
    ];

    /// <summary>A text that is the same for all specs that say the same.</summary>
    public static string DigestOf(ApplicationProfileSpec? spec)
    {
        var hashes = Read(spec, default).SelectMany(static container => ProfileItems.Of(container).Select(item => ProfileItems.Hash(container.Name, item))).Distinct().ToArray();
        Array.Sort(hashes);
        return XxHash64.HashToUInt64(MemoryMarshal.AsBytes(hashes.AsSpan())).ToString("x16", CultureInfo.InvariantCulture);
    }

    private static ContainerBehaviour Write(ContainerProfile profile)
    {
        return new ContainerBehaviour
        {
            Name = profile.Name,
            Execs = Section(ProfileSections.Execs, () => profile.Execs.Select(static exec => (exec.Path, exec.Args)).DistinctBy(static exec => (exec.Path, new ArgumentList(exec.Args)))
                .Select(static exec => new ExecBehaviour { Path = exec.Path, Args = exec.Args })),
            Opens = Section(ProfileSections.Opens, () => profile.Opens.Select(static open => new OpenBehaviour { Path = open.Path, Flags = open.Flags })),
            Syscalls = Section(ProfileSections.Syscalls, () => profile.Syscalls.Select(static syscall => syscall.Name)),
            Capabilities = Section(ProfileSections.Capabilities, () => profile.Capabilities
                .Where(static entry => entry.Caps.Count > 0)
                .Select(static entry => new CapabilityBehaviour { Syscall = entry.Syscall, Caps = entry.Caps })),
            Dns = Section(ProfileSections.Dns, () => profile.Dns.Select(static dns => new DnsBehaviour { DnsName = dns.DnsName, Addresses = dns.Addresses })),
            NetworkActivity = (profile.Sections & ProfileSections.NetworkActivity) == 0 ? null : new NetworkBehaviour
            {
                Incoming = [.. profile.Incoming.Select(Connection)],
                Outgoing = [.. profile.Outgoing.Select(Connection)],
            },
        };

        IReadOnlyList<T>? Section<T>(ProfileSections section, Func<IEnumerable<T>> entries) => (profile.Sections & section) == 0 ? null : [.. entries()];
    }

    private static ConnectionBehaviour Connection(NetworkEntry entry) => new() { Protocol = entry.Protocol, Port = entry.Port, DstEndpoint = entry.DstEndpoint };

    private static ContainerProfile Read(ContainerBehaviour container, DateTimeOffset now) => new()
    {
        Name = container.Name,
        Revision = ProfileSlot.GivenRevision,
        State = ProfileState.Final,
        Version = 0,
        Generation = 1,
        LearningStartedAt = now,
        CompletesAt = now,
        IsPartial = false,
        Execs = Entries(container.Execs, exec => PathMark.IsAbsolute(exec.Path ?? "") ? new ExecEntry(exec.Path!, "", Texts(exec.Args), now) : null),
        Opens = Entries(container.Opens, open => PathMark.IsAbsolute(open.Path ?? "") ? Open(open, now) : null),
        Syscalls = Entries(container.Syscalls, name => name.Length > 0 ? new SyscallEntry(name, now) : null),
        Capabilities = Entries(container.Capabilities, entry => Capability(entry, now)),
        Dns = Entries(container.Dns, dns => dns.DnsName is { Length: > 0 } name ? new DnsEntry(name, Texts(dns.Addresses), now) : null),
        Incoming = Entries(container.NetworkActivity?.Incoming, connection => Connection(connection, now)),
        Outgoing = Entries(container.NetworkActivity?.Outgoing, connection => Connection(connection, now)),
        Sections = (container.Execs is null ? 0 : ProfileSections.Execs) | (container.Opens is null ? 0 : ProfileSections.Opens)
            | (container.Syscalls is null ? 0 : ProfileSections.Syscalls) | (container.Capabilities is null ? 0 : ProfileSections.Capabilities)
            | (container.Dns is null ? 0 : ProfileSections.Dns) | (container.NetworkActivity is null ? 0 : ProfileSections.NetworkActivity),
    };

    private static T[] Entries<TSource, T>(IEnumerable<TSource?>? source, Func<TSource, T?> read)
        where TSource : class
        where T : class => (source ?? []).OfType<TSource>().Select(read).OfType<T>().ToArray();

    private static string[] Texts(IEnumerable<string?>? texts) => (texts ?? []).OfType<string>().ToArray();

    // As KubeCop makes patterns: one with a name that stands for any covers no sensitive file.
    private static OpenEntry Open(OpenBehaviour open, DateTimeOffset now) =>
        new(open.Path!, OpenFlags.Names(OpenFlags.Parse(Texts(open.Flags))), now, open.Path!.Split('/').Contains(PathPatterns.AnySegment) ? 1 : 0);

    private static CapabilityEntry? Capability(CapabilityBehaviour entry, DateTimeOffset now)
    {
        var names = Texts(entry.Caps).Select(static text => Capabilities.TryParse(text, out var name) ? name : null).OfType<string>().ToArray();
        return entry.Syscall is { Length: > 0 } syscall && names.Length > 0 ? new CapabilityEntry(syscall, names, [], now) : null;
    }

    private static NetworkEntry? Connection(ConnectionBehaviour connection, DateTimeOffset now) =>
        connection is { Protocol: { Length: > 0 } protocol, Port: >= 0 and <= ushort.MaxValue }
            ? new NetworkEntry(protocol.ToLowerInvariant(), (ushort)connection.Port, Address(connection.DstEndpoint ?? ""), now)
            : null;

    private static string Address(string text) =>
        !IPAddress.TryParse(text, out var address) ? text : (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).ToString();
}

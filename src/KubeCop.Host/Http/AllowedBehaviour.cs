using System.Globalization;
using System.Net;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Host.Http;

/// <summary>What a user allows as items of a profile. The notations are those of <c>kubecop profiles allow</c>.</summary>
internal static class AllowedBehaviour
{
    private static readonly string[] Protocols = ["tcp", "udp", "sctp"];

    /// <exception cref="BadRequestException">Something is not of its form, or there is nothing.</exception>
    public static IReadOnlyList<BehaviourItem> Of(AllowRequest request)
    {
        string[] arguments = [.. Each(request.Arguments)];
        if (arguments.Length > 0 && request.Execs?.Count != 1)
        {
            throw new BadRequestException("Arguments belong to one program: give exactly one of execs with them.");
        }

        BehaviourItem[] items =
        [
            .. Each(request.Execs).Select(path => Exec(path, request.Executable, arguments)),
            .. Each(request.Opens).Select(Open),
            .. Each(request.Syscalls).Select(Syscall),
            .. Each(request.Capabilities).Select(static text => Capability(text, isRefused: false)),
            .. Each(request.RefusedCapabilities).Select(static text => Capability(text, isRefused: true)),
            .. Each(request.Dns).Select(Dns),
            .. Each(request.Connections).Select(Connection),
            .. Each(request.Incoming).Select(Incoming),
        ];
        return items.Length > 0
            ? items
            : throw new BadRequestException("Nothing to allow: execs, opens, syscalls, capabilities, refusedCapabilities, dns, connections and incoming are all empty.");
    }

    // The serializer lets null into lists.
    private static IEnumerable<T> Each<T>(IReadOnlyList<T>? values)
        where T : class => values?.Select(static value => value ?? throw new BadRequestException("A list has null in it.")) ?? [];

    // Without an executable the entry stands for whatever the path leads to, and without arguments for any, which is what a person means.
    private static ExecItem Exec(string path, string? executable, string[] arguments) =>
        new(Absolute(path), executable ?? "", new ArgumentList(arguments.Length == 0 && executable is not null ? [ExecItem.AnyArguments] : arguments));

    private static OpenItem Open(AllowedOpen open)
    {
        var unknown = open.Flags.Where(static flag => OpenFlags.Parse([flag]) == 0).ToList();
        return unknown.Count == 0
            ? new OpenItem(Absolute(open.Path), OpenFlags.Parse(open.Flags))
            : throw new BadRequestException($"'{string.Join(',', unknown)}' are no flags of open(2); expected names such as O_RDONLY, O_WRONLY, O_CREAT.");
    }

    private static SyscallItem Syscall(string name) =>
        SystemCalls.Exists(name)
            ? new SyscallItem(name)
            : throw new BadRequestException($"'{name}' is no system call; expected a name such as openat or unshare.");

    private static CapabilityItem Capability(string text, bool isRefused)
    {
        var colon = text.IndexOf(':');
        var syscall = colon < 0 ? CapabilityItem.AnySyscall : text[(colon + 1)..];
        if (!Capabilities.TryParse(colon < 0 ? text : text[..colon], out var name))
        {
            throw new BadRequestException($"'{text}' names no capability; expected for example NET_ADMIN, or NET_ADMIN:socket for one system call.");
        }

        return new CapabilityItem(name, syscall == CapabilityItem.AnySyscall ? syscall : Syscall(syscall).Name, isRefused);
    }

    private static DnsItem Dns(string text)
    {
        var name = text.Length > 1 && text.EndsWith('.') ? text[..^1] : text;
        return name.Length is > 0 and <= 4096
            ? new DnsItem(name.ToLowerInvariant(), new ArgumentList([]))
            : throw new BadRequestException("A DNS name must not be empty; expected for example example.com.");
    }

    private static NetworkItem Connection(string text)
    {
        var (first, last) = (text.IndexOf(':'), text.LastIndexOf(':'));
        if (first > 0 && last > first
            && TryParsePort(text.AsSpan(last + 1), out var port)
            && TryParseAddress(text[(first + 1)..last], out var address)
            && TryParseProtocol(text[..first], out var protocol))
        {
            return new NetworkItem(IsOutgoing: true, protocol, port, address);
        }

        throw new BadRequestException($"'{text}' is no connection; expected PROTO:ADDRESS:PORT, for example tcp:10.96.0.1:443 or udp:[fd00::a]:53.");
    }

    private static NetworkItem Incoming(string text) =>
        text.IndexOf(':') is var colon and > 0 && TryParsePort(text.AsSpan(colon + 1), out var port) && TryParseProtocol(text[..colon], out var protocol)
            ? new NetworkItem(IsOutgoing: false, protocol, port, "")
            : throw new BadRequestException($"'{text}' is no port; expected PROTO:PORT, for example tcp:8080.");

    private static bool TryParsePort(ReadOnlySpan<char> text, out ushort port) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port);

    private static bool TryParseProtocol(string text, out string protocol)
    {
        protocol = text.ToLowerInvariant();
        return Protocols.Contains(protocol) || byte.TryParse(protocol, NumberStyles.None, CultureInfo.InvariantCulture, out _);
    }

    private static bool TryParseAddress(string text, out string address)
    {
        // Numbers alone are IPv4 addresses to inet_aton, but to nobody else.
        var parsed = IPAddress.TryParse(text, out var ip) && (text.Contains(':') || text.Count(static character => character == '.') == 3);
        address = !parsed ? "" : ip!.IsIPv4MappedToIPv6 ? ip.MapToIPv4().ToString() : ip.ToString();
        return parsed;
    }

    private static string Absolute(string path) =>
        PathMark.IsAbsolute(path)
            ? path
            : throw new BadRequestException($"'{path}' is not absolute; profiles hold paths that start with /.");
}

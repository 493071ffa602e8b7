using System.IO.Hashing;
using System.Numerics;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;

namespace KubeCop.Core.Profiles;

/// <summary>
/// What an <c>ApplicationProfile</c> says of a container, each thing by itself: one flag of one file, one capability of one system call. Of two
/// profiles with the same things nobody could tell the objects apart. What the object has no field for (the executable a path led to, refused
/// capabilities) is not among them, nor are addresses of names and peers of incoming connections, which nobody compares.
/// </summary>
public static class ProfileItems
{
    private static readonly ArgumentList None = new([]);

    public static IEnumerable<BehaviourItem> Of(ContainerProfile profile) =>
    [
        .. profile.Execs.Select(Exec),
        .. profile.Opens.SelectMany(static open => Flags(OpenFlags.Parse(open.Flags)).Select(flag => new OpenItem(open.Path, flag))),
        .. profile.Syscalls.Select(static syscall => new SyscallItem(syscall.Name)),
        .. profile.Capabilities.SelectMany(static entry => entry.Caps.Select(capability => new CapabilityItem(capability, entry.Syscall))),
        .. profile.Dns.Select(Dns),
        .. profile.Incoming.Select(Incoming),
        .. profile.Outgoing.Select(Outgoing),
    ];

    /// <summary>A number that is the same for the same thing of the same container, on every machine and at any time.</summary>
    public static ulong Hash(string container, BehaviourItem item)
    {
        var hash = new XxHash64();
        Append(container);
        Append(item.GetType().Name);
        switch (item)
        {
            case ExecItem exec:
                Append(exec.Path);
                foreach (var argument in exec.Arguments.Values)
                {
                    Append(argument);
                }

                break;
            case OpenItem open:
                Append(open.Path);
                hash.Append([(byte)BitOperations.TrailingZeroCount(open.Flags)]);
                break;
            case SyscallItem syscall:
                Append(syscall.Name);
                break;
            case CapabilityItem capability:
                Append(capability.Syscall);
                Append(capability.Name);
                break;
            case DnsItem dns:
                Append(dns.Name);
                break;
            case NetworkItem network:
                Append(network.Protocol);
                Append(network.Address);
                hash.Append([(byte)network.Port, (byte)(network.Port >> 8), network.IsOutgoing ? (byte)1 : (byte)0]);
                break;
            default:
                throw new ArgumentException($"{item.GetType().Name} is nothing a profile says.", nameof(item));
        }

        return hash.GetCurrentHashAsUInt64();

        // With its length, so that no two lists of texts are the same bytes.
        void Append(string text)
        {
            hash.Append(MemoryMarshal.AsBytes([text.Length]));
            hash.Append(MemoryMarshal.AsBytes(text.AsSpan()));
        }
    }

    internal static ExecItem Exec(ExecEntry entry) => new(entry.Path, "", new ArgumentList(entry.Args));

    internal static DnsItem Dns(DnsEntry entry) => new((entry.DnsName.Length > 1 ? entry.DnsName.TrimEnd('.') : entry.DnsName).ToLowerInvariant(), None);

    internal static NetworkItem Incoming(NetworkEntry entry) => new(IsOutgoing: false, entry.Protocol.ToLowerInvariant(), entry.Port, "");

    internal static NetworkItem Outgoing(NetworkEntry entry) => new(IsOutgoing: true, entry.Protocol.ToLowerInvariant(), entry.Port, entry.DstEndpoint);

    /// <summary>Each flag of a set; of an empty one, 0.</summary>
    internal static IEnumerable<uint> Flags(uint set)
    {
        if (set == 0)
        {
            yield return 0;
        }

        for (; set != 0; set &= set - 1)
        {
            yield return set & (0 - set);
        }
    }
}

using System.Collections.Frozen;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>
/// R0011. Addresses of services on the internet change: so an address is known also when an answer of DNS to a name of the profile had it,
/// while learning or, remembered by each container for itself, since. For that the rule has such answers reported each time, those with
/// public addresses, as their repeats may have other ones. An answer comes before the connection that uses it, in the kernel and so here;
/// what an answer that was lost, or was beyond the sensor's budget of repeats, would have cleared is an alert until the name is looked up
/// again. Only servers that the profile knows are believed: who has got in could answer itself.
/// </summary>
internal sealed class UnexpectedEgress : IRule
{
    private const int MaxAnswered = 4096;

    /// <summary>Those the sensor looks at.</summary>
    private static readonly ushort[] DnsPorts = [53, 5353];

    private static readonly PerProfile<FrozenSet<string>> KnownAddresses = new(static profile => profile.Outgoing
        .Select(static entry => entry.DstEndpoint)
        .Concat(profile.Dns.SelectMany(static entry => entry.Addresses))
        .ToFrozenSet(StringComparer.Ordinal));

    private readonly RecentSet<string> _answered = new(MaxAnswered);

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0011",
            Name = "Unexpected Egress Network Traffic",
            Description = "A connection was begun to a public address, IPv4 or IPv6, that the profile does not know under any port, and that no answer of DNS to a "
                + "name of the profile had.",
            Severity = Severity.Medium,
            Tags = ["network", "whitelisted"],
            Mitre = new MitreTechnique("T1041", "Exfiltration Over C2 Channel", "Exfiltration"),
            Events = [EventKind.Network, EventKind.Dns],
            NeedsProfile = true,
            Delivery = Delivery.Every,
            FalsePositives = "Peers that users of the workload choose (a proxy, a crawler, webhooks, peer to peer), and names that are resolved where the sensor "
                + "does not see it: over HTTPS or TLS, in the hosts file, by another container. Leave the rule out of the binding of such workloads, or allow the "
                + "connection with the command in the alert's fix.",
        },
        static _ => new UnexpectedEgress());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public IRule ForContainer() => new UnexpectedEgress();

    public bool NeedsEvery(in SensorEvent sensorEvent)
    {
        if (sensorEvent.Dns is not { IsAnswer: true } dns)
        {
            return false;
        }

        for (var i = 0; i < dns.Addresses.Count; i++)
        {
            if (PublicAddress.Is(dns.Addresses[i]))
            {
                return true;
            }
        }

        return false;
    }

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (context.Profile is not { } profile)
        {
            return null;
        }

        if (sensorEvent.Dns is { } dns)
        {
            Remember(dns, profile);
            return null;
        }

        if (sensorEvent.Network is not { Action: NetworkAction.Connect } network
            || KnownAddresses.Of(profile).Contains(network.Address)
            || _answered.Contains(network.Address)
            || !PublicAddress.Is(network.Address))
        {
            return null;
        }

        var endpoint = Connection.EndpointOf(network);
        return new Finding(
            Refusal.Subject(sensorEvent, $"{network.Protocol} {endpoint}"),
            $"Unexpected Egress Network Traffic: {sensorEvent.Process.Comm} connected to {endpoint} ({network.Protocol})",
            "On the internet, only addresses of the profile and those its names resolve to are connected to.",
            AllowCommand.ForConnection(context, network));
    }

    private static bool IsKnownServer(DnsDetails dns, CompiledProfile profile)
    {
        foreach (var port in DnsPorts)
        {
            if (profile.ContainsConnection(isOutgoing: true, dns.Transport, port, dns.Server))
            {
                return true;
            }
        }

        return false;
    }

    private void Remember(DnsDetails dns, CompiledProfile profile)
    {
        if (!dns.IsAnswer || !profile.ContainsDnsName(dns.Name) || !IsKnownServer(dns, profile))
        {
            return;
        }

        for (var i = 0; i < dns.Addresses.Count; i++)
        {
            if (PublicAddress.Is(dns.Addresses[i]))
            {
                _answered.Add(dns.Addresses[i]);
            }
        }
    }
}

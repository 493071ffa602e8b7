using KubeCop.Core.Events;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>R1009.</summary>
internal sealed class MiningPortConnection : IRule
{
    private static readonly RuleParameter<IReadOnlyList<ushort>> Ports = RuleParameter.Ports(
        "ports",
        [3333, 45700],
        "TCP ports of mining pools. The default ones are those of KubeCop's R1007: 3333, the custom of Stratum, and 45700 of minergate.com.");

    private readonly IReadOnlyList<ushort> _ports;

    private MiningPortConnection(RuleArguments arguments) => _ports = arguments.Get(Ports);

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1009",
            Name = "Crypto Mining Related Port Communication",
            Description = "A TCP connection was begun to a port that mining pools use, to a peer that the profile, where there is one, does not know.",
            Severity = Severity.Medium,
            Tags = ["network", "crypto", "miners", "malicious"],
            Mitre = new MitreTechnique("T1496", "Resource Hijacking", "Impact"),
            Events = [EventKind.Network],
            NeedsProfile = false,
            FalsePositives = "Servers of your own on one of these ports. A connection that fires while learning is not learned: allow it with the command in "
                + "the alert's fix, or bind the rule with other ports.",
            Parameters = [Ports],
            CoveredBy = "R1007",
        },
        static arguments => new MiningPortConnection(arguments));

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (sensorEvent.Network is not { Action: NetworkAction.Connect, Protocol: "tcp" } network
            || !IsMining(network.Port)
            || context.Profile?.Covers(sensorEvent) is true)
        {
            return null;
        }

        var endpoint = Connection.EndpointOf(network);
        return new Finding(
            endpoint,
            $"Crypto Mining Related Port Communication: {sensorEvent.Process.Comm} connected to {endpoint}, a port of mining pools",
            "No connection leads to a port of mining pools, but to peers of the profile.",
            AllowCommand.ForConnection(context, network));
    }

    // A list's enumerator would be an allocation.
    private bool IsMining(ushort port)
    {
        for (var i = 0; i < _ports.Count; i++)
        {
            if (_ports[i] == port)
            {
                return true;
            }
        }

        return false;
    }
}

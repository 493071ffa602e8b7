using System.Globalization;
using KubeCop.Core.Events;
using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>R1007. Query and answer are about one name, so they are one finding. What addresses an answer names is not followed.</summary>
internal sealed class CryptoMinerDetected : IRule
{
    private static readonly DomainSet Pools = new(RuleData.Read("miner-pools"));

    private static readonly ushort[] Ports = [.. RuleData.Read("miner-ports").Select(static port => ushort.Parse(port, CultureInfo.InvariantCulture))];

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1007",
            Name = "Crypto Miner detected",
            Description = "A process computed RandomX, a miner's proof of work; or a TCP connection to a port of mining pools was begun "
                + $"({string.Join(", ", Ports)}); or the domain of a mining pool was looked up.",
            Severity = Severity.High,
            Tags = ["network", "crypto", "miners", "malicious", "dns"],
            Mitre = new MitreTechnique("T1496", "Resource Hijacking", "Impact"),
            Events = [EventKind.Network, EventKind.Dns, EventKind.RandomX],
            NeedsProfile = false,
            FalsePositives = "Services of your own that listen on one of these ports (3333 is a favourite of development servers), and look-ups of pool domains by "
                + "proxies and DNS filters for others. Move the service to another port, or leave the rule out of the binding of such workloads.",
        },
        static _ => new CryptoMinerDetected());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) => sensorEvent.Kind switch
    {
        EventKind.Network => OfConnection(sensorEvent, context),
        EventKind.Dns => OfName(sensorEvent, context),
        _ => Found(context, "RandomX", $"{sensorEvent.Process.Comm} computes RandomX, the proof of work of Monero and others", "No program computes RandomX."),
    };

    private static Finding? OfConnection(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (sensorEvent.Network is not { Action: NetworkAction.Connect, Protocol: "tcp" } network || !Ports.AsSpan().Contains(network.Port))
        {
            return null;
        }

        var endpoint = Connection.EndpointOf(network);
        return Found(
            context,
            $"tcp {endpoint}",
            $"{sensorEvent.Process.Comm} connected to {endpoint}, a port of mining pools",
            $"No connections lead to the TCP ports {string.Join(", ", Ports)}.");
    }

    private static Finding? OfName(in SensorEvent sensorEvent, in RuleContext context) => Pools.Find(sensorEvent.Path) is not { } pool
        ? null
        : Found(
            context,
            sensorEvent.Path,
            $"{sensorEvent.Process.Comm} looked up {sensorEvent.Path}{(sensorEvent.Path == pool ? "" : $", below {pool}")}, the domain of a mining pool",
            "No domain of a mining pool is looked up.");

    private static Finding Found(in RuleContext context, string subject, string message, string expected) => new(
        subject,
        $"Crypto Miner detected: {message}",
        expected,
        $"Stop the workload and find out how the miner came in. If it is meant, {UnbindAdvice.For(context, Type.Descriptor)}");
}

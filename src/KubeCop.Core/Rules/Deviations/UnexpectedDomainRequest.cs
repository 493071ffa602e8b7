using KubeCop.Core.Events;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>R0005. Query and answer are about one name, so they are one finding.</summary>
internal sealed class UnexpectedDomainRequest : IRule
{
    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0005",
            Name = "Unexpected domain request",
            Description = "A name was looked up in DNS that the profile does not know.",
            Severity = Severity.Medium,
            Tags = ["dns", "whitelisted"],
            Mitre = new MitreTechnique("T1071.004", "Application Layer Protocol: DNS", "Command and Control"),
            Events = [EventKind.Dns],
            NeedsProfile = true,
            FalsePositives = "Names that users of the workload choose (a proxy, a webhook, a mail server), names with changing parts (shards, CDN hosts, "
                + "reverse look-ups), and servers that were configured after learning. Leave the rule out of the binding of such workloads, or allow the name "
                + "with the command in the alert's fix.",
        },
        static _ => new UnexpectedDomainRequest());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) =>
        context.Profile is not { } profile || profile.Covers(sensorEvent)
            ? null
            : new Finding(
                sensorEvent.Path,
                $"Unexpected domain request: {sensorEvent.Path}",
                "Only names of the profile are looked up.",
                AllowCommand.ForDns(context, sensorEvent.Path));
}

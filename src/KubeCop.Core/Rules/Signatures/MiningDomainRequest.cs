using KubeCop.Core.Events;
using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>R1008. No profile clears it: a pool that was looked up while learning is still one.</summary>
internal sealed class MiningDomainRequest : IRule
{
    private static readonly RuleParameter<IReadOnlyList<string>> Domains = RuleParameter.Domains(
        "additionalDomains",
        [],
        "Further domains of pools.");

    private static readonly DomainSet Known = new(RuleData.Read("miner-pools"));

    private readonly DomainSet _further;

    private MiningDomainRequest(RuleArguments arguments) => _further = new DomainSet(arguments.Get(Domains));

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1008",
            Name = "Crypto Mining Domain Communication",
            Description = "A domain of a mining pool, or a name below one, was looked up in DNS.",
            Severity = Severity.Critical,
            Tags = ["dns", "crypto", "miners", "malicious"],
            Mitre = new MitreTechnique("T1496", "Resource Hijacking", "Impact"),
            Events = [EventKind.Dns],
            NeedsProfile = false,
            FalsePositives = "Scanners, proxies and mail servers that look up names they were given, and people who read a pool's web page. Leave the rule out "
                + "of the binding of such workloads.",
            Parameters = [Domains],
        },
        static arguments => new MiningDomainRequest(arguments));

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) =>
        (Known.Find(sensorEvent.Path) ?? _further.Find(sensorEvent.Path)) is not { } domain
            ? null
            : new Finding(
                sensorEvent.Path,
                $"Crypto Mining Domain Communication: {sensorEvent.Process.Comm} looked up {sensorEvent.Path}, which belongs to the mining pool {domain}",
                "No domain of a mining pool is looked up.",
                $"Stop what looked it up, and find out how it came in. If it is meant, {UnbindAdvice.For(context, Descriptor)}");
}

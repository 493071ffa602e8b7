using KubeCop.Core.Events;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>
/// R0004. Compares capability, system call and verdict: that a check was refused while learning does not make it normal that it is granted,
/// while one that may be granted may also be refused.
/// </summary>
internal sealed class UnexpectedCapabilityUsed : IRule
{
    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0004",
            Name = "Unexpected capability used",
            Description = "A capability was used in a system call, or asked for in vain, in which the profile does not know it.",
            Severity = Severity.High,
            Tags = ["capabilities", "whitelisted"],
            Mitre = new MitreTechnique("T1548", "Abuse Elevation Control Mechanism", "Privilege Escalation"),
            Events = [EventKind.Capability],
            NeedsProfile = true,
            FalsePositives = "Privileged work that did not happen while learning: rotating logs of other users, reloading with a lower port, and what an "
                + "operator does with kubectl exec. Learn for longer, or allow the capability with the command in the alert's fix.",
        },
        static _ => new UnexpectedCapabilityUsed());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (sensorEvent.Capability is not { } capability || context.Profile is not { } profile || profile.Covers(sensorEvent))
        {
            return null;
        }

        var use = capability.Syscall.Length == 0 ? capability.Name : $"{capability.Name} in {capability.Syscall}";
        return new Finding(
            capability.Granted ? use : $"{use} (refused)",
            $"Unexpected capability used: {use}{(capability.Granted ? "" : "; it was refused, the process does not have it")}",
            "Only capabilities of the profile are used, each in the system calls of the profile.",
            AllowCommand.ForCapability(context, capability));
    }
}

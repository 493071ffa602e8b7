using KubeCop.Core.Events;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>
/// R1006. What a runtime does in a container's set-up is marked by the sensor and never gets here. An unshare of open files or the working
/// directory alone (CLONE_FILES, CLONE_FS) leaves no namespace and is harmless.
/// </summary>
internal sealed class UnshareUsage : IRule
{
    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1006",
            Name = "Unshare System Call usage",
            Description = "A process left namespaces for new ones of its own (unshare), or tried to: in them it has capabilities it did not have before. "
                + "Of a process that is made in new namespaces (clone) R0004 tells, by the capability that takes, where it has not learned it.",
            Severity = Severity.High,
            Tags = ["syscall", "escape", "unshare"],
            Mitre = new MitreTechnique("T1611", "Escape to Host", "Privilege Escalation"),
            Events = [EventKind.Unshare],
            NeedsProfile = false,
            FalsePositives = "Programs that sandbox themselves (browsers, bubblewrap, systemd), and what builds or runs containers in a container (buildah, "
                + "rootless docker). Leave the rule out of the binding of such workloads.",
        },
        static _ => new UnshareUsage());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if ((sensorEvent.Value & Namespaces.All) == 0)
        {
            return null;
        }

        var namespaces = string.Join(", ", Namespaces.Names(sensorEvent.Value));
        return new Finding(
            Refusal.Subject(sensorEvent, namespaces),
            $"Unshare System Call usage: {sensorEvent.Process.Comm} {(sensorEvent.IsRefused ? "tried to make" : "made")} namespaces of its own: {namespaces}"
                + Refusal.Note(sensorEvent),
            "Processes stay in the namespaces of their container.",
            $"Forbid unshare by the runtime's default seccomp profile (seccompProfile: type: RuntimeDefault). If it is meant, {UnbindAdvice.For(context, Descriptor)}");
    }
}

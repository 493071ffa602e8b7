using System.Collections.Frozen;
using KubeCop.Core.Events;
using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>R0003. The sensor tells each system call of a container once, with the process that made it first.</summary>
internal sealed class UnexpectedSystemCall : IRule
{
    private static readonly FrozenSet<string> Harmless = RuleData.Read("harmless-syscalls").ToFrozenSet(StringComparer.Ordinal);

    private static readonly RuleParameter<bool> IgnoreHarmless = RuleParameter.Boolean(
        "ignoreHarmless",
        byDefault: true,
        "Leaves alone what reaches nothing that the process does not have already: waiting, ending, asking for the time, closing, removing a file "
            + "(the list harmless-syscalls). Servers do so for the first time when they are reloaded or ended.");

    private readonly bool _ignoreHarmless;

    private UnexpectedSystemCall(RuleArguments arguments) => _ignoreHarmless = arguments.Get(IgnoreHarmless);

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0003",
            Name = "Unexpected system call",
            Description = "A system call was made that the profile does not know.",
            Severity = Severity.Medium,
            Tags = ["syscall", "whitelisted"],
            Mitre = new MitreTechnique("T1106", "Native API", "Execution"),
            Events = [EventKind.Syscall],
            NeedsProfile = true,
            FalsePositives = "Code paths that did not run while learning: error handling, work that is rare, and programs an operator starts with kubectl exec. "
                + "Learn for longer, or allow the system call with the command in the alert's fix.",
            Parameters = [IgnoreHarmless],
        },
        static arguments => new UnexpectedSystemCall(arguments));

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) =>
        context.Profile is not { } profile || profile.Covers(sensorEvent) || (_ignoreHarmless && Harmless.Contains(sensorEvent.Path))
            ? null
            : new Finding(
                sensorEvent.Path,
                $"Unexpected system call: {sensorEvent.Path}",
                "Only system calls of the profile are made.",
                AllowCommand.ForSyscall(context, sensorEvent.Path));
}

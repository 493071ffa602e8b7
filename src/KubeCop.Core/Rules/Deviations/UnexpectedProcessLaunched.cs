using KubeCop.Core.Events;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>
/// R0001. Compares the pair of invoked path and executable: with busybox every applet is the same executable, and a path alone does
/// not notice that the program behind it was replaced. Arguments are not compared.
/// </summary>
internal sealed class UnexpectedProcessLaunched : IRule
{
    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0001",
            Name = "Unexpected process launched",
            Description = "A program was started that the profile does not know under this path and executable.",
            Severity = Severity.Critical,
            Tags = ["exec", "whitelisted"],
            Mitre = new MitreTechnique("T1059", "Command and Scripting Interpreter", "Execution"),
            Events = [EventKind.Exec],
            NeedsProfile = true,
            FalsePositives = "Programs that run more rarely than the learning period lasts (a nightly job, a log rotation), and what an operator starts "
                + "with kubectl exec. Learn for longer, or allow the program with the command in the alert's fix.",
        },
        static _ => new UnexpectedProcessLaunched());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (context.Profile is not { } profile || profile.Covers(sensorEvent) || Refusal.IsSearch(sensorEvent))
        {
            return null;
        }

        var program = ExecSubject.Of(sensorEvent);
        return new Finding(
            Refusal.Subject(sensorEvent, program),
            $"Unexpected process launched: {program}{Refusal.Note(sensorEvent)}",
            "Only programs of the profile are started.",
            AllowCommand.ForExec(context, sensorEvent));
    }
}

using KubeCop.Core.Events;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>
/// R1015. The sensor reports only requests that begin control of another process or change it. Beginning and changing are two subjects:
/// that a process is traced again and again must not hide that one day code is written into it.
/// </summary>
internal sealed class UnexpectedPtrace : IRule
{
    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1015",
            Name = "Unexpected Ptrace Syscall Usage",
            Description = "A process took control of another one with ptrace, changed its memory or registers, let itself be traced, or tried to.",
            Severity = Severity.Medium,
            Tags = ["ptrace", "process", "malicious"],
            Mitre = new MitreTechnique("T1055.008", "Process Injection: Ptrace System Calls", "Defense Evasion"),
            Events = [EventKind.Ptrace],
            NeedsProfile = false,
            FalsePositives = "Debuggers and tracers (gdb, strace, delve), crash reporters, leak sanitizers, and programs that let themselves be traced to "
                + "keep debuggers out. Leave the rule out of the binding of such workloads.",
        },
        static _ => new UnexpectedPtrace());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (sensorEvent.Ptrace is not { } ptrace)
        {
            return null;
        }

        var comm = sensorEvent.Process.Comm;
        var (deed, target) = ptrace.Request switch
        {
            "PTRACE_TRACEME" => ("lets itself be traced", ""),
            "PTRACE_ATTACH" or "PTRACE_SEIZE" => ("traces", $" process {ptrace.TargetPid}"),
            _ => ("changes", $" process {ptrace.TargetPid}"),
        };
        return new Finding(
            Refusal.Subject(sensorEvent, $"{comm} {deed}"),
            $"Unexpected Ptrace Syscall Usage: {comm} {deed}{target} ({ptrace.Request}){Refusal.Note(sensorEvent)}",
            "No process takes control of another one.",
            $"Find out what started the tracer. If it is meant, {UnbindAdvice.For(context, Descriptor)}");
    }
}

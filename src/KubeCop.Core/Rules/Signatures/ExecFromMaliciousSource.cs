using KubeCop.Core.Events;
using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>
/// R1000. Looks at the path as invoked, because of a script only that one leads to the script, and at the executable, because a link
/// hides where it is.
/// </summary>
internal sealed class ExecFromMaliciousSource : IRule
{
    private const EventFlags NotAFileOfTheImage =
        EventFlags.FileUpperLayer | EventFlags.FileDeleted | EventFlags.FileInMemory | EventFlags.PathUnreachable | EventFlags.PathTruncated;

    private static readonly PathPrefix[] Prefixes = [.. RuleData.Read("exec-sources").Select(static path => new PathPrefix(path))];

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1000",
            Name = "Exec from malicious source",
            Description = "A program was started from a place no program is installed to: /dev, /run, /var/run, a process's directory (/proc/self, "
                + "/proc/<pid>, /dev/fd), memory (memfd), a deleted file, or a place that no path leads to.",
            Severity = Severity.Critical,
            Tags = ["exec", "signature"],
            Mitre = new MitreTechnique("T1059", "Command and Scripting Interpreter", "Execution"),
            Events = [EventKind.Exec],
            NeedsProfile = false,
            FalsePositives = "Init systems that keep their programs in /run (s6-overlay), and a program started again after a package upgrade deleted it. "
                + "Leave the rule out of the binding of such workloads. A program of the image that starts itself anew through /proc/self/exe (busybox, many Go "
                + "programs) is not reported.",
        },
        static _ => new ExecFromMaliciousSource());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (Refusal.IsSearch(sensorEvent) || SourceOf(sensorEvent) is not { } source)
        {
            return null;
        }

        var program = ExecSubject.Of(sensorEvent);
        return new Finding(
            Refusal.Subject(sensorEvent, program),
            $"Exec from malicious source: {program} was started from {source}{Refusal.Note(sensorEvent)}",
            "Programs are started from the directories the image installs them to.",
            $"Find out what put the program there. If it is meant, install it in the image and start it from there, or {UnbindAdvice.For(context, Descriptor)}");
    }

    private static string? SourceOf(in SensorEvent sensorEvent)
    {
        if ((sensorEvent.Flags & EventFlags.FileInMemory) != 0)
        {
            return "memory (memfd)";
        }

        if (PrefixOf(sensorEvent.Executable) is { } place)
        {
            return place;
        }

        if (PrefixOf(sensorEvent.Path) is { } invoked && !StartsItselfAnew(sensorEvent))
        {
            return invoked;
        }

        // The name it had proves nothing: another file can be there now, and what ran can no more be looked at.
        if ((sensorEvent.Flags & EventFlags.FileDeleted) != 0)
        {
            return "a deleted file";
        }

        if ((sensorEvent.Flags & EventFlags.PathUnreachable) != 0)
        {
            return "a place that no path of the container leads to";
        }

        // The end of a path does not tell whether it began with one of the places above.
        return (sensorEvent.Flags & EventFlags.PathTruncated) != 0 ? "a path too deep to be seen whole" : null;
    }

    // The kernel has resolved it to a file of the image that its own path leads to, so nothing is hidden. Whose it is cannot be told for
    // /proc/<pid>/exe, whose number is that of the container's pid namespace, and makes no difference.
    private static bool StartsItselfAnew(in SensorEvent sensorEvent) =>
        ProcessPath.IsExecutable(sensorEvent.Path) && sensorEvent.Executable.StartsWith('/') && (sensorEvent.Flags & NotAFileOfTheImage) == 0;

    private static string? PrefixOf(string path)
    {
        if (ProcessPath.PrefixOf(path) is { } process)
        {
            return process;
        }

        foreach (var prefix in Prefixes)
        {
            if (prefix.Covers(path))
            {
                return prefix.ToString();
            }
        }

        return null;
    }
}

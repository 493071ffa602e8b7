using KubeCop.Core.Events;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>
/// R1005. The kernel says of the executable whether it is in memory or has no name, so that neither the path by which it was started nor
/// a name of its memory file matters. A program of the disk that is started through a descriptor is R1000's, not fileless.
/// </summary>
internal sealed class FilelessExecution : IRule
{
    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1005",
            Name = "Fileless execution detected",
            Description = "A program was started that is in no directory: from memory (memfd_create, as unpackers and crypters do), from a file that never "
                + "had a name (O_TMPFILE), or, through a descriptor (/proc/self/fd, /proc/<pid>/fd, /dev/fd), from a deleted file or as a script.",
            Severity = Severity.High,
            Tags = ["exec", "signature", "fileless", "execution"],
            Mitre = new MitreTechnique("T1620", "Reflective Code Loading", "Defense Evasion"),
            Events = [EventKind.Exec],
            NeedsProfile = false,
            FalsePositives = "Programs that copy themselves into memory before they start anew, as runc does against CVE-2019-5736, and installers that "
                + "unpack into memory. Leave the rule out of the binding of such workloads. R1000, which looks at where programs are started from in general, "
                + "fires on the same: leave out the one you do not want.",
        },
        static _ => new FilelessExecution());

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
            $"Fileless execution detected: {program} was started from {source}{Refusal.Note(sensorEvent)}",
            "Every program that is started is a file with a name.",
            $"Find out what made the program. If it is meant, install it as a file, or {UnbindAdvice.For(context, Descriptor)}");
    }

    private static string? SourceOf(in SensorEvent sensorEvent)
    {
        if ((sensorEvent.Flags & EventFlags.FileInMemory) != 0)
        {
            return "memory (memfd)";
        }

        var isDeleted = (sensorEvent.Flags & EventFlags.FileDeleted) != 0;
        if (isDeleted && IsUnnamed(sensorEvent.Executable))
        {
            return "a file that never had a name (O_TMPFILE)";
        }

        if (!ProcessPath.IsDescriptor(sensorEvent.Path))
        {
            return null;
        }

        // What an exec would have run that was refused so early is not known.
        return isDeleted ? "a deleted file, through a descriptor"
            : IsScript(sensorEvent) ? "a script that is read through a descriptor"
            : sensorEvent.IsRefused && sensorEvent.Executable.Length == 0 ? "a descriptor"
            : null;
    }

    // d_tmpfile (fs/dcache.c) names such a file after its inode.
    private static bool IsUnnamed(string executable)
    {
        var name = executable.AsSpan(executable.LastIndexOf('/') + 1);
        return name.Length > 1 && name[0] == '#' && !name[1..].ContainsAnyExceptInRange('0', '9');
    }

    // The kernel puts the script's name behind the interpreter's, and behind the one argument a first line may have (fs/binfmt_script.c).
    private static bool IsScript(in SensorEvent sensorEvent)
    {
        if (sensorEvent.Exec is not { } exec)
        {
            return false;
        }

        var arguments = exec.Arguments;
        for (var i = 1; i < arguments.Count && i <= 2; i++)
        {
            if (string.Equals(arguments[i], exec.Filename, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }
}

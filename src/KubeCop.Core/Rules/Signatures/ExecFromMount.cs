using KubeCop.Core.Events;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;
using KubeCop.Core.Workloads;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>
/// R1004. Looks at the executable, because a link hides where it is, and at the path as invoked, because of a script only that one leads to
/// the script.
/// </summary>
internal sealed class ExecFromMount : IRule
{
    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1004",
            Name = "Exec from mount",
            Description = "A program or script was started from a volume or a bind mount of the container, not from its image.",
            Severity = Severity.Medium,
            Tags = ["exec", "mount"],
            Mitre = new MitreTechnique("T1059", "Command and Scripting Interpreter", "Execution"),
            Events = [EventKind.Exec],
            NeedsProfile = false,
            FalsePositives = "Scripts from a ConfigMap, programs an init container puts on a shared volume (agents, plugins), and work directories of build "
                + "jobs. Put them into the image, or leave the rule out of the binding of such workloads.",
        },
        static _ => new ExecFromMount());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        var mount = MountOf(sensorEvent.Executable, context.Container) ?? MountOf(sensorEvent.Path, context.Container);
        if (mount is null || Refusal.IsSearch(sensorEvent))
        {
            return null;
        }

        var program = ExecSubject.Of(sensorEvent);
        return new Finding(
            Refusal.Subject(sensorEvent, program),
            $"Exec from mount: {program} was started from {Describe(mount, context.Container)}{Refusal.Note(sensorEvent)}",
            "Programs are started from the image.",
            $"Find out what put the program there. If it is meant, put it into the image, or {UnbindAdvice.For(context, Descriptor)}");
    }

    // The innermost, when one is mounted in another.
    private static string? MountOf(string path, ContainerDescription container)
    {
        string? innermost = null;
        for (var i = 0; i < container.Mounts.Count; i++)
        {
            var mount = container.Mounts[i];
            if (mount.Length > (innermost?.Length ?? 0) && PathPrefix.CoversUnchecked(mount, path))
            {
                innermost = mount;
            }
        }

        return innermost;
    }

    private static string Describe(string path, ContainerDescription container) => container.Volumes.FirstOrDefault(volume => volume.Path == path) switch
    {
        { Volume.Length: > 0 } volume => $"the volume {volume.Volume} ({volume.Type}) at {path}",
        { Type.Length: > 0 } volume => $"a mount ({volume.Type}) at {path}",
        _ => $"a mount at {path}",
    };
}

using System.Runtime.CompilerServices;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>
/// R0008. Neither in profiles nor in events do the numbers of processes mean anything, so it is one behaviour whosever environment is read.
/// Only an entry for environments makes it known, not one that happens to cover them (<c>/proc/*</c>).
/// </summary>
internal sealed class EnvironmentRead : IRule
{
    private static readonly PerProfile<StrongBox<bool>> IsKnown = new(static profile => new StrongBox<bool>(profile.Opens.Any(static open => IsEnvironment(open.Path))));

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0008",
            Name = "Read Environment Variables from procfs",
            Description = "The environment of a process, where passwords and keys are often kept, was opened in /proc, and the profile knows of no such thing.",
            Severity = Severity.Medium,
            Tags = ["open", "procfs", "environment", "whitelisted"],
            Mitre = new MitreTechnique("T1552.001", "Unsecured Credentials: Credentials In Files", "Credential Access"),
            Events = [EventKind.Open],
            NeedsProfile = true,
            FalsePositives = "Monitoring agents, ps with the option e, and runtimes that look at their own environment (/proc/self/environ), when they did not "
                + "while learning. The kernel does not tell whose environment it is: once one was read while learning, none is reported. Allow it with the command "
                + "in the alert's fix.",
        },
        static _ => new EnvironmentRead());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) =>
        !IsEnvironment(sensorEvent.Path) || context.Profile is not { } profile || IsKnown.Of(profile).Value
            ? null
            : new Finding(
                "/proc/<pid>/environ",
                $"Read Environment Variables from procfs: {sensorEvent.Process.Comm} opened {sensorEvent.Path}",
                "No process's environment is read in /proc.",
                AllowCommand.ForOpen(context, sensorEvent.Path, OpenFlags.ToSet(sensorEvent.Value)));

    /// <summary><c>…/proc/&lt;pid&gt;/environ</c> or <c>…/proc/&lt;pid&gt;/task/&lt;tid&gt;/environ</c>, wherever /proc is mounted.</summary>
    internal static bool IsEnvironment(ReadOnlySpan<char> path)
    {
        if (!path.EndsWith("/environ", StringComparison.Ordinal))
        {
            return false;
        }

        var above = path[..path.LastIndexOf('/')];
        if (!TryTakeProcess(ref above))
        {
            return false;
        }

        if (above.EndsWith("/task", StringComparison.Ordinal))
        {
            above = above[..above.LastIndexOf('/')];
            if (!TryTakeProcess(ref above))
            {
                return false;
            }
        }

        return above.EndsWith("/proc", StringComparison.Ordinal);
    }

    // In profiles people write names and patterns for the number.
    private static bool TryTakeProcess(ref ReadOnlySpan<char> path)
    {
        var slash = path.LastIndexOf('/');
        var name = path[(slash + 1)..];
        path = slash < 0 ? [] : path[..slash];
        return name is "self" or "thread-self" or PathPatterns.AnySegment || (name.Length > 0 && !name.ContainsAnyExceptInRange('0', '9'));
    }
}

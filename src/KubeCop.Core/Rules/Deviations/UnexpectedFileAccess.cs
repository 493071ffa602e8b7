using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>R0002.</summary>
internal sealed class UnexpectedFileAccess : IRule
{
    private static readonly RuleParameter<bool> IgnoreMounts = RuleParameter.Boolean(
        "ignoreMounts",
        false,
        "Leaves files below the container's volumes and bind mounts alone. The default binding sets true.");

    private static readonly RuleParameter<IReadOnlyList<string>> IgnorePrefixes = RuleParameter.Paths(
        "ignorePrefixes",
        [],
        "Leaves these directories and everything below them alone. The default binding sets /proc, /run/secrets/kubernetes.io/serviceaccount, "
            + "/var/run/secrets/kubernetes.io/serviceaccount, /tmp, /dev/shm.");

    private readonly bool _ignoreMounts;
    private readonly PathPrefix[] _ignorePrefixes;

    private UnexpectedFileAccess(RuleArguments arguments)
    {
        _ignoreMounts = arguments.Get(IgnoreMounts);
        _ignorePrefixes = [.. arguments.Get(IgnorePrefixes).Select(static prefix => new PathPrefix(prefix))];
    }

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0002",
            Name = "Unexpected file access",
            Description = "A file was opened that the profile does not know, or in a way (for writing, …) the profile does not know.",
            Severity = Severity.Medium,
            Tags = ["open", "whitelisted"],
            Mitre = new MitreTechnique("T1005", "Data from Local System", "Collection"),
            Events = [EventKind.Open],
            NeedsProfile = true,
            FalsePositives = "Files with changing names (caches, rotated logs, work files outside /tmp) and code paths that did not run while learning. "
                + "Put changing files on a volume or below an ignored prefix, or allow the file with the command in the alert's fix.",
            Parameters = [IgnoreMounts, IgnorePrefixes],
        },
        static arguments => new UnexpectedFileAccess(arguments));

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        var flags = OpenFlags.ToSet(sensorEvent.Value);
        if (context.Profile is not { } profile || profile.ContainsOpen(sensorEvent.Path, flags) || IsIgnored(sensorEvent.Path, context))
        {
            return null;
        }

        var known = profile.OpenFlagsOf(sensorEvent.Path);
        var names = string.Join(", ", OpenFlags.Names(flags));
        return new Finding(
            // Writing a file that was only read so far is another deed, which repeats of the reading must not hide.
            Refusal.Subject(sensorEvent, (flags & OpenFlags.Writing) == 0 ? sensorEvent.Path : $"{sensorEvent.Path} for writing"),
            $"Unexpected file access: {sensorEvent.Path} with {names}{Refusal.Note(sensorEvent)}",
            known == 0 ? "Only files of the profile are opened." : $"This file is opened with no other flags than {string.Join(", ", OpenFlags.Names(known))}.",
            AllowCommand.ForOpen(context, sensorEvent.Path, flags));
    }

    private bool IsIgnored(string path, in RuleContext context)
    {
        foreach (var prefix in _ignorePrefixes)
        {
            if (prefix.Covers(path))
            {
                return true;
            }
        }

        return _ignoreMounts && IgnoredOpens.IsMounted(path, context.Container.Mounts);
    }
}

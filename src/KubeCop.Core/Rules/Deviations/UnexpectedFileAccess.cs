using KubeCop.Core.Events;

namespace KubeCop.Core.Rules;

/// <summary>Parameters of R0002.</summary>
/// <param name="IgnoreMounts">Leaves files below the container's volumes and bind mounts alone.</param>
/// <param name="IgnorePrefixes">Directories whose files are left alone: absolute paths.</param>
internal sealed record UnexpectedFileAccessParameters(bool IgnoreMounts, IReadOnlyList<string> IgnorePrefixes)
{
    /// <summary>Those of a binding that gives none.</summary>
    public static UnexpectedFileAccessParameters Default { get; } = new(false, []);

    /// <summary>Those of KubeCop's default binding.</summary>
    public static UnexpectedFileAccessParameters DefaultBinding { get; } = new(
        true,
        ["/proc", "/run/secrets/kubernetes.io/serviceaccount", "/var/run/secrets/kubernetes.io/serviceaccount", "/tmp"]);
}

/// <summary>R0002.</summary>
internal sealed class UnexpectedFileAccess : IRule
{
    private const uint Write = 2 | 4 | OpenFlags.Create | 0x200;

    private readonly bool _ignoreMounts;
    private readonly PathPrefix[] _ignorePrefixes;

    /// <exception cref="ArgumentException">A prefix is no absolute path.</exception>
    public UnexpectedFileAccess(UnexpectedFileAccessParameters parameters)
    {
        _ignoreMounts = parameters.IgnoreMounts;
        try
        {
            _ignorePrefixes = [.. parameters.IgnorePrefixes.Select(static prefix => new PathPrefix(prefix))];
        }
        catch (ArgumentException exception)
        {
            throw new ArgumentException($"R0002, parameter ignorePrefixes: {exception.Message}", nameof(parameters), exception);
        }
    }

    public RuleDescriptor Descriptor { get; } = new()
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
        Parameters =
        [
            new RuleParameter(
                "ignoreMounts",
                "true or false",
                "false",
                "Leaves files below the container's volumes and bind mounts alone. The default binding sets true."),
            new RuleParameter(
                "ignorePrefixes",
                "list of absolute paths",
                "none",
                "Leaves these directories and everything below them alone. The default binding sets "
                    + string.Join(", ", UnexpectedFileAccessParameters.DefaultBinding.IgnorePrefixes) + "."),
        ],
    };

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        var flags = OpenFlags.ToSet(sensorEvent.Value);
        if (context.Profile is not { } profile || (profile.OpenFlagsOf(sensorEvent.Path) & flags) == flags || IsIgnored(sensorEvent.Path, context))
        {
            return null;
        }

        var known = profile.OpenFlagsOf(sensorEvent.Path);
        var names = string.Join(", ", OpenFlags.Names(flags));
        return new Finding(
            // Writing a file that was only read so far is another deed, which repeats of the reading must not hide.
            Refusal.Subject(sensorEvent, (flags & Write) == 0 ? sensorEvent.Path : $"{sensorEvent.Path} for writing"),
            $"Unexpected file access: {sensorEvent.Path} with {names}{Refusal.Note(sensorEvent)}",
            known == 0 ? "Only files of the profile are opened." : $"This file is opened with no other flags than {string.Join(", ", OpenFlags.Names(known))}.",
            AllowCommand.ForOpen(context.Container, sensorEvent.Path, flags));
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

        if (_ignoreMounts)
        {
            var mounts = context.Container.Mounts;
            for (var i = 0; i < mounts.Count; i++)
            {
                if (PathPrefix.CoversUnchecked(mounts[i], path))
                {
                    return true;
                }
            }
        }

        return false;
    }
}

using System.Collections.Frozen;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>
/// R0010. Only the profile's own entry for the file makes it known: a pattern such as <c>/etc/*</c> was not meant for it. Whose name the
/// process has does not count, because it chooses that itself.
/// </summary>
internal sealed class SensitiveFileAccess : IRule
{
    private const uint Writing = 2 | 4 | OpenFlags.Create | 0x200;

    private static readonly RuleParameter<IReadOnlyList<string>> Additional = RuleParameter.Paths(
        "additionalPaths",
        [],
        "Further files, and directories with everything below them.");

    private static readonly FileSet Known = new(RuleData.Read("sensitive-files"));

    private readonly PathPrefix[] _additional;
    private readonly PerProfile<FrozenDictionary<string, uint>> _ownEntries;

    private SensitiveFileAccess(RuleArguments arguments)
    {
        _additional = [.. arguments.Get(Additional).Select(static path => new PathPrefix(path))];
        _ownEntries = new PerProfile<FrozenDictionary<string, uint>>(OwnEntries);
    }

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0010",
            Name = "Unexpected Sensitive File Access",
            Description = "A file that holds or guards credentials (/etc/shadow, sudoers, private keys of SSH, kubeconfigs, credentials of clouds and "
                + "registries; also below a volume, as in a mount of the host's root) was opened, or for the first time for writing, without an entry of its own "
                + "in the profile.",
            Severity = Severity.Medium,
            Tags = ["open", "files", "malicious", "whitelisted"],
            Mitre = new MitreTechnique("T1552.001", "Unsecured Credentials: Credentials In Files", "Credential Access"),
            Events = [EventKind.Open],
            NeedsProfile = true,
            FalsePositives = "Programs that check passwords or become another user (login, sshd, su, sudo), and clients that read their credentials, when they "
                + "did not run while learning. Learn for longer, or allow the file with the command in the alert's fix: then nobody's reading it is reported.",
            Parameters = [Additional],
        },
        static arguments => new SensitiveFileAccess(arguments));

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (context.Profile is not { } profile || !IsSensitive(sensorEvent.Path, context.Container.Mounts))
        {
            return null;
        }

        var flags = OpenFlags.ToSet(sensorEvent.Value);
        var known = _ownEntries.Of(profile).GetValueOrDefault(sensorEvent.Path);
        var isNewWriting = (flags & Writing) != 0 && (known & Writing) == 0;
        if (known != 0 && !isNewWriting)
        {
            return null;
        }

        var how = (flags & Writing) == 0 ? "" : " for writing";
        return new Finding(
            Refusal.Subject(sensorEvent, sensorEvent.Path + how),
            $"Unexpected Sensitive File Access: {sensorEvent.Process.Comm} opened {sensorEvent.Path}{how}{Refusal.Note(sensorEvent)}",
            known == 0 ? "Files with credentials are opened only if the profile has an entry for each." : "This file is only read.",
            AllowCommand.ForOpen(context, sensorEvent.Path, flags));
    }

    private bool IsSensitive(string path, IReadOnlyList<string> mounts)
    {
        if (Known.Covers(path))
        {
            return true;
        }

        foreach (var additional in _additional)
        {
            if (additional.Covers(path))
            {
                return true;
            }
        }

        for (var i = 0; i < mounts.Count; i++)
        {
            var mount = mounts[i];
            if (PathPrefix.CoversUnchecked(mount, path) && Known.Covers(path.AsSpan(mount.AsSpan().TrimEnd('/').Length)))
            {
                return true;
            }
        }

        return false;
    }

    // What is below a volume differs between containers of a profile: here anything counts as one.
    private bool MayBeSensitive(string path)
    {
        for (var start = path.IndexOf('/'); start >= 0; start = path.IndexOf('/', start + 1))
        {
            if (Known.Covers(path.AsSpan(start)))
            {
                return true;
            }
        }

        return IsSensitive(path, []);
    }

    private FrozenDictionary<string, uint> OwnEntries(ContainerProfile profile) => profile.Opens
        .Where(open => MayBeSensitive(open.Path))
        .GroupBy(static open => open.Path, StringComparer.Ordinal)
        .ToFrozenDictionary(
            static group => group.Key,
            static group => group.Aggregate(0u, static (flags, open) => flags | OpenFlags.Parse(open.Flags)),
            StringComparer.Ordinal);
}

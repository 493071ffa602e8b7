using KubeCop.Core.Events;
using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>
/// R0006. A profile says which files were opened, not by whom, so the verdict is about the container: one open of any token directory in
/// the profile makes reading tokens normal, whatever their path. That keeps every learned reader silent through rotations and links, and it
/// makes who reads no part of the verdict: delivering each repeat would tell the same again, so it is not asked for. A process the profile
/// does not know that reads a token is R0001's. Writing is judged apart: reading a token every day does not make it normal to replace it.
/// </summary>
internal sealed class UnexpectedServiceAccountTokenAccess : IRule
{
    private static readonly ProfilePlaces Tokens = new(RuleData.Read("token-directories"));

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0006",
            Name = "Unexpected Service Account Token Access",
            Description = "A file was opened where the tokens of service accounts are (Kubernetes' and Amazon EKS'), or was opened for writing, and the profile "
                + "knows no such open of any of them.",
            Severity = Severity.High,
            Tags = ["token", "malicious", "whitelisted"],
            Mitre = new MitreTechnique("T1528", "Steal Application Access Token", "Credential Access"),
            Events = [EventKind.Open],
            NeedsProfile = true,
            FalsePositives = "Programs that reach the API server or a cloud service more rarely than the learning period lasts, and searches over all files "
                + "(find, a backup). A pod that needs no token should have none: set automountServiceAccountToken: false. Else learn for longer, or allow it with the "
                + "command in the alert's fix.",
        },
        static _ => new UnexpectedServiceAccountTokenAccess());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (!Tokens.Cover(sensorEvent.Path) || context.Profile is not { } profile || profile.Covers(sensorEvent))
        {
            return null;
        }

        var flags = OpenFlags.ToSet(sensorEvent.Value);
        var isWrite = (flags & OpenFlags.Writing) != 0;
        var known = Tokens.OpenFlagsOf(profile);
        if (isWrite ? (known & OpenFlags.Writing) != 0 : known != 0)
        {
            return null;
        }

        var token = isWrite ? $"{sensorEvent.Path} for writing" : sensorEvent.Path;
        return new Finding(
            Refusal.Subject(sensorEvent, token),
            $"Unexpected Service Account Token Access: {sensorEvent.Process.Comm} opened {token}{Refusal.Note(sensorEvent)}",
            known == 0 ? "No token of a service account is opened." : "Tokens of service accounts are only read.",
            AllowCommand.ForOpen(context, sensorEvent.Path, flags));
    }
}

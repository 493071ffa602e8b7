using System.Collections.Frozen;
using System.Security.Cryptography;
using System.Text;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules.Matching;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>R0040. What R0001 does not know is its finding; this rule looks at the rest. See <see cref="ArgumentPatterns"/> for what is alike.</summary>
internal sealed class UnexpectedArguments : IRule
{
    private const int MaxText = 512;

    private static readonly PerProfile<FrozenDictionary<(string Path, string Executable), ArgumentPatterns>> Patterns = new(ArgumentPatterns.Of);

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0040",
            Name = "Unexpected process arguments",
            Description = "A program of the profile was started with arguments unlike all that the profile has of it. Numbers, identifiers and temporary files "
                + "are alike, and so are words where they varied while learning; options are not, nor the commands given to a shell or an interpreter.",
            Severity = Severity.Medium,
            Tags = ["exec", "whitelisted"],
            Mitre = new MitreTechnique("T1059", "Command and Scripting Interpreter", "Execution"),
            Events = [EventKind.Exec],
            NeedsProfile = true,
            FalsePositives = "Programs that ran in one way only while learning and run in another now: a job of the night, an operator's kubectl exec. Of a "
                + $"program that was started with {ExecItem.MaxArgumentLists} or more argument lists nothing is reported. Learn for longer, or allow the arguments with the command "
                + "in the alert's fix.",
        },
        static _ => new UnexpectedArguments());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (sensorEvent.Exec is not { } exec
            || sensorEvent.IsRefused
            || (sensorEvent.Flags & (EventFlags.ArgumentsTruncated | EventFlags.ArgumentsUnreadable)) != 0
            || context.Profile is not { } profile
            || !profile.Covers(sensorEvent))
        {
            return null;
        }

        var patterns = Patterns.Of(profile);
        if ((!patterns.TryGetValue((sensorEvent.Path, sensorEvent.Executable), out var known) && !patterns.TryGetValue((sensorEvent.Path, ""), out known))
            || known.Cover(exec.Arguments))
        {
            return null;
        }

        return new Finding(
            Subject(sensorEvent),
            Message(sensorEvent),
            "Programs are started with arguments like those of the profile.",
            AllowCommand.ForArguments(context, sensorEvent));
    }

    /// <summary>What is hidden cannot be allowed by itself, so the fix allows the program with any arguments.</summary>
    public Finding Retell(Finding finding, in SensorEvent shown, in RuleContext context) =>
        finding with { Subject = Subject(shown), Message = Message(shown), Fix = AllowCommand.ForExec(context, shown) };

    private static string Subject(in SensorEvent sensorEvent) => $"{ExecSubject.Of(sensorEvent)} {Cut(ArgumentPatterns.TextOf(sensorEvent.Exec?.Arguments ?? []))}";

    private static string Message(in SensorEvent sensorEvent) =>
        $"Unexpected process arguments: {ExecSubject.Of(sensorEvent)} was started with {Text(sensorEvent.Exec?.Arguments ?? [])}";

    private static string Text(IReadOnlyList<string> arguments)
    {
        if (arguments.Count <= 1)
        {
            return "no arguments";
        }

        var text = string.Join(' ', arguments.Skip(1).Select(static argument => ShellText.Quote(argument)));
        return text.Length <= MaxText ? text : $"{text[..MaxText]}…";
    }

    // What is cut off must not make two of one.
    private static string Cut(string text) => text.Length <= MaxText
        ? text
        : $"{text[..MaxText]}… {Convert.ToHexStringLower(SHA256.HashData(Encoding.Unicode.GetBytes(text)).AsSpan(0, 8))}";
}

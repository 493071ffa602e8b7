using KubeCop.Core.Events;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Signatures;

/// <summary>R1001. The kernel itself says whether the executable's file is in the overlay's upper layer, so no path has to be looked up afterwards.</summary>
internal sealed class ExecBinaryNotInBaseImage : IRule
{
    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R1001",
            Name = "Exec Binary Not In Base Image",
            Description = "A program was started whose file was written or changed after the container started: it is in the upper layer, not in the image.",
            Severity = Severity.Critical,
            Tags = ["exec", "malicious", "binary", "base image"],
            Mitre = new MitreTechnique("T1105", "Ingress Tool Transfer", "Command and Control"),
            Events = [EventKind.Exec],
            NeedsProfile = false,
            FalsePositives = "Containers that install or compile programs when they start, and programs of the image whose owner or mode a start script "
                + "changed, which copies them to the upper layer. Do both when the image is built. A script is judged by its interpreter.",
        },
        static _ => new ExecBinaryNotInBaseImage());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context)
    {
        if ((sensorEvent.Flags & EventFlags.FileUpperLayer) == 0)
        {
            return null;
        }

        var program = ExecSubject.Of(sensorEvent);
        var image = context.Container.Image.Length > 0 ? $"the image {context.Container.Image}" : "the image";
        return new Finding(
            Refusal.Subject(sensorEvent, program),
            $"Exec Binary Not In Base Image: {program} is not in {image}{Refusal.Note(sensorEvent)}",
            $"Every program that is started is in {image}.",
            $"Find out what wrote the file. If it is meant, put the program into the image, or {UnbindAdvice.For(context, Descriptor)}");
    }
}

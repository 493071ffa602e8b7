using System.Collections.Frozen;
using KubeCop.Core.Events;
using KubeCop.Core.Rules.Data;
using KubeCop.Core.Rules.Wording;

namespace KubeCop.Core.Rules.Deviations;

/// <summary>
/// R0007. A program is known by the last part of the invoked path or of what it leads to, so that neither a link nor a renamed directory
/// hides it; who renames the program itself is found by what it connects to.
/// </summary>
internal sealed class KubernetesClientExecuted : IRule
{
    private static readonly FrozenSet<string>.AlternateLookup<ReadOnlySpan<char>> Clients =
        RuleData.Read("kubernetes-clients").ToFrozenSet(StringComparer.Ordinal).GetAlternateLookup<ReadOnlySpan<char>>();

    public static RuleType Type { get; } = new(
        new RuleDescriptor
        {
            Id = "R0007",
            Name = "Kubernetes Client Executed",
            Description = "A client of Kubernetes or of a container runtime (kubectl, crictl, docker, …) was started, or the API server was connected to, and "
                + "the profile does not know it.",
            Severity = Severity.Critical,
            Tags = ["exec", "malicious", "whitelisted"],
            Mitre = new MitreTechnique("T1609", "Container Administration Command", "Execution"),
            Events = [EventKind.Exec, EventKind.Network],
            NeedsProfile = true,
            FalsePositives = "Operators and controllers that reach the API server more rarely than the learning period lasts, and jobs that call kubectl. Learn "
                + "for longer, or allow it with the command in the alert's fix.",
        },
        static _ => new KubernetesClientExecuted());

    public RuleDescriptor Descriptor => Type.Descriptor;

    public Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context) =>
        context.Profile is not { } profile || profile.Covers(sensorEvent)
            ? null
            : sensorEvent.Kind == EventKind.Exec ? OfExec(sensorEvent, context) : OfConnection(sensorEvent, context);

    private static Finding? OfExec(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (Refusal.IsSearch(sensorEvent) || !(IsClient(sensorEvent.Path) || IsClient(sensorEvent.Executable)))
        {
            return null;
        }

        var program = ExecSubject.Of(sensorEvent);
        return new Finding(
            Refusal.Subject(sensorEvent, program),
            $"Kubernetes Client Executed: {program}{Refusal.Note(sensorEvent)}",
            "Only clients of the profile are started.",
            AllowCommand.ForExec(context, sensorEvent));
    }

    private static Finding? OfConnection(in SensorEvent sensorEvent, in RuleContext context)
    {
        if (context.ApiServer is not { } apiServer || sensorEvent.Network is not { Action: NetworkAction.Connect } network || network.Address != apiServer)
        {
            return null;
        }

        var endpoint = Connection.EndpointOf(network);
        return new Finding(
            Refusal.Subject(sensorEvent, $"{network.Protocol} {endpoint}"),
            $"Kubernetes Client Executed: {sensorEvent.Process.Comm} connected to the API server at {endpoint}{Refusal.Note(sensorEvent)}",
            "Only connections of the profile lead to the API server.",
            AllowCommand.ForConnection(context, network));
    }

    private static bool IsClient(string path) => Clients.Contains(path.AsSpan(path.LastIndexOf('/') + 1));
}

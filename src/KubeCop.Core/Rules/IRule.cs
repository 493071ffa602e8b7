using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;

namespace KubeCop.Core.Rules;

/// <summary>
/// One detection: a descriptor and a function of event, container and profile. Instances are shared by all containers, so they hold
/// no state that changes.
/// </summary>
public interface IRule
{
    RuleDescriptor Descriptor { get; }

    /// <summary>Judges one event of a kind the descriptor names. Allocates only when it finds something.</summary>
    /// <returns>Null when the event is no reason for an alert.</returns>
    Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context);

    /// <summary>
    /// With <see cref="Delivery.Every"/>: whether the rule has to see also the repeats of this event, because its verdict depends on who
    /// does it. Only for what is rare (credentials, tokens): such behaviour no longer ends in the kernel.
    /// </summary>
    bool NeedsEvery(in SensorEvent sensorEvent) => false;
}

/// <summary>What a rule may look at besides the event.</summary>
/// <param name="Container">The container the event is from.</param>
/// <param name="Profile">The guarding profile; null for rules that need none while there is none.</param>
public readonly record struct RuleContext(ContainerDescription Container, CompiledProfile? Profile);

/// <summary>What a rule found.</summary>
/// <param name="Subject">The thing the alert is about (a path, a domain): part of its fingerprint, so repeats of it fold.</param>
/// <param name="Message">One sentence for people.</param>
/// <param name="Expected">What would have been normal.</param>
/// <param name="Fix">What to do when it is harmless; works when pasted.</param>
public sealed record Finding(string Subject, string Message, string Expected, string Fix);

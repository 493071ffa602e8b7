using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;

namespace KubeCop.Core.Rules;

/// <summary>
/// One detection: a descriptor and a function of event, container and profile. Instances are shared by all containers, so they hold
/// no state that changes; a rule that has to remember gives each container its own with <see cref="ForContainer"/>.
/// </summary>
public interface IRule
{
    RuleDescriptor Descriptor { get; }

    /// <summary>Judges one event of a kind the descriptor names. Allocates only when it finds something.</summary>
    /// <returns>Null when the event is no reason for an alert.</returns>
    Finding? Evaluate(in SensorEvent sensorEvent, in RuleContext context);

    /// <summary>
    /// Tells a finding anew about the same event with some of its arguments hidden, as the alert shows it. For rules whose subject, message or
    /// fix has arguments in it; the fix still has to work.
    /// </summary>
    /// <param name="shown">The event with the arguments that may be shown.</param>
    Finding Retell(Finding finding, in SensorEvent shown, in RuleContext context) => finding;

    /// <summary>
    /// With <see cref="Delivery.Every"/>: whether the rule has to see also the repeats of this event, because its verdict depends on who
    /// does it. Only for what is rare (credentials, tokens): such behaviour no longer ends in the kernel.
    /// </summary>
    bool NeedsEvery(in SensorEvent sensorEvent) => false;

    /// <summary>
    /// Whether the rule has to see the opens of other files in this one's directory although the profile knows any name there. Rules that
    /// compare with the profile do not; of others each that looks at opens, unless it says that no name there can matter to it.
    /// </summary>
    bool NeedsOthersBeside(string path) => !Descriptor.NeedsProfile;

    /// <summary>
    /// The rule as one container uses it: this one, or a new one that remembers what this container did. It must be bounded, compares kernel
    /// timestamps in either order of arrival, and lives until the rule is no longer bound to the container.
    /// </summary>
    IRule ForContainer() => this;
}

/// <summary>What a rule may look at besides the event.</summary>
/// <param name="Container">The container the event is from.</param>
/// <param name="Profile">The guarding profile; null for rules that need none while there is none.</param>
/// <param name="ApiServer">
/// The address containers reach the API server at, written as in <see cref="NetworkDetails.Address"/>; null where there is none.
/// </param>
/// <param name="Command">How the container's silo is reached; null for <see cref="SiloCommand.Default"/>.</param>
public readonly record struct RuleContext(ContainerDescription Container, CompiledProfile? Profile, string? ApiServer = null, SiloCommand? Command = null);

/// <summary>What a rule found.</summary>
/// <param name="Subject">The thing the alert is about (a path, a domain): part of its fingerprint, so repeats of it fold.</param>
/// <param name="Message">One sentence for people.</param>
/// <param name="Expected">What would have been normal.</param>
/// <param name="Fix">What to do when it is harmless; works when pasted.</param>
public sealed record Finding(string Subject, string Message, string Expected, string Fix);

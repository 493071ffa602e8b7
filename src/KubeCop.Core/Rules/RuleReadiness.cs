using KubeCop.Core.Events;

namespace KubeCop.Core.Rules;

/// <summary>Whether a rule gets to see on this node what it looks at.</summary>
/// <param name="Works">It sees events of at least one of its kinds.</param>
/// <param name="Missing">What it does not see, or not all of.</param>
public sealed record RuleReadiness(bool Works, IReadOnlyList<EventOutage> Missing)
{
    /// <summary>For people: what it does not see, and why; empty when it sees everything.</summary>
    public string Reason => string.Join("; ", Missing.Select(static outage =>
        $"{(outage.IsTotal ? "no" : "not all")} {outage.Kind.ToString().ToLowerInvariant()} events: {outage.Reason}"));

    public static RuleReadiness Of(RuleDescriptor rule, IReadOnlyList<EventOutage> outages)
    {
        EventOutage[] missing = [.. outages.Where(outage => rule.Events.Contains(outage.Kind))];
        return new RuleReadiness(rule.Events.Any(kind => !missing.Any(outage => outage.Kind == kind && outage.IsTotal)), missing);
    }
}

using KubeCop.Core.Events;

namespace KubeCop.Core.Rules;

/// <summary>A rule as it is bound to containers: with its parameters set, and the severity its alerts have.</summary>
public sealed record BoundRule(IRule Rule, Severity Severity)
{
    /// <summary>The rule all containers share, where <see cref="Rule"/> is what one of them uses of it.</summary>
    internal IRule Shared { get; init; } = Rule;

    /// <summary>Its place in <see cref="RuleSet.Rules"/>.</summary>
    public int Index { get; internal init; }

    // Where it stands makes no other rule of it.
    public bool Equals(BoundRule? other) => other is not null && ReferenceEquals(Shared, other.Shared) && Severity == other.Severity;

    public override int GetHashCode() => HashCode.Combine(Shared, Severity);
}

/// <summary>
/// The rules in force for a container, as dispatch tables by event kind: a rule that is not bound costs nothing. Signature rules judge
/// every event, deviation rules what the profile has to be asked about.
/// </summary>
public sealed class RuleSet
{
    private static readonly int Kinds = Enum.GetValues<EventKind>().Max(static kind => (int)kind) + 1;

    private readonly BoundRule[][] _all;
    private readonly BoundRule[][] _signatures;
    private readonly BoundRule[][] _deviations;
    private readonly bool _remembers;

    public RuleSet(IEnumerable<BoundRule> rules)
    {
        Rules = [.. rules.Select(static (bound, index) => bound with { Index = index })];
        var ids = Rules.Select(static bound => bound.Rule.Descriptor.Id).ToHashSet(StringComparer.Ordinal);
        InForce = [.. Rules.Where(bound => bound.Rule.Descriptor.CoveredBy is not { } other || !ids.Contains(other))];
        _all = Dispatch(InForce);
        _signatures = Dispatch(InForce.Where(static bound => !bound.Rule.Descriptor.NeedsProfile));
        _deviations = Dispatch(InForce.Where(static bound => bound.Rule.Descriptor.NeedsProfile));
        _remembers = Rules.Any(static bound => bound.Shared.ForContainer() != bound.Shared);
    }

    public static RuleSet Empty { get; } = new([]);

    /// <summary>Those that are bound.</summary>
    public IReadOnlyList<BoundRule> Rules { get; }

    /// <summary>Those of them that judge: without the ones that another one covers (<see cref="RuleDescriptor.CoveredBy"/>).</summary>
    public IReadOnlyList<BoundRule> InForce { get; }

    /// <summary>The rules that look at events of this kind.</summary>
    public ReadOnlySpan<BoundRule> For(EventKind kind) => At(_all, kind);

    /// <summary>Those of them that need no profile.</summary>
    public ReadOnlySpan<BoundRule> Signatures(EventKind kind) => At(_signatures, kind);

    /// <summary>Those that compare with the profile.</summary>
    public ReadOnlySpan<BoundRule> Deviations(EventKind kind) => At(_deviations, kind);

    /// <summary>As one container uses it: rules that remember are its own, and remember on if they were in force before.</summary>
    /// <param name="before">What this method returned for the container last.</param>
    public RuleSet ForContainer(RuleSet? before) => !_remembers
        ? this
        : new RuleSet(Rules.Select(bound => bound with
        {
            Rule = before?.Rules.FirstOrDefault(known => known.Shared == bound.Shared)?.Rule ?? bound.Shared.ForContainer(),
        }));

    private static BoundRule[][] Dispatch(IEnumerable<BoundRule> rules)
    {
        var byKind = new BoundRule[Kinds][];
        for (var kind = 0; kind < Kinds; kind++)
        {
            byKind[kind] = [.. rules.Where(bound => bound.Rule.Descriptor.Events.Contains((EventKind)kind))];
        }

        return byKind;
    }

    private static ReadOnlySpan<BoundRule> At(BoundRule[][] rules, EventKind kind) => (int)kind < rules.Length ? rules[(int)kind] : [];
}

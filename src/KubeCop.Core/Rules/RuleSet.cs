using KubeCop.Core.Events;

namespace KubeCop.Core.Rules;

/// <summary>A rule as it is bound to containers: with its parameters set, and the severity its alerts have.</summary>
public sealed record BoundRule(IRule Rule, Severity Severity);

/// <summary>The rules in force for a container, as a dispatch table by event kind: a rule that is not bound costs nothing.</summary>
public sealed class RuleSet
{
    private readonly BoundRule[][] _byKind;

    public RuleSet(IEnumerable<BoundRule> rules)
    {
        Rules = [.. rules];
        _byKind = new BoundRule[Enum.GetValues<EventKind>().Max(static kind => (int)kind) + 1][];
        for (var kind = 0; kind < _byKind.Length; kind++)
        {
            _byKind[kind] = [.. Rules.Where(bound => bound.Rule.Descriptor.Events.Contains((EventKind)kind))];
        }
    }

    public static RuleSet Empty { get; } = new([]);

    public IReadOnlyList<BoundRule> Rules { get; }

    /// <summary>The rules that look at events of this kind.</summary>
    public ReadOnlySpan<BoundRule> For(EventKind kind) => (int)kind < _byKind.Length ? _byKind[(int)kind] : [];
}

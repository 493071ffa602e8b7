using KubeCop.Core.Rules;

namespace KubeCop.Core.Bindings;

/// <summary>A <c>RuntimeRuleAlertBinding</c>: which rules the selected containers have.</summary>
public sealed class RuleBinding : IComparable<RuleBinding>
{
    public required string Name { get; init; }

    /// <summary>Empty for one of the cluster. It is part of the name, and selects nothing.</summary>
    public string Namespace { get; init; } = "";

    public LabelSelector NamespaceSelector { get; init; } = LabelSelector.Everything;

    public LabelSelector PodSelector { get; init; } = LabelSelector.Everything;

    /// <summary>Each rule once, in the order of the catalog.</summary>
    public required IReadOnlyList<RuleSetting> Rules { get; init; }

    /// <summary>The file it is from, and where it begins there.</summary>
    public string Source { get; init; } = "";

    public int Line { get; init; }

    /// <summary><c>namespace/name</c>, or the name of one of the cluster.</summary>
    public string FullName => Namespace.Length > 0 ? $"{Namespace}/{Name}" : Name;

    // Who names pods means it more than who names namespaces, and who names neither means everybody.
    private int Specificity => (PodSelector.IsChoosing ? 2 : 0) + (NamespaceSelector.IsChoosing ? 1 : 0);

    /// <summary>Whether it binds containers with these labels.</summary>
    public bool Matches(IReadOnlyDictionary<string, string> namespaceLabels, IReadOnlyDictionary<string, string> podLabels) =>
        NamespaceSelector.Matches(namespaceLabels) && PodSelector.Matches(podLabels);

    /// <summary>From general to specific: what a later one says of a rule holds against an earlier one (docs/bindings.md).</summary>
    public int CompareTo(RuleBinding? other) => other is null ? 1
        : Specificity != other.Specificity ? Specificity.CompareTo(other.Specificity)
        : string.CompareOrdinal(Name, other.Name) is var name and not 0 ? name
        : string.CompareOrdinal(Namespace, other.Namespace);
}

/// <summary>What a binding says of one rule.</summary>
/// <param name="Rule">Which.</param>
/// <param name="Severity">Of its alerts; null where it says nothing.</param>
/// <param name="Parameters">Those that are set, valid for the rule, as <see cref="RuleArguments.Read"/> takes them.</param>
public sealed record RuleSetting(RuleType Rule, Severity? Severity, IReadOnlyDictionary<string, object?> Parameters);

/// <summary>A set of bindings that is valid as a whole.</summary>
/// <param name="Bindings">In any order: it has no meaning.</param>
/// <param name="Source">Where it is kept.</param>
/// <param name="LoadedAt">When it came into force.</param>
public sealed record BindingSet(IReadOnlyList<RuleBinding> Bindings, string Source, DateTimeOffset LoadedAt);

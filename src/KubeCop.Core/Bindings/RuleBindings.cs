using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;

namespace KubeCop.Core.Bindings;

/// <summary>
/// The set of bindings in force, compiled: which rules a container has. Equal rules (class and parameters) are the same object in all
/// bindings and sets, so that what they remember outlives a change that does not concern them; so are equal sets of rules. From any thread.
/// </summary>
public sealed class RuleBindings(INamespaceLabels namespaces) : IRuleBindings
{
    private static readonly Dictionary<string, string> NoLabels = [];

    private readonly Lock _lock = new();
    private readonly InUse<(RuleType Type, RuleArguments Arguments), IRule> _rules = new();
    private readonly InUse<RuleList, RuleSet> _ruleSets = new();
    private volatile CompiledBindings? _compiled;

    /// <summary>Null until the first was applied; until then no container has rules.</summary>
    public BindingSet? InForce => _compiled?.Set;

    /// <summary>Sets applied so far, and changes of namespaces' labels.</summary>
    public long Version => (_compiled?.Version ?? 0) + namespaces.Version;

    /// <summary>What the bindings in force bind at all, to whomever.</summary>
    public RuleSet Rules => _compiled?.Rules ?? RuleSet.Empty;

    /// <summary>Puts a set in force instead of the one before.</summary>
    public void Apply(BindingSet set)
    {
        var ordered = set.Bindings.Order().ToArray();
        lock (_lock)
        {
            _compiled = new CompiledBindings(set, ordered, (_compiled?.Version ?? 0) + 1, Merge(ordered));
        }
    }

    /// <summary>
    /// A container that is of no pod has no labels; its namespace is its workload's, which without Kubernetes is the one of its runtime.
    /// </summary>
    public RuleSet RulesOf(ContainerDescription container)
    {
        if (_compiled is not { } compiled)
        {
            return RuleSet.Empty;
        }

        var matching = compiled.Match(namespaces.Of(container.Workload.Namespace), container.Pod?.Labels ?? NoLabels);
        lock (_lock)
        {
            return compiled.RulesOf(matching) ?? compiled.Add(matching, Merge(compiled.Bindings.Where((_, index) => matching.Contains(index))));
        }
    }

    /// <param name="bindings">From general to specific.</param>
    private RuleSet Merge(IEnumerable<RuleBinding> bindings)
    {
        var layered = new LayeredRules();
        foreach (var binding in bindings)
        {
            foreach (var setting in binding.Rules)
            {
                layered.Lay(setting.Rule, setting.Severity, setting.Parameters);
            }
        }

        return _ruleSets.GetOrAdd(new RuleList([.. layered.Settings.Select(Bind)]), static list => new RuleSet(list.Rules));
    }

    private BoundRule Bind(RuleSetting setting)
    {
        var arguments = RuleArguments.Read(setting.Rule.Descriptor, setting.Parameters);
        return new BoundRule(
            _rules.GetOrAdd((setting.Rule, arguments), static key => key.Type.Create(key.Arguments)),
            setting.Severity ?? setting.Rule.Descriptor.Severity);
    }

    /// <summary>Equal when the same rules are bound with the same severities.</summary>
    private sealed class RuleList(BoundRule[] rules) : IEquatable<RuleList>
    {
        public BoundRule[] Rules { get; } = rules;

        public bool Equals(RuleList? other) => other is not null && Rules.AsSpan().SequenceEqual(other.Rules);

        public override bool Equals(object? obj) => Equals(obj as RuleList);

        public override int GetHashCode()
        {
            var hash = new HashCode();
            foreach (var rule in Rules)
            {
                hash.Add(rule);
            }

            return hash.ToHashCode();
        }
    }
}

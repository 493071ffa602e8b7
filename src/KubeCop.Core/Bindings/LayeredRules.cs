using KubeCop.Core.Rules;

namespace KubeCop.Core.Bindings;

/// <summary>What is said of rules, one thing over the other: what says nothing of a severity or a parameter leaves it as it was.</summary>
internal sealed class LayeredRules
{
    private static readonly Dictionary<string, object?> NoParameters = [];

    private readonly Dictionary<RuleType, Layers> _rules = [];

    /// <summary>Each rule once, in the order of the catalog.</summary>
    public IEnumerable<RuleSetting> Settings => RuleCatalog.Types.Where(_rules.ContainsKey).Select(rule => _rules[rule].ToSetting(rule));

    public void Lay(RuleType rule, Severity? severity, IReadOnlyDictionary<string, object?> parameters)
    {
        if (!_rules.TryGetValue(rule, out var layers))
        {
            layers = new Layers();
            _rules.Add(rule, layers);
        }

        layers.Severity = severity ?? layers.Severity;
        foreach (var (name, value) in parameters)
        {
            (layers.Parameters ??= new(StringComparer.Ordinal))[name] = value;
        }
    }

    private sealed class Layers
    {
        public Severity? Severity { get; set; }

        public Dictionary<string, object?>? Parameters { get; set; }

        public RuleSetting ToSetting(RuleType rule) => new(rule, Severity, Parameters ?? NoParameters);
    }
}

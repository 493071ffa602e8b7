namespace KubeCop.Core.Bindings;

/// <summary>The operators of <c>matchExpressions</c>.</summary>
public enum LabelOperator
{
    /// <summary>The label is there and has one of the values.</summary>
    In,

    /// <summary>The label is absent or has none of the values.</summary>
    NotIn,

    Exists,

    DoesNotExist,
}

/// <summary>One condition. Plain strings: there are no patterns.</summary>
public sealed class LabelRequirement(string key, LabelOperator @operator, IReadOnlyList<string> values)
{
    private readonly HashSet<string> _values = new(values, StringComparer.Ordinal);

    public string Key { get; } = key;

    public LabelOperator Operator { get; } = @operator;

    /// <summary>For <see cref="LabelOperator.In"/> and <see cref="LabelOperator.NotIn"/>.</summary>
    public IReadOnlyList<string> Values { get; } = values;

    public bool Matches(IReadOnlyDictionary<string, string> labels) => Operator switch
    {
        LabelOperator.In => labels.TryGetValue(Key, out var value) && _values.Contains(value),
        LabelOperator.NotIn => !labels.TryGetValue(Key, out var value) || !_values.Contains(value),
        LabelOperator.Exists => labels.ContainsKey(Key),
        _ => !labels.ContainsKey(Key),
    };
}

/// <summary>A selector of Kubernetes: all conditions must hold; without any it selects everything.</summary>
/// <param name="matchLabels">Labels that are there with this value.</param>
public sealed class LabelSelector(IReadOnlyDictionary<string, string> matchLabels, IReadOnlyList<LabelRequirement> matchExpressions)
{
    public static LabelSelector Everything { get; } = new(new Dictionary<string, string>(), []);

    public IReadOnlyDictionary<string, string> MatchLabels { get; } = matchLabels;

    public IReadOnlyList<LabelRequirement> MatchExpressions { get; } = matchExpressions;

    /// <summary>Whether it names what it selects, rather than only what it leaves out.</summary>
    public bool IsChoosing { get; } =
        matchLabels.Count > 0 || matchExpressions.Any(static requirement => requirement.Operator is LabelOperator.In or LabelOperator.Exists);

    public bool Matches(IReadOnlyDictionary<string, string> labels)
    {
        foreach (var requirement in MatchExpressions)
        {
            if (!requirement.Matches(labels))
            {
                return false;
            }
        }

        foreach (var (key, value) in MatchLabels)
        {
            if (!labels.TryGetValue(key, out var given) || given != value)
            {
                return false;
            }
        }

        return true;
    }
}

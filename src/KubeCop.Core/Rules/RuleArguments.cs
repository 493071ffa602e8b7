namespace KubeCop.Core.Rules;

/// <summary>What a binding sets of a rule's parameters, checked; the rest has its default. Equal arguments make equal rules.</summary>
public sealed class RuleArguments : IEquatable<RuleArguments>
{
    private readonly Dictionary<string, object> _values;
    private readonly string _text;

    private RuleArguments(Dictionary<string, object> values, string text) => (_values, _text) = (values, text);

    /// <summary>None is set.</summary>
    public static RuleArguments Default { get; } = new([], "");

    /// <summary>Checks what a binding gives.</summary>
    /// <param name="rule">Whose parameters they are.</param>
    /// <param name="given">Values by name, as a YAML or JSON reader gives them.</param>
    /// <exception cref="RuleArgumentException">The rule has no such parameter, or the value is not of its type.</exception>
    public static RuleArguments Read(RuleDescriptor rule, IReadOnlyDictionary<string, object?> given)
    {
        var values = new Dictionary<string, object>(StringComparer.Ordinal);
        var texts = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in given)
        {
            var parameter = rule.Parameters.FirstOrDefault(parameter => parameter.Name == name)
                ?? throw new RuleArgumentException(name, rule.Parameters.Count == 0
                    ? $"{rule.Id} has no parameters"
                    : $"{rule.Id} has no parameter '{name}'; it has {string.Join(", ", rule.Parameters.Select(static parameter => parameter.Name))}");
            try
            {
                values[name] = parameter.Read(value);
                texts[name] = parameter.Write(values[name]);
            }
            catch (FormatException exception)
            {
                throw new RuleArgumentException(name, $"{rule.Id}, parameter {name}: {exception.Message}");
            }
        }

        return values.Count == 0 ? Default : new RuleArguments(values, string.Join('\n', texts.Select(static pair => $"{pair.Key}={pair.Value}")));
    }

    /// <summary>The value the binding sets, or the default.</summary>
    public T Get<T>(RuleParameter<T> parameter)
        where T : notnull =>
        _values.TryGetValue(parameter.Name, out var value) ? (T)value : parameter.DefaultValue;

    public bool Equals(RuleArguments? other) => other is not null && _text == other._text;

    public override bool Equals(object? obj) => Equals(obj as RuleArguments);

    public override int GetHashCode() => _text.GetHashCode(StringComparison.Ordinal);
}

/// <summary>A parameter that a rule does not have, or a value that is not of its type.</summary>
/// <param name="parameter">The name given.</param>
/// <param name="message">For people, without the place: whoever read the binding knows that.</param>
public sealed class RuleArgumentException(string parameter, string message) : Exception(message)
{
    public string Parameter { get; } = parameter;
}

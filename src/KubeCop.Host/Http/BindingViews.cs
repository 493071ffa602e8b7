using System.Collections;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeCop.Core.Bindings;
using KubeCop.Host.Bindings;

namespace KubeCop.Host.Http;

/// <summary>The set of bindings in force, and why the newest, or some of it, is not.</summary>
internal sealed record BindingsView
{
    /// <summary>A file, a directory, <c>kubernetes</c> or <c>default</c>.</summary>
    public required string Source { get; init; }

    /// <summary>When the set came into force.</summary>
    public required DateTimeOffset? LoadedAt { get; init; }

    /// <summary>Another number for each set that came into force.</summary>
    public required long Version { get; init; }

    /// <summary>Null when what the source holds is what is in force.</summary>
    public required RefusalView? LastError { get; init; }

    public required IReadOnlyList<BindingView> Items { get; init; }

    public static BindingsView Of(NodeBindings bindings)
    {
        var set = bindings.Rules.InForce;
        return new BindingsView
        {
            Source = bindings.Source,
            LoadedAt = set?.LoadedAt,
            Version = bindings.Rules.Version,
            LastError = bindings.Refusal is { } refusal ? new RefusalView(refusal.At, [.. refusal.Errors.Select(BindingErrorView.Of)]) : null,
            Items = [.. (set?.Bindings ?? []).Order().Select(BindingView.Of)],
        };
    }
}

internal sealed record RefusalView(DateTimeOffset At, IReadOnlyList<BindingErrorView> Errors);

internal sealed record BindingErrorView(string Source, int Line, string Binding, string Field, string Message)
{
    public static BindingErrorView Of(BindingError error) => new(error.Source, error.Line, error.Binding, error.Field, error.Message);
}

/// <param name="Line">Where it begins in its source.</param>
/// <param name="Rules">Each once, resolved.</param>
internal sealed record BindingView(
    string Name, string Namespace, string Source, int Line, SelectorView NamespaceSelector, SelectorView PodSelector, IReadOnlyList<BoundRuleView> Rules)
{
    public static BindingView Of(RuleBinding binding) => new(
        binding.Name,
        binding.Namespace,
        binding.Source,
        binding.Line,
        SelectorView.Of(binding.NamespaceSelector),
        SelectorView.Of(binding.PodSelector),
        [.. binding.Rules.Select(BoundRuleView.Of)]);
}

internal sealed record SelectorView(IReadOnlyDictionary<string, string> MatchLabels, IReadOnlyList<RequirementView> MatchExpressions)
{
    public static SelectorView Of(LabelSelector selector) => new(
        selector.MatchLabels,
        [.. selector.MatchExpressions.Select(static requirement => new RequirementView(requirement.Key, requirement.Operator.ToString(), requirement.Values))]);
}

internal sealed record RequirementView(string Key, string Operator, IReadOnlyList<string> Values);

/// <param name="Severity">Of its alerts: the binding's, else the rule's own.</param>
/// <param name="Parameters">Those the binding sets.</param>
internal sealed record BoundRuleView(string Id, string Name, string Severity, JsonObject Parameters)
{
    public static BoundRuleView Of(RuleSetting setting)
    {
        var rule = setting.Rule.Descriptor;
        return new BoundRuleView(
            rule.Id,
            rule.Name,
            Word.Of(setting.Severity ?? rule.Severity),
            [.. setting.Parameters.Select(static parameter => KeyValuePair.Create(parameter.Key, ValueOf(parameter.Value)))]);
    }

    private static JsonNode? ValueOf(object? value) => value switch
    {
        null => null,
        bool flag => JsonValue.Create(flag),
        long number => JsonValue.Create(number),
        double number => JsonValue.Create(number),
        string text => JsonValue.Create(text),
        IEnumerable list => new JsonArray([.. list.Cast<object?>().Select(ValueOf)]),
        _ => throw new JsonException($"A parameter cannot be a {value.GetType().Name}."),
    };
}

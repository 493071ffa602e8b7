using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Text.RegularExpressions;
using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Host.Http;

namespace KubeCop.Host.Metrics;

/// <summary>A label of a metric, and what it can be: always one of few values.</summary>
internal sealed class MetricLabel
{
    private readonly Func<string, bool> _allows;

    private MetricLabel(string name, string values, Func<string, bool> allows) => (Name, Values, _allows) = (name, values, allows);

    public string Name { get; }

    /// <summary>For people: what it can be.</summary>
    public string Values { get; }

    /// <summary>A kind of event; <c>none</c> where it is not known.</summary>
    public static MetricLabel Kind { get; } = Of<EventKind>("kind");

    /// <summary>A rule; <c>none</c> where none is concerned.</summary>
    public static MetricLabel Rule { get; } = new(
        "rule_id", "id of a [rule](rules.md), or none", RuleCatalog.Descriptors.Select(static rule => rule.Id).Append(RuleCounters.NoRule).ToFrozenSet(StringComparer.Ordinal).Contains);

    public static MetricLabel Severity { get; } = Of<Severity>("severity");

    public static MetricLabel Exporter { get; } = Like("exporter", "name of an [exporter](exporters.md)", "^[a-z][!-~]*$");

    public static MetricLabel OneOf(string name, params IEnumerable<string> values)
    {
        var all = values.ToArray();
        return new(name, string.Join(", ", all), all.ToFrozenSet(StringComparer.Ordinal).Contains);
    }

    /// <summary>The words of an enumeration, as the API has them.</summary>
    public static MetricLabel Of<T>(string name)
        where T : struct, Enum => OneOf(name, Enum.GetValues<T>().Select(Word.Of));

    /// <param name="meaning">What it can be, few as that is.</param>
    public static MetricLabel Like(string name, string meaning, [StringSyntax(StringSyntaxAttribute.Regex)] string pattern) =>
        new(name, meaning, new Regex(pattern, RegexOptions.CultureInvariant).IsMatch);

    public bool Allows(string value) => _allows(value);
}

using KubeCop.Core.Events;

namespace KubeCop.Core.Rules;

/// <summary>How bad it is. The words in alerts are these in lower case; the numbers are KubeCop's priorities.</summary>
public enum Severity
{
    None = 0,
    Low = 1,
    Medium = 5,
    High = 8,
    Critical = 10,
    System = 1000,
}

/// <summary>A technique of MITRE ATT&amp;CK.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.MitreTechnique")]
public sealed record MitreTechnique([property: Id(0)] string Id, [property: Id(1)] string Name, [property: Id(2)] string Tactic);

/// <summary>Which events a rule gets to see.</summary>
public enum Delivery
{
    /// <summary>Each behaviour of a container once, and again when it led to an alert or the profile has changed.</summary>
    Unique,

    /// <summary>Besides, every repeat of what <see cref="IRule.NeedsEvery"/> names.</summary>
    Every,
}

/// <summary>What a rule is, for the engine, for lists and for the documentation.</summary>
public sealed record RuleDescriptor
{
    /// <summary>Stable identifier, for example <c>R0001</c>.</summary>
    public required string Id { get; init; }

    public required string Name { get; init; }

    /// <summary>One sentence: what it detects.</summary>
    public required string Description { get; init; }

    public required Severity Severity { get; init; }

    public required IReadOnlyList<string> Tags { get; init; }

    public required MitreTechnique Mitre { get; init; }

    /// <summary>The events it looks at.</summary>
    public required IReadOnlyList<EventKind> Events { get; init; }

    /// <summary>It compares with the learned profile and is silent until there is one.</summary>
    public required bool NeedsProfile { get; init; }

    /// <summary>Which of them it gets to see. Default: each behaviour once.</summary>
    public Delivery Delivery { get; init; }

    /// <summary>Harmless behaviour that makes it fire, and what to do then.</summary>
    public required string FalsePositives { get; init; }

    public IReadOnlyList<RuleParameter> Parameters { get; init; } = [];

    /// <summary>
    /// The id of a rule that finds all that this one does. Where a container has both, this one is silent, so that one deed is one alert.
    /// </summary>
    public string? CoveredBy { get; init; }
}

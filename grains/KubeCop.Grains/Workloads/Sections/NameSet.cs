using System.Collections.Immutable;

namespace KubeCop.Grains.Workloads.Sections;

/// <summary>Names in order, without repeats, equal by content.</summary>
internal readonly record struct NameSet
{
    private readonly ImmutableArray<string> _names;

    public NameSet(IEnumerable<string> names, int most = int.MaxValue) =>
        _names = [.. names.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).Take(most)];

    public string[] ToArray() => _names.IsDefault ? [] : [.. _names];

    /// <param name="most">Of more the first in order stay, so that it does not matter in which order sets are united.</param>
    public NameSet Unite(NameSet other, int most) => other._names.IsDefaultOrEmpty ? this : new NameSet([.. ToArray(), .. other._names], most);

    public bool Equals(NameSet other) => ToArray().SequenceEqual(other.ToArray(), StringComparer.Ordinal);

    public override int GetHashCode() => ToArray().Length;
}

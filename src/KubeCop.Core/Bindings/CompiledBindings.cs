using KubeCop.Core.Rules;

namespace KubeCop.Core.Bindings;

/// <summary>One set of bindings, and the rules of the combinations of them that containers have asked for.</summary>
/// <param name="bindings">From general to specific.</param>
/// <param name="rules">Of all of them.</param>
internal sealed class CompiledBindings(BindingSet set, RuleBinding[] bindings, long version, RuleSet rules)
{
    /// <summary>Combinations that are remembered; there are seldom more than workloads. Past that they are worked out anew.</summary>
    internal const int MaxCombinations = 1024;

    private readonly Dictionary<Combination, RuleSet> _combinations = [];

    public BindingSet Set { get; } = set;

    public IReadOnlyList<RuleBinding> Bindings { get; } = bindings;

    public long Version { get; } = version;

    public RuleSet Rules { get; } = rules;

    /// <summary>The bindings for a container with these labels.</summary>
    public Combination Match(IReadOnlyDictionary<string, string> namespaceLabels, IReadOnlyDictionary<string, string> podLabels)
    {
        var matching = new Combination(bindings.Length);
        for (var index = 0; index < bindings.Length; index++)
        {
            if (bindings[index].Matches(namespaceLabels, podLabels))
            {
                matching.Add(index);
            }
        }

        return matching;
    }

    /// <returns>Null when nobody has asked for it yet.</returns>
    public RuleSet? RulesOf(Combination matching) => _combinations.GetValueOrDefault(matching);

    public RuleSet Add(Combination matching, RuleSet rules)
    {
        if (_combinations.Count == MaxCombinations)
        {
            _combinations.Clear();
        }

        _combinations.Add(matching, rules);
        return rules;
    }
}

/// <summary>A set of indices.</summary>
internal sealed class Combination(int size) : IEquatable<Combination>
{
    private readonly ulong[] _bits = new ulong[(size + 63) / 64];

    public void Add(int index) => _bits[index / 64] |= 1ul << (index % 64);

    public bool Contains(int index) => (_bits[index / 64] & (1ul << (index % 64))) != 0;

    public bool Equals(Combination? other) => other is not null && _bits.AsSpan().SequenceEqual(other._bits);

    public override bool Equals(object? obj) => Equals(obj as Combination);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(System.Runtime.InteropServices.MemoryMarshal.AsBytes<ulong>(_bits));
        return hash.ToHashCode();
    }
}

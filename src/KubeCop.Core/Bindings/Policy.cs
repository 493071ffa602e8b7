using System.Globalization;
using System.IO.Hashing;
using System.Text;

namespace KubeCop.Core.Bindings;

/// <summary>What an API server holds of bindings, and of the namespaces they select, at one time.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.Policy")]
public sealed record Policy
{
    [Id(0)] public required PolicyVersion Version { get; init; }

    /// <summary>By namespace and name; all together within <see cref="BindingLimits.Bytes"/>.</summary>
    [Id(1)] public required IReadOnlyList<PolicyBinding> Bindings { get; init; }

    /// <summary>
    /// Those that have labels besides their name, all together within <see cref="BindingLimits.NamespaceBytes"/>. Null where namespaces may not
    /// be listed, so that only their names are known.
    /// </summary>
    [Id(2)] public required IReadOnlyList<PolicyNamespace>? Namespaces { get; init; }

    /// <summary>Bindings for which there was no room, which are the largest.</summary>
    [Id(3)] public int LeftOut { get; init; }

    /// <summary>As much of this as there is room for, with a hash and no sequence yet. Its order means nothing.</summary>
    public static Policy Of(IEnumerable<PolicyBinding> bindings, IEnumerable<PolicyNamespace>? namespaces)
    {
        var all = bindings.OrderBy(static binding => binding.Namespace, StringComparer.Ordinal).ThenBy(static binding => binding.Name, StringComparer.Ordinal).ToArray();
        var kept = Within(all, BindingLimits.Bytes, static binding => Encoding.UTF8.GetByteCount(binding.Json));
        var labelled = namespaces?.Where(static ns => ns.Labels.Count > 0).OrderBy(static ns => ns.Name, StringComparer.Ordinal).ToArray();
        var known = labelled is null ? null : Within(labelled, BindingLimits.NamespaceBytes, static ns => ns.Name.Length + ns.Labels.Sum(static label => label.Key.Length + label.Value.Length));
        return new Policy
        {
            Version = new PolicyVersion(0, HashOf(kept, known, all.Length - kept.Length)),
            Bindings = kept,
            Namespaces = known,
            LeftOut = all.Length - kept.Length,
        };
    }

    // The smallest come first: who makes one that is huge is not to push out those of others. Among equals the order decides.
    // An array: what a collection expression makes is of a type that some storage serializers write and cannot read.
    private static T[] Within<T>(IReadOnlyList<T> values, int bytes, Func<T, int> sizeOf)
    {
        var kept = values
            .Select((value, index) => (Index: index, Size: sizeOf(value)))
            .OrderBy(static sized => sized.Size)
            .TakeWhile(sized => (bytes -= sized.Size) >= 0)
            .Select(static sized => sized.Index)
            .ToHashSet();
        return values.Where((_, index) => kept.Contains(index)).ToArray();
    }

    private static string HashOf(PolicyBinding[] bindings, PolicyNamespace[]? namespaces, int leftOut)
    {
        var hash = new XxHash128();
        Append(leftOut.ToString(CultureInfo.InvariantCulture));
        foreach (var binding in bindings)
        {
            Append(binding.Namespace);
            Append(binding.Name);
            Append(binding.Json);
        }

        Append(namespaces is null ? "unknown" : "");
        foreach (var ns in namespaces ?? [])
        {
            Append(ns.Name);
            foreach (var (key, value) in ns.Labels.OrderBy(static label => label.Key, StringComparer.Ordinal))
            {
                Append(key);
                Append(value);
            }

            Append("");
        }

        return hash.GetCurrentHashAsUInt128().ToString("x32", CultureInfo.InvariantCulture);

        // With its end, so that no two policies are the same bytes.
        void Append(string text) => hash.Append(Encoding.UTF8.GetBytes(text + '\0'));
    }
}

/// <summary>Tells policies apart, and which of two is the newer one.</summary>
/// <param name="Sequence">Grows with each change in the cluster; 0 for what was just read.</param>
/// <param name="Hash">Of everything else in the policy.</param>
[GenerateSerializer, Immutable, Alias("kubecop.PolicyVersion")]
public sealed record PolicyVersion([property: Id(0)] long Sequence, [property: Id(1)] string Hash)
{
    /// <summary>
    /// Whether news of this version are news to who has the other. One sequence can stand for two contents where the first was lost before it
    /// was stored.
    /// </summary>
    public bool IsNewsAfter(PolicyVersion? other) => other is null || Sequence > other.Sequence || (Sequence == other.Sequence && Hash != other.Hash);
}

/// <summary>A <c>RuntimeRuleAlertBinding</c> as it is, valid or not.</summary>
/// <param name="Namespace">Empty for one of the cluster.</param>
/// <param name="Json">The object with its name and spec alone: whatever else changes of it is no change.</param>
[GenerateSerializer, Immutable, Alias("kubecop.PolicyBinding")]
public sealed record PolicyBinding([property: Id(0)] string Namespace, [property: Id(1)] string Name, [property: Id(2)] string Json)
{
    /// <inheritdoc cref="RuleBinding.FullName"/>
    public string FullName => Namespace.Length > 0 ? $"{Namespace}/{Name}" : Name;
}

/// <summary>A namespace.</summary>
/// <param name="Labels">Without the one that is its name.</param>
[GenerateSerializer, Immutable, Alias("kubecop.PolicyNamespace")]
public sealed record PolicyNamespace([property: Id(0)] string Name, [property: Id(1)] IReadOnlyDictionary<string, string> Labels);

/// <summary>What is known of the policy now.</summary>
/// <param name="Policy">Null when there is none yet, or none that is news.</param>
/// <param name="Failure">Why changes are not seen for now, for people; null while they are.</param>
[GenerateSerializer, Immutable, Alias("kubecop.PolicyReport")]
public sealed record PolicyReport([property: Id(0)] Policy? Policy, [property: Id(1)] string? Failure);

using KubeCop.Core.Bindings;

namespace KubeCop.Grains.Policies;

/// <summary>What grain storage holds of the policy: the last one, for who starts while the API server is away. Additive changes only.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.PolicyState")]
internal sealed record PolicyState
{
    /// <summary>Null before the first.</summary>
    [Id(0)] public Policy? Policy { get; init; }
}

namespace KubeCop.Grains.Collection;

/// <summary>What grain storage holds of the collector.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.CollectorState")]
internal sealed record CollectorState
{
    /// <summary>When it last began to go through all workloads.</summary>
    [Id(0)] public DateTimeOffset RanAt { get; init; }
}

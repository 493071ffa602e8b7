namespace KubeCop.Grains.Mirroring;

/// <summary>How far changes of profiles were told.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.ProfileWatchState")]
internal sealed record ProfileWatchState
{
    /// <summary>See <see cref="Core.Profiles.ProfileChange.Position"/>.</summary>
    [Id(0)] public string Position { get; init; } = "";
}

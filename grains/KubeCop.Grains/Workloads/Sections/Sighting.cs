namespace KubeCop.Grains.Workloads.Sections;

/// <summary>When a behaviour was first seen, and by whom.</summary>
/// <param name="First">The earliest.</param>
/// <param name="Replicas">See <see cref="Core.Profiles.ReplicaSketch"/>.</param>
internal readonly record struct Sighting(DateTimeOffset First, ulong Replicas)
{
    public Sighting Unite(Sighting other) => new(First < other.First ? First : other.First, Replicas | other.Replicas);
}

using KubeCop.Sensor;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>The real kernel side, loaded once for the tests that watch cgroups of their own: that takes longer than they do.</summary>
[CollectionDefinition(nameof(KernelSide))]
public sealed class KernelSide : ICollectionFixture<KernelSide>, IDisposable
{
    internal KernelPrograms Programs { get; } =
        KernelPrograms.Load(new SensorOptions { CriticalRingBytes = 1024 * 1024, BulkRingBytes = 1024 * 1024 }, CgroupTree.Open("/").MountPoint);

    public void Dispose() => Programs.Dispose();
}

using System.Diagnostics.CodeAnalysis;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Routing;

namespace KubeCop.Sensor.Recording;

/// <summary>Copies the records that go to the router.</summary>
internal sealed class RecordedRing(IRecordConsumer router, RecordingWriter recording) : IRecordConsumer
{
    public void Consume(ReadOnlySpan<byte> record)
    {
        recording.Record(record);
        router.Consume(record);
    }
}

/// <summary>Copies the answers that go to the router, at the place among the records at which it takes them.</summary>
internal sealed class RecordedDiscovery(IContainerDiscovery discovery, RecordingWriter recording) : IContainerDiscovery
{
    public bool HasResults => discovery.HasResults;

    public void Ask(DiscoveryRequest request) => discovery.Ask(request);

    public bool TryTake([NotNullWhen(true)] out DiscoveryResult? result)
    {
        var taken = discovery.TryTake(out result);
        if (taken)
        {
            recording.Discovered(result!);
        }

        return taken;
    }

    public void Forget(ContainerDescription container) => discovery.Forget(container);
}

/// <summary>Copies what the kernel side says it lost.</summary>
internal sealed class RecordedKernel(IKernelCgroups kernel, RecordingWriter recording) : IKernelCgroups
{
    public void Watch(ulong cgroupId, ulong containerCgroupId) => kernel.Watch(cgroupId, containerCgroupId);

    public long TakeLost(ulong cgroupId)
    {
        var lost = kernel.TakeLost(cgroupId);
        if (lost > 0)
        {
            recording.Lost(cgroupId, lost);
        }

        return lost;
    }

    public void ForgetAll(ulong cgroupId) => kernel.ForgetAll(cgroupId);

    public void Removed(ulong cgroupId) => kernel.Removed(cgroupId);

    public void Sweep() => kernel.Sweep();

    public bool Knows(ulong cgroupId) => kernel.Knows(cgroupId);

    public void Rest(ulong cgroupId) => kernel.Rest(cgroupId);

    public void Ignore(ulong cgroupId) => kernel.Ignore(cgroupId);
}

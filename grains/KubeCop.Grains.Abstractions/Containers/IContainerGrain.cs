using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using Orleans.Concurrency;

namespace KubeCop.Grains.Abstractions.Containers;

/// <summary>
/// One running container, key <c>node/containerId</c>, on its node's silo. As a grain it is the container's address in the cluster; the node's own process
/// watches the container and is called without a silo in between.
/// </summary>
[Alias("kubecop.IContainerGrain")]
public interface IContainerGrain : IGrainWithStringKey
{
    /// <summary>The container is known now; events may have been ingested before. Calling it again updates the description.</summary>
    [Alias("Start")]
    Task StartAsync(ContainerDescription container);

    /// <summary>Learns from and judges events, in the order of the kernel. Returns when the batch is not needed any more.</summary>
    [Alias("Ingest")]
    Task IngestAsync(EventBatch batch);

    /// <summary>The container has ended and all its events were ingested: flushes what it learned, and deactivates.</summary>
    [Alias("Stop")]
    Task StopAsync();

    /// <summary>Hands everything learned to the workload grain; returns when it is stored.</summary>
    [Alias("Flush")]
    Task FlushAsync();

    /// <summary>The rules in force may have changed: takes them now, and not with the next tick. Nobody waits for that.</summary>
    [Alias("Rebind"), OneWay]
    Task RebindAsync();

    /// <returns>Null for a container that was never started.</returns>
    [Alias("GetStatus")]
    Task<ContainerStatus?> GetStatusAsync();
}

using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Placement;
using Orleans.Concurrency;
using Orleans.GrainDirectory;
using Orleans.Placement;

namespace KubeCop.Grains.Containers;

/// <summary>
/// A container's address in the cluster: hands every call to the <see cref="WatchedContainer"/> of this process. It has nothing of its own, so it
/// may end with its silo and begin in the next one, while the container is watched all the time.
/// </summary>
[NodePlacement, GrainDirectory(NodeGrainDirectory.Name), Immovable, Reentrant]
internal sealed class ContainerGrain(WatchedContainers containers) : Grain, IContainerGrain
{
    private string Id => this.GetPrimaryKeyString() is var key && key.IndexOf('/') is var slash and >= 0 ? key[(slash + 1)..] : key;

    public Task StartAsync(ContainerDescription container) => containers.Get(Id).StartAsync(container);

    public Task IngestAsync(EventBatch batch) => containers.Get(Id).IngestAsync(batch);

    public async Task StopAsync()
    {
        await (containers.Find(Id)?.StopAsync() ?? Task.CompletedTask);
        DeactivateOnIdle();
    }

    public Task FlushAsync() => containers.Find(Id)?.FlushAsync() ?? Task.CompletedTask;

    public Task RebindAsync() => containers.Find(Id)?.RebindAsync() ?? Task.CompletedTask;

    public Task<ContainerStatus?> GetStatusAsync()
    {
        if (containers.Find(Id) is { } container)
        {
            return container.GetStatusAsync();
        }

        // Whoever asks all containers asks one that has just ended: that must not bring back its grain for as long as idle ones stay.
        DeactivateOnIdle();
        return Task.FromResult<ContainerStatus?>(null);
    }
}

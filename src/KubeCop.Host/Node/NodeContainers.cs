using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Containers;
using KubeCop.Sensor;

namespace KubeCop.Host.Node;

/// <summary>The containers of this node, as those that watch them tell.</summary>
internal sealed class NodeContainers(ISensor sensor, WatchedContainers containers)
{
    /// <summary>Containers that end meanwhile are left out.</summary>
    public async Task<IReadOnlyList<ContainerStatus>> ListAsync()
    {
        var statuses = await Task.WhenAll(sensor.ContainerIds.Select(containers.GetStatusAsync));
        return [.. statuses.OfType<ContainerStatus>()];
    }

    /// <summary>Has them take the rules now in force.</summary>
    public Task RebindAsync() => containers.RebindAsync();
}

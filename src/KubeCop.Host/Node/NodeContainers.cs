using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Sensor;
using Microsoft.Extensions.Options;

namespace KubeCop.Host.Node;

/// <summary>The containers of this node, as their grains tell.</summary>
internal sealed class NodeContainers(ISensor sensor, IGrainFactory grains, IOptions<NodeOptions> node)
{
    /// <summary>Containers that end meanwhile are left out.</summary>
    public async Task<IReadOnlyList<ContainerStatus>> ListAsync()
    {
        var statuses = await Task.WhenAll(sensor.ContainerIds.Select(id => Grain(id).GetStatusAsync()));
        return [.. statuses.OfType<ContainerStatus>()];
    }

    /// <summary>Has them take the rules now in force. One that cannot be reached takes them with its next tick.</summary>
    public Task RebindAsync() => Task.WhenAll(sensor.ContainerIds.Select(async id =>
        await Grain(id).RebindAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing)));

    private IContainerGrain Grain(string id) => grains.GetGrain<IContainerGrain>($"{node.Value.Name}/{id}");
}

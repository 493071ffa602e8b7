using System.Collections.Concurrent;
using Orleans.GrainDirectory;

namespace KubeCop.Grains.Placement;

/// <summary>
/// The grain directory of grains that belong to a node: in the memory of that node's silo, because <see cref="NodePlacement"/> alone says
/// where they are. So a node that is cut off reaches its own grains, and none of them ends because another silo did that happened to keep
/// its directory entry.
/// </summary>
internal sealed class NodeGrainDirectory : IGrainDirectory
{
    public const string Name = "node";

    private readonly ConcurrentDictionary<GrainId, GrainAddress> _activations = new();

    public Task<GrainAddress?> Register(GrainAddress address) => Task.FromResult<GrainAddress?>(_activations.GetOrAdd(address.GrainId, address));

    public Task<GrainAddress?> Register(GrainAddress address, GrainAddress? previousAddress)
    {
        while (true)
        {
            var known = _activations.GetOrAdd(address.GrainId, address);
            if (known.Matches(address) || previousAddress is null || !known.Matches(previousAddress) || _activations.TryUpdate(address.GrainId, address, known))
            {
                return Task.FromResult<GrainAddress?>(_activations.GetValueOrDefault(address.GrainId, address));
            }
        }
    }

    public Task Unregister(GrainAddress address)
    {
        if (_activations.TryGetValue(address.GrainId, out var known) && known.Matches(address))
        {
            _activations.TryRemove(KeyValuePair.Create(address.GrainId, known));
        }

        return Task.CompletedTask;
    }

    public Task<GrainAddress?> Lookup(GrainId grainId) => Task.FromResult(_activations.GetValueOrDefault(grainId));

    public Task UnregisterSilos(List<SiloAddress> siloAddresses) => Task.CompletedTask;
}

using Orleans.Placement;
using Orleans.Runtime.Placement;

namespace KubeCop.Grains.Placement;

/// <summary>
/// Places a grain with key <c>node</c> or <c>node/rest</c> on the silo of that node: the one whose <c>SiloOptions.SiloName</c> is the node's
/// name. The name rides in the membership row, so it is known as soon as the silo is.
/// </summary>
[GenerateSerializer, Immutable, Alias("kubecop.NodePlacement")]
internal sealed class NodePlacement : PlacementStrategy;

/// <summary>Puts a grain class under <see cref="NodePlacement"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
internal sealed class NodePlacementAttribute() : PlacementAttribute(new NodePlacement());

/// <summary>Runs on the calling silo, so every silo of the cluster registers it.</summary>
internal sealed class NodePlacementDirector(ISiloStatusOracle silos) : IPlacementDirector
{
    /// <exception cref="OrleansException">No active silo has the node's name. Orleans tries a few times before the caller gets it.</exception>
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var node = NodeOf(target.GrainIdentity.Key.ToString() ?? "");
        SiloAddress? newest = null;
        foreach (var silo in context.GetCompatibleSilos(target))
        {
            // A node that restarted is there twice until its old silo is declared dead.
            if (silos.TryGetSiloName(silo, out var name)
                && string.Equals(name, node, StringComparison.Ordinal)
                && (newest is null || silo.Generation > newest.Generation))
            {
                newest = silo;
            }
        }

        return newest is not null
            ? Task.FromResult(newest)
            : throw new OrleansException(
                $"Grain {target.GrainIdentity} belongs to node '{node}', and no active silo has that name. It is reachable again when KubeCop runs on that node.");
    }

    internal static string NodeOf(string key) => key.IndexOf('/') is var slash and >= 0 ? key[..slash] : key;
}

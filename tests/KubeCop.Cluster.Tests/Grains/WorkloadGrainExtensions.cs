using KubeCop.Core.Profiles;
using KubeCop.Grains.Abstractions.Workloads;

namespace KubeCop.Cluster.Tests.Grains;

internal static class WorkloadGrainExtensions
{
    /// <summary>Offers a delta and, if it is wanted, waits until it is durable; as often as the grain is activated anew meanwhile.</summary>
    public static async Task<DeltaOutcome> MergeAsync(this IWorkloadGrain workload, ProfileDelta delta)
    {
        while (true)
        {
            var receipt = await workload.OfferAsync(delta);
            if (receipt.Outcome == DeltaOutcome.Discarded || await workload.StoreAsync(receipt.Activation, hurry: true) >= receipt.Change)
            {
                return receipt.Outcome;
            }
        }
    }
}

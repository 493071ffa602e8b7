using Orleans.Concurrency;

namespace KubeCop.Grains.Abstractions.Collection;

/// <summary>Has each workload of the cluster look, once a day, whether anybody needs it. Key <see cref="Key"/>.</summary>
[Alias("kubecop.ICollectorGrain")]
public interface ICollectorGrain : IGrainWithStringKey
{
    /// <summary>There is one.</summary>
    const string Key = "workloads";

    /// <summary>Goes through all workloads, if it has not done so for a day. Each silo calls this from time to time.</summary>
    [OneWay, Alias("Run")]
    Task RunAsync();
}

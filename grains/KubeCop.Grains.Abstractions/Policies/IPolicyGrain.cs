using KubeCop.Core.Bindings;
using Orleans.Concurrency;

namespace KubeCop.Grains.Abstractions.Policies;

/// <summary>
/// Follows the API server's bindings and namespaces for the whole cluster, which has one, of key <see cref="Key"/>. It stays where it is; when its
/// silo goes, the next call brings it to another one.
/// </summary>
[Alias("kubecop.IPolicyGrain")]
public interface IPolicyGrain : IGrainWithStringKey
{
    /// <summary>The only key.</summary>
    const string Key = "policy";

    /// <summary>
    /// Tells <paramref name="observer"/> about changes until the lease ends (<see cref="PolicySubscription.Lease"/>); calling again renews it.
    /// </summary>
    /// <param name="known">The version that the caller has; null for none.</param>
    /// <returns>What is known now, with the policy if it is another than the caller's.</returns>
    [Alias("Subscribe")]
    Task<PolicyAnswer> SubscribeAsync(IPolicyObserver observer, PolicyVersion? known);
}

/// <summary>A silo, as the policy grain sees it.</summary>
[Alias("kubecop.IPolicyObserver")]
public interface IPolicyObserver : IGrainObserver
{
    /// <summary>Something is new. Best effort: silos also ask from time to time.</summary>
    [OneWay, Alias("PolicyChanged")]
    Task PolicyChangedAsync(PolicyReport report);
}

public static class PolicySubscription
{
    /// <summary>How long a subscription holds without renewal.</summary>
    public static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);
}

/// <param name="Silo">Where the grain is.</param>
[GenerateSerializer, Immutable, Alias("kubecop.PolicyAnswer")]
public sealed record PolicyAnswer([property: Id(0)] PolicyReport Report, [property: Id(1)] SiloAddress Silo);

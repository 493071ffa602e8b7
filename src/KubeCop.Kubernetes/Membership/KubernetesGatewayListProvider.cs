using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Messaging;

namespace KubeCop.Kubernetes.Membership;

/// <summary>Where programs that are no silos connect: the active silos that have a gateway.</summary>
internal sealed class KubernetesGatewayListProvider(KubernetesMembershipTable table, IOptions<GatewayOptions> options) : IGatewayListProvider
{
    public TimeSpan MaxStaleness => options.Value.GatewayListRefreshPeriod;

    public bool IsUpdatable => true;

    public Task InitializeGatewayListProvider() => InitializeGatewayListProviderAsync(CancellationToken.None);

    public Task<IList<Uri>> GetGateways() => GetGatewaysAsync(CancellationToken.None);

    /// <summary>A client makes no table: it has no right to, and none without silos is of use to it.</summary>
    public Task InitializeGatewayListProviderAsync(CancellationToken cancellationToken) => table.InitializeMembershipTableAsync(tryInitTableVersion: false, cancellationToken);

    public async Task<IList<Uri>> GetGatewaysAsync(CancellationToken cancellationToken) =>
    [
        .. (await table.ReadAllAsync(cancellationToken)).Members
            .Select(static member => member.Item1)
            .Where(static entry => entry.Status == SiloStatus.Active && entry.ProxyPort != 0)
            .Select(static entry => SiloAddress.New(entry.SiloAddress.Endpoint.Address, entry.ProxyPort, entry.SiloAddress.Generation).ToGatewayUri()),
    ];
}

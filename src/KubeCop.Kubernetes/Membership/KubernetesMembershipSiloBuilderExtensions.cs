using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Messaging;

namespace KubeCop.Kubernetes.Membership;

internal static class KubernetesMembershipSiloBuilderExtensions
{
    /// <summary>
    /// Silos find each other through a table on the API server. The services need an <c>IKubernetes</c>. To be called after
    /// <see cref="ClusterMembershipOptions.TableRefreshTimeout"/> was set: how often silos say that they are alive follows from it.
    /// </summary>
    public static ISiloBuilder UseKubernetesMembership(this ISiloBuilder builder, Action<KubernetesMembershipOptions>? configure = null)
    {
        Add(builder.Services, configure);
        builder.Services.AddSingleton<IMembershipTable>(static services => services.GetRequiredService<KubernetesMembershipTable>());
        return builder;
    }

    /// <summary>A client finds the silos through their table. The services need an <c>IKubernetes</c>.</summary>
    public static IClientBuilder UseKubernetesMembership(this IClientBuilder builder, Action<KubernetesMembershipOptions>? configure = null)
    {
        Add(builder.Services, configure);
        builder.Services.AddSingleton<IGatewayListProvider, KubernetesGatewayListProvider>();
        return builder;
    }

    private static void Add(IServiceCollection services, Action<KubernetesMembershipOptions>? configure)
    {
        services.Configure<ClusterMembershipOptions>(KubernetesMembershipOptions.UseDefaults);
        services.Configure(configure ?? (static _ => { }));
        services.AddSingleton<KubernetesMembershipTable>();
    }
}

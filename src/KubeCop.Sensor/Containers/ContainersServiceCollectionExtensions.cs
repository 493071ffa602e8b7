using KubeCop.Core.Workloads;
using KubeCop.Sensor.Containers.Runtimes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;

namespace KubeCop.Sensor.Containers;

internal static class ContainersServiceCollectionExtensions
{
    /// <summary>
    /// Finding and remembering containers. Resolving <see cref="CgroupTree"/> throws <see cref="SensorException"/> where no v2 hierarchy is to
    /// be seen. Inventory and sockets are hosted services: what uses them has to be registered after this.
    /// </summary>
    public static IServiceCollection AddContainers(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddOptions<ContainersOptions>();
        services.AddSingleton(provider => CgroupTree.Open(HostRoot(provider)));
        services.AddSingleton(provider => new RuntimeState(
            HostRoot(provider), provider.GetRequiredService<CgroupTree>().HostMountPoint, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<ContainerMetadata>(provider, HostRoot(provider)));
        services.AddSingleton<ContainerInventory>();
        services.AddHostedService(provider => provider.GetRequiredService<ContainerInventory>());
        services.AddSingleton<RuntimeSockets>();
        services.AddHostedService(provider => provider.GetRequiredService<RuntimeSockets>());
        services.AddSingleton<ContainerResolver>();
        return services;
    }

    private static string HostRoot(IServiceProvider provider) => provider.GetRequiredService<IOptions<NodeOptions>>().Value.HostRoot;
}

using k8s;
using KubeCop.Core.Alerts;
using KubeCop.Core.Bindings;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Events;
using KubeCop.Kubernetes.Pods;
using KubeCop.Kubernetes.Policies;
using KubeCop.Kubernetes.Profiles;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KubeCop.Kubernetes;

public static class KubernetesServiceCollectionExtensions
{
    /// <summary>Whether this node is in a cluster, as far as its settings and its pod tell.</summary>
    public static bool IsEnabled(KubernetesOptions options) =>
        options.Enabled ?? (options.Kubeconfig.Length > 0 || KubernetesClientConfiguration.IsInCluster());

    /// <summary>
    /// Adds the API server's client, <see cref="IPodWorkloads"/> and <see cref="IPolicySource"/> by it, and the services that follow its objects; an
    /// <see cref="IAlertExporter"/> too, where alerts are to be Events.
    /// </summary>
    /// <exception cref="ArgumentException">The kubeconfig or the pod's service account cannot be used; the message says why.</exception>
    public static IServiceCollection AddKubernetes(this IServiceCollection services, KubernetesOptions options)
    {
        var configuration = Configuration(options);
        services.AddSingleton<IKubernetes>(_ => new k8s.Kubernetes(configuration));
        services.AddSingleton(provider => new ApiClient(
            (k8s.Kubernetes)provider.GetRequiredService<IKubernetes>(), options.Timeout, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<OwnerResolver>();
        services.AddSingleton<PodDirectory>();
        services.AddSingleton<IPodWorkloads>(static provider => provider.GetRequiredService<PodDirectory>());
        services.AddSingleton(static provider => new PodCache(
            provider.GetRequiredService<IOptions<NodeOptions>>().Value.DataDirectory, provider.GetRequiredService<ILogger<PodCache>>()));
        services.AddSingleton(Options.Create(options));
        services.AddSingleton<ProfileMirror>();
        services.AddSingleton<IProfileMirror>(static provider => provider.GetRequiredService<ProfileMirror>());
        services.AddSingleton<ProfileObjects>();
        services.AddSingleton<IProfileChanges, ProfileChanges>();
        services.AddSingleton<PodWatch>();
        services.AddHostedService(static provider => provider.GetRequiredService<PodWatch>());
        services.AddSingleton<IPolicySource>(provider => new PolicySource(
            provider.GetRequiredService<ApiClient>(), options, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<PolicySource>>()));
        if (options.Events)
        {
            services.AddSingleton<IAlertExporter, EventExporter>();
        }

        return services;
    }

    private static KubernetesClientConfiguration Configuration(KubernetesOptions options)
    {
        try
        {
            if (options.Kubeconfig.Length > 0)
            {
                return KubernetesClientConfiguration.BuildConfigFromConfigFile(options.Kubeconfig);
            }

            var configuration = KubernetesClientConfiguration.InClusterConfig();
            configuration.TokenProvider = new TokenFile(TokenFile.OfPod);
            return configuration;
        }
        catch (Exception exception)
        {
            // Whatever a missing or damaged file makes its readers throw.
            var source = options.Kubeconfig.Length > 0 ? $"The kubeconfig file {options.Kubeconfig}" : "The service account of this pod";
            throw new ArgumentException($"{source} cannot be used: {exception.Message}", exception);
        }
    }
}

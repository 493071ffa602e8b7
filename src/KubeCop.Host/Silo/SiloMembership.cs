using System.Net;
using System.Runtime.CompilerServices;
using KubeCop.Host.Configuration;
using KubeCop.Host.Tls;
using KubeCop.Kubernetes.Membership;
using Orleans.Configuration;
using ClusterOptions = KubeCop.Host.Configuration.ClusterOptions;

namespace KubeCop.Host.Silo;

/// <summary>Makes a silo a member of its cluster, or one that runs alone.</summary>
internal static class SiloMembership
{
    /// <summary>Part of the names of what some stores hold, so it stays.</summary>
    public const string ServiceId = "kubecop";

    /// <summary>Orleans' shortest wait for an answer to a probe, when answers have been quick. Default of Orleans.</summary>
    private static readonly TimeSpan ShortestProbe = TimeSpan.FromSeconds(2.5);

    /// <param name="process">Where the certificates are, and the client of the API server for <see cref="Membership.Kubernetes"/>.</param>
    public static void AddTo(ISiloBuilder silo, ClusterOptions cluster, IServiceProvider process)
    {
        if (cluster.Membership == Membership.None)
        {
            // Nobody listens at the port: it is a part of the silo's name.
            silo.UseLocalhostClustering(cluster.SiloPort, gatewayPort: 0, primarySiloEndpoint: null, ServiceId, clusterId: ServiceId);
            NoNetwork.AddTo(silo.Services);
            return;
        }

        silo.Configure<Orleans.Configuration.ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (cluster.ClusterId, ServiceId));
        silo.ConfigureEndpoints(IPAddress.Parse(cluster.AdvertisedAddress), cluster.SiloPort, cluster.GatewayPort, listenOnAnyHostAddress: false);
        silo.Configure<ClusterMembershipOptions>(options =>
        {
            options.ProbeTimeout = cluster.ProbeTimeout;
            options.MinProbeTimeout = cluster.ProbeTimeout < ShortestProbe ? cluster.ProbeTimeout : ShortestProbe;
            options.MaxProbeTimeout = 4 * cluster.ProbeTimeout;
            options.TableRefreshTimeout = cluster.RefreshPeriod;
            options.MaxJoinAttemptTime = cluster.JoinTimeout;

            // By default a member declares dead who takes longer than that from its start on: in a rollout, those who are slow because all start at once.
            options.EvictWhenMaxJoinAttemptTimeExceeded = false;
        });
        process.GetRequiredService<SiloTls>().AddTo(silo);
        if (cluster.Membership == Membership.Kubernetes)
        {
            UseKubernetes(silo, cluster.KubernetesNamespace, process);
        }
        else
        {
            UseRedis(silo, cluster.ConnectionString);
        }
    }

    /// <summary>Reads the membership table as a silo would, so that no silo is started in vain.</summary>
    /// <returns>Why it cannot be read; null when it can.</returns>
    public static async Task<string?> FindRefusalAsync(ClusterOptions cluster, IServiceProvider process)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleans(silo => AddTo(silo, cluster, process));
        var host = builder.Build();
        using var timeout = new CancellationTokenSource(cluster.JoinTimeout);
        try
        {
            await ReadAsync(host.Services.GetRequiredService<IMembershipTable>(), timeout.Token).WaitAsync(timeout.Token);
            return null;
        }
        catch (Exception exception)
        {
            return $"The membership table cannot be read: {(timeout.IsCancellationRequested ? $"no answer within {cluster.JoinTimeout.TotalSeconds:0} s." : exception.Message)}";
        }
        finally
        {
            await ((IAsyncDisposable)host).DisposeAsync();
        }

        static async Task ReadAsync(IMembershipTable table, CancellationToken cancellationToken)
        {
            await table.InitializeMembershipTableAsync(tryInitTableVersion: true, cancellationToken);
            await table.ReadAllAsync(cancellationToken);
        }
    }

    // Apart, so that whoever does not use one of them loads nothing of it.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void UseRedis(ISiloBuilder silo, string connectionString) => silo.UseRedisClustering(options =>
    {
        options.ConfigurationOptions = StackExchange.Redis.ConfigurationOptions.Parse(connectionString);

        // A member survives a Redis that is away for a while; only the start fails without one.
        options.ConfigurationOptions.AbortOnConnectFail = false;
    });

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void UseKubernetes(ISiloBuilder silo, string @namespace, IServiceProvider process)
    {
        silo.Services.AddSingleton(process.GetRequiredService<k8s.IKubernetes>());
        silo.UseKubernetesMembership(options => options.Namespace = @namespace);
    }
}

using KubeCop.Testing.Membership;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Messaging;

namespace KubeCop.Cluster.Tests.Membership;

/// <summary>The tables as silos and clients have them, without a silo.</summary>
public abstract class ClusterMembershipConformance : MembershipTableConformance, IAsyncLifetime
{
    private readonly List<IHost> _hosts = [];

    public virtual ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts)
        {
            await ((IAsyncDisposable)host).DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    protected abstract void Add(ISiloBuilder silo);

    protected abstract void Add(IClientBuilder client);

    protected override async Task<IMembershipTable> OpenAsync(string clusterId)
    {
        var table = Resolve<IMembershipTable>(clusterId);
        await table.InitializeMembershipTableAsync(true, Token);
        return table;
    }

    /// <summary>The table of a silo that has not started.</summary>
    protected T Resolve<T>(string clusterId)
        where T : notnull
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleans(silo =>
        {
            silo.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (clusterId, "kubecop"));
            silo.Services.AddLogging();
            Add(silo);
        });
        return Build(builder).GetRequiredService<T>();
    }

    protected override Task<IGatewayListProvider> OpenGatewaysAsync(string clusterId)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.UseOrleansClient(client =>
        {
            client.Configure<ClusterOptions>(options => (options.ClusterId, options.ServiceId) = (clusterId, "kubecop"));
            client.Services.AddLogging();
            Add(client);
        });
        return Task.FromResult(Build(builder).GetRequiredService<IGatewayListProvider>());
    }

    private IServiceProvider Build(HostApplicationBuilder builder)
    {
        var host = builder.Build();
        lock (_hosts)
        {
            _hosts.Add(host);
        }

        return host.Services;
    }
}

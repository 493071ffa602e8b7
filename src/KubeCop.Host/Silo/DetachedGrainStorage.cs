using KubeCop.Grains;
using KubeCop.Storage;
using Orleans.Storage;

namespace KubeCop.Host.Silo;

/// <summary>The grain storage as a silo has it, with the silo's serializer, but without a silo: for what looks at the store itself.</summary>
internal sealed class DetachedGrainStorage : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly SiloLifecycleSubject _lifecycle;

    private DetachedGrainStorage(IHost host)
    {
        _host = host;
        _lifecycle = new SiloLifecycleSubject(host.Services.GetRequiredService<ILogger<SiloLifecycleSubject>>());
        Storage = host.Services.GetRequiredKeyedService<IGrainStorage>(GrainStorage.Name);
        (Storage as ILifecycleParticipant<ISiloLifecycle>)?.Participate(_lifecycle);
    }

    public IGrainStorage Storage { get; }

    /// <param name="add">Adds the storage named <see cref="GrainStorage.Name"/>.</param>
    /// <param name="loggers">Where it logs.</param>
    /// <exception cref="StorageException">The store cannot be used.</exception>
    public static async Task<DetachedGrainStorage> OpenAsync(Action<ISiloBuilder> add, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddSingleton(loggers);
        builder.UseOrleans(silo =>
        {
            silo.UseLocalhostClustering(serviceId: SiloMembership.ServiceId, clusterId: SiloMembership.ServiceId);
            add(silo);
        });
        var detached = new DetachedGrainStorage(builder.Build());
        try
        {
            await detached._lifecycle.OnStart(cancellationToken);
            return detached;
        }
        catch
        {
            await detached.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _lifecycle.OnStop(CancellationToken.None);
        await ((IAsyncDisposable)_host).DisposeAsync();
    }
}

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Runtime.Hosting;
using Orleans.Storage;

namespace KubeCop.Storage;

/// <summary>A grain storage whose failures are known to <see cref="StorageHealth"/>. That somebody else wrote first is none.</summary>
internal sealed class WatchedGrainStorage(IGrainStorage storage, StorageHealth health) : IGrainStorage, ILifecycleParticipant<ISiloLifecycle>
{
    public static void Add(IServiceCollection services, string name, Func<IServiceProvider, string, IGrainStorage> create)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<StorageHealth>();
        services.AddGrainStorage(name, (provider, key) => new WatchedGrainStorage(create(provider, key), provider.GetRequiredService<StorageHealth>()));
    }

    public void Participate(ISiloLifecycle lifecycle) => (storage as ILifecycleParticipant<ISiloLifecycle>)?.Participate(lifecycle);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ReadStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        WriteStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ClearStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        WatchAsync(stateName, grainId, storage.ReadStateAsync(stateName, grainId, grainState, cancellationToken));

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        WatchAsync(stateName, grainId, storage.WriteStateAsync(stateName, grainId, grainState, cancellationToken));

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        WatchAsync(stateName, grainId, storage.ClearStateAsync(stateName, grainId, grainState, cancellationToken));

    private async Task WatchAsync(string stateName, GrainId grainId, Task operation)
    {
        try
        {
            await operation;
            health.Succeeded(stateName, grainId);
        }
        catch (Exception exception) when (exception is not (OperationCanceledException or InconsistentStateException))
        {
            health.Failed(stateName, grainId, exception);
            throw;
        }
    }
}

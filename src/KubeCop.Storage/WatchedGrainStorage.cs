using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Runtime.Hosting;
using Orleans.Storage;

namespace KubeCop.Storage;

/// <summary>A grain storage whose failures are known to <see cref="StorageHealth"/>, and which is timed. That somebody else wrote first is no failure.</summary>
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
        WatchAsync("read", stateName, grainId, () => storage.ReadStateAsync(stateName, grainId, grainState, cancellationToken));

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        WatchAsync("write", stateName, grainId, () => storage.WriteStateAsync(stateName, grainId, grainState, cancellationToken));

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        WatchAsync("clear", stateName, grainId, () => storage.ClearStateAsync(stateName, grainId, grainState, cancellationToken));

    private async Task WatchAsync(string verb, string stateName, GrainId grainId, Func<Task> operation)
    {
        var started = Stopwatch.GetTimestamp();
        var result = StorageInstruments.Canceled;
        try
        {
            await operation();
            result = StorageInstruments.Done;
            health.Succeeded(stateName, grainId);
        }
        catch (InconsistentStateException)
        {
            result = StorageInstruments.Conflict;
            throw;
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            result = StorageInstruments.Failed;
            health.Failed(stateName, grainId, exception);
            throw;
        }
        finally
        {
            StorageInstruments.Record(verb, result, Stopwatch.GetElapsedTime(started));
        }
    }
}

using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans.Storage;

namespace KubeCop.Storage;

/// <summary>Why a store failed, as the end of a sentence; what to do, as a sentence of its own; whether it may pass by itself.</summary>
internal readonly record struct StorageFailure(string Reason, string Remedy, bool MayPass);

/// <summary>
/// One of Orleans' own providers, whose failures are told as ours are: what, why, what to do. It is opened anew until that succeeds, so that a
/// store that cannot be reached does not keep the silo from starting.
/// </summary>
/// <param name="store">What it is and where, without secrets: for people.</param>
/// <param name="open">Makes what the provider needs in the store, and the provider.</param>
/// <param name="name">By which id the provider knows a grain; null for its own.</param>
/// <param name="explain">What an exception means; null for what is not the store's fault.</param>
internal sealed partial class ExplainedGrainStorage(
    string store,
    Func<CancellationToken, Task<IGrainStorage>> open,
    Func<Exception, StorageFailure?> explain,
    IServiceProvider services,
    ILogger logger,
    Func<GrainId, GrainId>? name = null) : IGrainStorage, ILifecycleParticipant<ISiloLifecycle>
{
    private readonly SemaphoreSlim _turn = new(1);
    private SiloLifecycleSubject? _lifecycle;
    private volatile IGrainStorage? _storage;

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe<ExplainedGrainStorage>(ServiceLifecycleStage.ApplicationServices, StartAsync, StopAsync);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ReadStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        WriteStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ClearStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        TryAsync(stateName, grainId, "read", storage => storage.ReadStateAsync(stateName, NameOf(grainId), grainState, cancellationToken), cancellationToken);

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        TryAsync(stateName, grainId, "written", storage => storage.WriteStateAsync(stateName, NameOf(grainId), grainState, cancellationToken), cancellationToken);

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken) =>
        TryAsync(stateName, grainId, "deleted", storage => storage.ClearStateAsync(stateName, NameOf(grainId), grainState, cancellationToken), cancellationToken);

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            await OpenAsync(cancellationToken);
        }
        catch (StorageException error) when (error.MayPass)
        {
            LogWarningNotOpen(error.Message);
        }
    }

    private Task StopAsync(CancellationToken cancellationToken) => _lifecycle?.OnStop(cancellationToken) ?? Task.CompletedTask;

    private async Task<IGrainStorage> OpenAsync(CancellationToken cancellationToken)
    {
        if (_storage is { } opened)
        {
            return opened;
        }

        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_storage is { } meanwhile)
            {
                return meanwhile;
            }

            var storage = await open(cancellationToken);
            var lifecycle = new SiloLifecycleSubject(services.GetRequiredService<ILogger<SiloLifecycleSubject>>());
            (storage as ILifecycleParticipant<ISiloLifecycle>)?.Participate(lifecycle);
            await lifecycle.OnStart(cancellationToken);
            _lifecycle = lifecycle;
            return _storage = storage;
        }
        catch (Exception error) when (explain(error) is { } failure && !cancellationToken.IsCancellationRequested)
        {
            throw Explained($"The grain storage in {store} cannot be used", failure);
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task TryAsync(string stateName, GrainId grainId, string done, Func<IGrainStorage, Task> action, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var storage = await OpenAsync(cancellationToken);
        try
        {
            await action(storage);
        }
        catch (Exception error) when (error is not InconsistentStateException && !cancellationToken.IsCancellationRequested && explain(error) is { } failure)
        {
            throw Explained($"The state '{stateName}' of {grainId} in {store} cannot be {done}", failure);
        }
    }

    private GrainId NameOf(GrainId grainId) => name is null ? grainId : name(grainId);

    private static StorageException Explained(string what, StorageFailure failure) =>
        new($"{what}: {failure.Reason}.", failure.Remedy) { MayPass = failure.MayPass };

    [LoggerMessage(LogLevel.Warning, "The node starts without its storage: nothing is learned for good until it answers. {Reason}")]
    private partial void LogWarningNotOpen(string reason);
}

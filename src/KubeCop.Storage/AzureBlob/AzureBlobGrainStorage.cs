using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Microsoft.Extensions.Logging;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace KubeCop.Storage.AzureBlob;

/// <summary>
/// Grain state in blobs, one per state and grain, for silos that share them. The service's own ETags tell who wrote first.
/// <para>A blob that is not what was written (torn, altered, foreign), or is of a later format, is refused and left alone. A store that cannot
/// be reached at the start does not keep the silo from starting: what needs it fails, clearly, until it can.</para>
/// </summary>
internal sealed partial class AzureBlobGrainStorage : IGrainStorage, ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Metadata that names one write, so that a write is recognised as done whose answer was lost.</summary>
    private const string WriteId = "kubecop_write";

    private readonly string _name;
    private readonly AzureBlobOptions _options;
    private readonly IGrainStorageSerializer _serializer;
    private readonly IActivatorProvider _activators;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly BlobContainerClient _container;
    private readonly string _account;
    private readonly SemaphoreSlim _turns;
    private volatile bool _isOpen;

    public AzureBlobGrainStorage(
        string name, AzureBlobOptions options, IGrainStorageSerializer serializer, IActivatorProvider activators, TimeProvider time, ILogger logger)
    {
        (_name, _options, _serializer, _activators, _time, _logger) = (name, options, serializer, activators, time, logger);
        _container = AzureBlobClient.Create(options);
        _turns = new SemaphoreSlim(options.MaxConcurrency);

        // Not the URI as it is: that may have a signature as its query.
        _account = $"{_container.AccountName} at {_container.Uri.GetLeftPart(UriPartial.Authority)}";
    }

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe<AzureBlobGrainStorage>(ServiceLifecycleStage.ApplicationServices, StartAsync);

    /// <summary>Makes the container when there is none.</summary>
    /// <exception cref="StorageException">It cannot be used.</exception>
    public Task OpenAsync(CancellationToken cancellationToken) =>
        _isOpen ? Task.CompletedTask : TryAsync($"The container '{_options.Container}' of grain storage '{_name}'", "used", OpenContainerAsync, cancellationToken);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ReadStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        WriteStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ClearStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        await OpenAsync(cancellationToken);
        var blob = _container.GetBlobClient(StateFileName.Of(stateName, grainId));
        var stored = await TryAsync(Describe(blob), "read", token => LoadAsync(blob, token), cancellationToken);
        grainState.State = stored is { } found ? Deserialize<T>(blob, found.State) : _activators.GetActivator<T>().Create();
        grainState.ETag = stored?.ETag;
        grainState.RecordExists = stored is not null;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        // Here, in the grain's turn: nobody else may touch the state while it is read.
        var state = _serializer.Serialize(grainState.State).ToMemory();
        var expected = grainState.ETag;
        await OpenAsync(cancellationToken);
        var blob = _container.GetBlobClient(StateFileName.Of(stateName, grainId));
        grainState.ETag = await TryAsync(Describe(blob), "written", token => StoreAsync(blob, state, expected, token), cancellationToken);
        grainState.RecordExists = true;
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        await OpenAsync(cancellationToken);
        var blob = _container.GetBlobClient(StateFileName.Of(stateName, grainId));
        var expected = grainState.ETag;
        await TryAsync(Describe(blob), "deleted", token => DeleteAsync(blob, expected, token), cancellationToken);
        grainState.State = _activators.GetActivator<T>().Create();
        grainState.ETag = null;
        grainState.RecordExists = false;
    }

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

    /// <summary>Asks for a blob instead of the container: a signature for one container may not ask for the container itself.</summary>
    private async Task<bool> OpenContainerAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _container.GetBlobClient("kubecop").GetPropertiesAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (RequestFailedException error) when (AzureErrors.IsMissingContainer(error))
        {
            await _container.CreateIfNotExistsAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
        }
        catch (RequestFailedException error) when (AzureErrors.IsMissingBlob(error))
        {
        }

        return _isOpen = true;
    }

    private async Task<(string ETag, byte[] State)?> LoadAsync(BlobClient blob, CancellationToken cancellationToken)
    {
        BlobDownloadResult found;
        try
        {
            found = await blob.DownloadContentAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (RequestFailedException error) when (AzureErrors.IsMissingBlob(error))
        {
            return null;
        }

        return StateBlob.Decode(found.Content.ToMemory().Span, out var state) switch
        {
            StateBlobCondition.Valid => (found.Details.ETag.ToString(), state),
            StateBlobCondition.Newer => throw new StorageException(
                $"{Describe(blob)} was written by a later version of KubeCop; it is left as it is.",
                "Run that version again, or delete the blob to start this state anew."),
            StateBlobCondition.Foreign => throw new StorageException(
                $"{Describe(blob)} is not KubeCop's; it is left as it is.",
                "Give kubecop a container of its own (KubeCop:Storage:AzureBlob:Container), or delete the blob to start this state anew."),
            _ => throw new StorageException(
                $"{Describe(blob)} is damaged; it is left as it is.",
                "Restore an earlier version of the blob (soft delete, versioning) or a backup, or delete it to start this state anew."),
        };
    }

    private async Task<string> StoreAsync(BlobClient blob, ReadOnlyMemory<byte> state, string? expected, CancellationToken cancellationToken)
    {
        var content = StateBlob.Encode(state.Span);
        var write = Guid.NewGuid().ToString("N");
        var options = new BlobUploadOptions
        {
            Conditions = expected is null ? new BlobRequestConditions { IfNoneMatch = ETag.All } : new BlobRequestConditions { IfMatch = new ETag(expected) },
            HttpHeaders = new BlobHttpHeaders { ContentType = "application/octet-stream" },
            Metadata = new Dictionary<string, string> { [WriteId] = write },
        };
        try
        {
            var written = await blob.UploadAsync(BinaryData.FromBytes(content), options, cancellationToken).ConfigureAwait(false);
            return written.Value.ETag.ToString();
        }
        catch (RequestFailedException error) when (AzureErrors.IsConflict(error))
        {
            var (found, writer) = await LookAsync(blob, cancellationToken).ConfigureAwait(false);
            return found is not null && writer == write
                ? found
                : throw new InconsistentStateException($"{Describe(blob)} was changed by somebody else since it was read; the write was not done.", found ?? "none", expected ?? "none");
        }
    }

    private async Task<bool> DeleteAsync(BlobClient blob, string? expected, CancellationToken cancellationToken)
    {
        // The service knows no condition for "only if it is not there".
        var found = expected is null ? (await LookAsync(blob, cancellationToken).ConfigureAwait(false)).ETag : null;
        try
        {
            return found is not null
                ? throw Changed(found)
                : expected is null
                    || await blob.DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, new BlobRequestConditions { IfMatch = new ETag(expected) }, cancellationToken).ConfigureAwait(false);
        }
        catch (RequestFailedException error) when (AzureErrors.IsConflict(error))
        {
            throw Changed("another");
        }

        InconsistentStateException Changed(string stored) =>
            new($"{Describe(blob)} was changed by somebody else since it was read; the clear was not done.", stored, expected ?? "none");
    }

    private static async Task<(string? ETag, string? Writer)> LookAsync(BlobClient blob, CancellationToken cancellationToken)
    {
        try
        {
            BlobProperties found = await blob.GetPropertiesAsync(cancellationToken: cancellationToken).ConfigureAwait(false);
            return (found.ETag.ToString(), found.Metadata.TryGetValue(WriteId, out var writer) ? writer : null);
        }
        catch (RequestFailedException error) when (AzureErrors.IsMissingBlob(error))
        {
            return (null, null);
        }
    }

    private async Task<TResult> TryAsync<TResult>(string what, string done, Func<CancellationToken, Task<TResult>> action, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(_options.Timeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            await _turns.WaitAsync(either.Token).ConfigureAwait(false);
            try
            {
                limit.CancelAfter(_options.Timeout);

                // On the pool: compressing a large state must not hold up its grain's other calls.
                return await Task.Run(() => action(either.Token), either.Token).ConfigureAwait(false);
            }
            finally
            {
                _turns.Release();
            }
        }
        catch (Exception error) when (AzureErrors.IsServiceError(error) && !cancellationToken.IsCancellationRequested)
        {
            var (reason, remedy, passing) = AzureErrors.Explain(error, _account, _options.Container);
            throw new StorageException($"{what} (account {_account}) cannot be {done}: {reason}.", remedy) { MayPass = passing };
        }
    }

    private T Deserialize<T>(BlobClient blob, byte[] state)
    {
        try
        {
            return _serializer.Deserialize<T>(BinaryData.FromBytes(state)) ?? throw new InvalidDataException($"It holds no {typeof(T).Name}.");
        }
        catch (Exception error)
        {
            throw new StorageException(
                $"{Describe(blob)} is intact but its content does not fit {typeof(T).Name}: {error.Message}",
                "Run the version of KubeCop that wrote it, or delete the blob to start this state anew.",
                error);
        }
    }

    private string Describe(BlobClient blob) => $"The blob {_options.Container}/{blob.Name}";

    [LoggerMessage(LogLevel.Warning, "The node starts without its storage: nothing is learned for good until it answers. {Reason}")]
    private partial void LogWarningNotOpen(string reason);
}

using Microsoft.Extensions.Logging;
using Orleans.Serialization.Serializers;
using Orleans.Storage;

namespace KubeCop.Storage.File;

/// <summary>
/// Grain state in files, one per state and grain, for a silo that runs alone. A write is complete when it would survive a power loss, and
/// leaves either the old or the new content whatever happens meanwhile.
/// <para>A file that is not what was written (torn, altered, foreign) is renamed to <c>*.bad-time</c>, logged, and never overwritten. A read
/// that meets one fails once, so that the loss is noticed, and the grain starts anew with its next activation; a write or clear goes on,
/// because the grain then holds the whole state. A file of a later format version is refused and left alone.</para>
/// </summary>
internal sealed partial class FileGrainStorage(
    string name,
    FileGrainStorageOptions options,
    IActivatorProvider activators,
    TimeProvider time,
    ILogger logger) : IGrainStorage, ILifecycleParticipant<ISiloLifecycle>
{
    private const string TemporaryExtension = ".tmp";

    // A file belongs to one lane and a lane does one thing at a time: that is the lock of each file, and the bound on threads waiting for the disk.
    private readonly SemaphoreSlim[] _lanes = [new(1), new(1), new(1), new(1)];

    public void Participate(ISiloLifecycle lifecycle) =>
        lifecycle.Subscribe<FileGrainStorage>(ServiceLifecycleStage.ApplicationServices, _ =>
        {
            Open();
            return Task.CompletedTask;
        });

    /// <summary>Makes the directory ready, and rid of what writes left that never completed.</summary>
    public void Open()
    {
        try
        {
            Directory.CreateDirectory(options.Directory, Posix.PrivateDirectory);
            foreach (var leftover in Directory.EnumerateFiles(options.Directory, $"*{StateFileName.Extension}{TemporaryExtension}"))
            {
                System.IO.File.Delete(leftover);
            }
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            var (reason, remedy) = DiskErrors.Explain(error, options.Directory);
            throw new StorageException($"The directory {options.Directory} of grain storage '{name}' cannot be used: {reason}.", remedy, error);
        }
    }

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ReadStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        WriteStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) =>
        ClearStateAsync(stateName, grainId, grainState, CancellationToken.None);

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var file = FileOf(stateName, grainId);
        var stored = await InLaneAsync(file, "read", () => Load(file, failWhenDamaged: true), cancellationToken);
        grainState.State = stored is { } found ? Deserialize<T>(file, found.State) : activators.GetActivator<T>().Create();
        grainState.ETag = stored?.Etag;
        grainState.RecordExists = stored is not null;
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var file = FileOf(stateName, grainId);
        var expected = grainState.ETag;
        var etag = StateFile.NewEtag();

        // Here, in the grain's turn: nobody else may touch the state while it is read.
        var content = StateFile.Encode(etag, options.GrainStorageSerializer.Serialize(grainState.State).ToMemory().Span);
        await InLaneAsync(
            file,
            "written",
            () =>
            {
                CheckEtag(file, expected, "write");
                Replace(file, content);
                return true;
            },
            cancellationToken);
        grainState.ETag = etag;
        grainState.RecordExists = true;
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState, CancellationToken cancellationToken)
    {
        var file = FileOf(stateName, grainId);
        var expected = grainState.ETag;
        await InLaneAsync(
            file,
            "deleted",
            () =>
            {
                CheckEtag(file, expected, "clear");
                System.IO.File.Delete(file);
                Posix.SyncDirectory(options.Directory);
                return true;
            },
            cancellationToken);
        grainState.State = activators.GetActivator<T>().Create();
        grainState.ETag = null;
        grainState.RecordExists = false;
    }

    private string FileOf(string stateName, GrainId grainId) => Path.Combine(options.Directory, StateFileName.Of(stateName, grainId));

    private async Task<TResult> InLaneAsync<TResult>(string file, string done, Func<TResult> action, CancellationToken cancellationToken)
    {
        // Off the grain's scheduler from here on: a busy grain must not keep a lane. And on a thread of its own: a slow disk must not
        // take the few threads of the pool, on which all grains run.
        var lane = _lanes[(uint)file.GetHashCode(StringComparison.Ordinal) % _lanes.Length];
        await lane.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await Task.Factory.StartNew(action, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default).ConfigureAwait(false);
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            var (reason, remedy) = DiskErrors.Explain(error, options.Directory);
            throw new StorageException($"The state file {file} cannot be {done}: {reason}.", remedy, error);
        }
        finally
        {
            lane.Release();
        }
    }

    private (string Etag, ReadOnlyMemory<byte> State)? Load(string file, bool failWhenDamaged)
    {
        if (!System.IO.File.Exists(file))
        {
            return null;
        }

        switch (StateFile.Decode(System.IO.File.ReadAllBytes(file), out var etag, out var state))
        {
            case StateFileCondition.Valid:
                return (etag, state);
            case StateFileCondition.Newer:
                throw new StorageException(
                    $"The state file {file} was written by a later version of KubeCop; it is left as it is.",
                    "Run that version again, or move the file away to start this state anew.");
            default:
                var aside = $"{file}.bad-{time.GetUtcNow():yyyyMMdd'T'HHmmss.fff'Z'}";
                System.IO.File.Move(file, aside);
                Posix.SyncDirectory(options.Directory);
                LogErrorSetAside(file, aside);
                return failWhenDamaged
                    ? throw new StorageException(
                        $"The state file {file} is damaged or not KubeCop's; it was set aside as {aside}.",
                        "Stop kubecop and restore the file from a backup, or do nothing: this state then starts anew.")
                    : null;
        }
    }

    private void CheckEtag(string file, string? expected, string operation)
    {
        var existed = System.IO.File.Exists(file);
        var stored = Load(file, failWhenDamaged: false)?.Etag;
        var setAside = existed && stored is null;
        if (!setAside && !string.Equals(stored, expected, StringComparison.Ordinal))
        {
            throw new InconsistentStateException(
                $"The state file {file} was changed by somebody else since it was read; the {operation} was not done.", stored ?? "none", expected ?? "none");
        }
    }

    private void Replace(string file, byte[] content)
    {
        var temporary = file + TemporaryExtension;
        try
        {
            var creation = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0, UnixCreateMode = Posix.PrivateFile };
            using (var stream = new FileStream(temporary, creation))
            {
                stream.Write(content);
                stream.Flush(flushToDisk: true);
            }

            System.IO.File.Move(temporary, file, overwrite: true);
        }
        catch
        {
            System.IO.File.Delete(temporary);
            throw;
        }

        Posix.SyncDirectory(options.Directory);
    }

    private T Deserialize<T>(string file, ReadOnlyMemory<byte> state)
    {
        try
        {
            return options.GrainStorageSerializer.Deserialize<T>(BinaryData.FromBytes(state))
                ?? throw new InvalidDataException($"It holds no {typeof(T).Name}.");
        }
        catch (Exception error)
        {
            throw new StorageException(
                $"The state file {file} is intact but its content does not fit {typeof(T).Name}: {error.Message}",
                "Run the version of KubeCop that wrote it, or move the file away to start this state anew.",
                error);
        }
    }

    [LoggerMessage(
        LogLevel.Error,
        "The state file {File} is damaged or not KubeCop's; it was set aside as {Aside}. Stop kubecop and restore the file from a backup, or do nothing: this state then starts anew")]
    private partial void LogErrorSetAside(string file, string aside);
}

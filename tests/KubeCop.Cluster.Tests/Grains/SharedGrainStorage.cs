using System.Collections.Concurrent;
using Orleans.Storage;

namespace KubeCop.Cluster.Tests.Grains;

/// <summary>What several silos, or one silo before and after a restart, have as their storage. Writes can be made to fail.</summary>
internal sealed class SharedGrainStorage
{
    private readonly ConcurrentDictionary<(string Name, GrainId Grain), Record> _records = new();
    private int _writes;

    /// <summary>While set, every write fails.</summary>
    public volatile bool IsDown;

    /// <summary>While set, every read fails too.</summary>
    public volatile bool IsAway;

    /// <summary>Something is being cleared, or was.</summary>
    public volatile bool IsClearing;

    /// <summary>Clearing waits for this.</summary>
    public Task Clears { get; set; } = Task.CompletedTask;

    public int Writes => _writes;

    public IGrainStorage For(IGrainStorageSerializer serializer) => new Provider(this, serializer);

    public string? TextOf(string name, GrainId grain) => _records.GetValueOrDefault((name, grain))?.Content.ToString();

    /// <summary>Replaces a record behind the back of its grain.</summary>
    public void Replace(string name, GrainId grain, string content) =>
        _records[(name, grain)] = new Record(BinaryData.FromString(content), Guid.NewGuid().ToString());

    public void Lose(string name, GrainId grain) => _records.TryRemove((name, grain), out _);

    private sealed record Record(BinaryData Content, string ETag);

    private sealed class Provider(SharedGrainStorage shared, IGrainStorageSerializer serializer) : IGrainStorage
    {
        public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            if (shared.IsAway)
            {
                throw new IOException("The storage is away.");
            }

            if (shared._records.TryGetValue((stateName, grainId), out var record))
            {
                (grainState.State, grainState.ETag, grainState.RecordExists) = (serializer.Deserialize<T>(record.Content), record.ETag, true);
            }
            else
            {
                (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null, false);
            }

            return Task.CompletedTask;
        }

        public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            Interlocked.Increment(ref shared._writes);
            // A disk takes its time: what arrives meanwhile must wait for the next write.
            await Task.Delay(5);
            if (shared.IsDown || shared.IsAway)
            {
                throw new IOException("The storage is down.");
            }

            var stored = shared._records.GetValueOrDefault((stateName, grainId))?.ETag;
            if (stored != grainState.ETag)
            {
                throw new InconsistentStateException("The record was changed.", stored, grainState.ETag);
            }

            var record = new Record(serializer.Serialize(grainState.State), Guid.NewGuid().ToString());
            shared._records[(stateName, grainId)] = record;
            (grainState.ETag, grainState.RecordExists) = (record.ETag, true);
        }

        public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
        {
            shared.IsClearing = true;
            await shared.Clears;
            shared._records.TryRemove((stateName, grainId), out _);
            (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null, false);
        }
    }
}

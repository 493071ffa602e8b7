using KubeCop.Grains;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Storage;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>
/// Grain storage that at times writes slowly, and at times finds that another one has written meanwhile: it writes the state itself first,
/// as a second activation would, and then lets the write fail.
/// </summary>
internal sealed class FaultyStorage(IGrainStorage inner, FaultyStorage.Faults faults) : IGrainStorage, ILifecycleParticipant<ISiloLifecycle>
{
    /// <summary>Puts it before the silo's storage.</summary>
    public static void AddTo(ISiloBuilder silo, Faults faults)
    {
        var original = silo.Services.Last(static service => service.ServiceType == typeof(IGrainStorage) && Equals(service.ServiceKey, GrainStorage.Name));
        silo.Services.AddKeyedSingleton<IGrainStorage>(
            GrainStorage.Name,
            (services, key) => new FaultyStorage((IGrainStorage)original.KeyedImplementationFactory!(services, key), faults));
    }

    public void Participate(ISiloLifecycle lifecycle) => (inner as ILifecycleParticipant<ISiloLifecycle>)?.Participate(lifecycle);

    public Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => inner.ReadStateAsync(stateName, grainId, grainState);

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState) => inner.ClearStateAsync(stateName, grainId, grainState);

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (faults.Delay is var delay && delay > TimeSpan.Zero)
        {
            await Task.Delay(delay * Random.Shared.NextDouble());
        }

        if (Random.Shared.NextDouble() < faults.Conflicts)
        {
            var other = new GrainState<T>();
            await inner.ReadStateAsync(stateName, grainId, other);
            await inner.WriteStateAsync(stateName, grainId, other);
            Interlocked.Increment(ref faults.Made);
        }

        await inner.WriteStateAsync(stateName, grainId, grainState);
    }

    /// <summary>What goes wrong; may change at any time.</summary>
    internal sealed class Faults
    {
        private double _conflicts;
        private long _delayTicks;

        /// <summary>Conflicts made so far.</summary>
        public long Made;

        /// <summary>The share of writes that fail.</summary>
        public double Conflicts
        {
            get => Volatile.Read(ref _conflicts);
            set => Volatile.Write(ref _conflicts, value);
        }

        /// <summary>The longest time a write takes more.</summary>
        public TimeSpan Delay
        {
            get => TimeSpan.FromTicks(Interlocked.Read(ref _delayTicks));
            set => Interlocked.Exchange(ref _delayTicks, value.Ticks);
        }
    }
}

using System.Collections;
using KubeCop.Core.Profiles;
using KubeCop.Grains;
using KubeCop.Grains.Workloads;
using KubeCop.Host.Silo;
using KubeCop.Storage;
using KubeCop.Testing.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Serialization.Configuration;
using Orleans.Storage;

namespace KubeCop.Cluster.Tests.Storage;

/// <summary>The conformance of a store as the host sets it up, with the silo's own serializer and what the silo really stores.</summary>
public abstract class ClusterStorageConformance : GrainStorageConformance, IAsyncLifetime
{
    private readonly List<DetachedGrainStorage> _opened = [];

    public virtual ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public virtual async ValueTask DisposeAsync()
    {
        foreach (var storage in _opened)
        {
            await storage.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    protected abstract void Add(ISiloBuilder silo, string name);

    protected sealed override ValueTask<IGrainStorage> OpenAsync() => OpenAsync(Add);

    private protected async ValueTask<IGrainStorage> OpenAsync(Action<ISiloBuilder, string> add)
    {
        var opened = await DetachedGrainStorage.OpenAsync(
            silo =>
            {
                add(silo, GrainStorage.Name);
                silo.Configure<TypeManifestOptions>(static types => types.AddAllowedType(typeof(Sample)));
            },
            NullLoggerFactory.Instance,
            TestContext.Current.CancellationToken);
        lock (_opened)
        {
            _opened.Add(opened);
        }

        return opened.Storage;
    }

    /// <returns>Null while the store fails.</returns>
    private protected static async Task<GrainState<Sample>?> TryReadAsync(IGrainStorage storage, GrainId grain)
    {
        try
        {
            return await ReadAsync(storage, grain);
        }
        catch (StorageException)
        {
            return null;
        }
    }

    [Fact]
    public async Task Write_OfAWorkload_GivesBackEverySection()
    {
        var storage = await OpenAsync();
        var grain = NewGrain();
        var written = new GrainState<WorkloadState> { State = WorkloadSample.WithAllSections() };
        await storage.WriteStateAsync("workload", grain, written, TestContext.Current.CancellationToken);

        var read = new GrainState<WorkloadState>();
        await storage.ReadStateAsync("workload", grain, read, TestContext.Current.CancellationToken);

        var slot = Assert.Single(read.State!.Slots);
        foreach (var section in typeof(ContainerProfile).GetProperties().Where(static property => property.CanWrite))
        {
            var (before, after) = (section.GetValue(written.State.Slots[0].Profile), section.GetValue(slot.Profile));
            if (before is IEnumerable items and not string)
            {
                Assert.True(items.Cast<object>().Any(), $"The sample has nothing in its section {section.Name}: add it there.");
            }

            Assert.Equivalent(before, after, strict: true);
        }

        Assert.Equivalent(written.State, read.State, strict: true);
    }
}

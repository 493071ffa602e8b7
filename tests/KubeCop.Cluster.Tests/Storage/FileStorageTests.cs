using KubeCop.Storage.File;
using KubeCop.Testing;

namespace KubeCop.Cluster.Tests.Storage;

public sealed class FileStorageTests : ClusterStorageConformance
{
    private readonly TestDirectory _directory = new();

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        _directory.Dispose();
    }

    protected override void Add(ISiloBuilder silo, string name) => silo.AddKubeCopFileStorage(name, options => options.Directory = _directory.Combine("grains"));
}

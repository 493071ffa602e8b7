using KubeCop.Storage.AzureBlob;

namespace KubeCop.Cluster.Tests.Storage;

public sealed class AzureBlobStorageTests(StorageServers servers) : ClusterStorageConformance
{
    private readonly AzureBlobOptions _options = new() { Container = $"conformance-{Guid.NewGuid():N}" };

    protected override string ForeignEtag => "\"0x1234567890ABCDE\"";

    public override async ValueTask InitializeAsync() => _options.ConnectionString = (await servers.AzuriteAsync()).ConnectionString;

    protected override void Add(ISiloBuilder silo, string name) => silo.AddKubeCopAzureBlobStorage(name, _options);
}

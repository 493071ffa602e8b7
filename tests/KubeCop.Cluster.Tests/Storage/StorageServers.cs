using KubeCop.Testing.Storage;

[assembly: AssemblyFixture(typeof(KubeCop.Cluster.Tests.Storage.StorageServers))]

namespace KubeCop.Cluster.Tests.Storage;

/// <summary>The real servers that the storage tests share, each started when the first test wants it. Tests that break one start their own.</summary>
public sealed class StorageServers : IAsyncDisposable
{
    private readonly Lazy<Task<AzuriteServer>> _azurite = new(static () => AzuriteServer.StartNewAsync());

    private readonly Lazy<Task<RedisServer>> _redis = new(RedisServer.StartNewAsync);
    private readonly Lazy<Task<PostgreSqlServer>> _postgreSql = new(PostgreSqlServer.StartNewAsync);

    public Task<AzuriteServer> AzuriteAsync() => _azurite.Value;

    public Task<RedisServer> RedisAsync() => _redis.Value;

    public Task<PostgreSqlServer> PostgreSqlAsync() => _postgreSql.Value;

    public async ValueTask DisposeAsync()
    {
        await DisposeAsync(_azurite);
        await DisposeAsync(_redis);
        await DisposeAsync(_postgreSql);
    }

    private static async Task DisposeAsync<T>(Lazy<Task<T>> server)
        where T : IAsyncDisposable
    {
        // One that did not start has been told of by the test that wanted it.
        if (server.IsValueCreated && server.Value.IsCompletedSuccessfully)
        {
            await (await server.Value).DisposeAsync();
        }
    }
}

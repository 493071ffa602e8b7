using KubeCop.Storage;
using KubeCop.Storage.Redis;
using KubeCop.Testing;
using KubeCop.Testing.Storage;

namespace KubeCop.Cluster.Tests.Storage;

public sealed class RedisStorageTests(StorageServers servers) : ClusterStorageConformance
{
    private readonly RedisOptions _options = new();

    public override async ValueTask InitializeAsync() => _options.ConnectionString = (await servers.RedisAsync()).ConnectionString;

    [Fact]
    public async Task Server_Stopped_FailsClearlyAndWorksAfterwards()
    {
        await using var redis = await RedisServer.StartNewAsync();
        var storage = await OpenAsync((silo, name) => silo.AddKubeCopRedisStorage(name, new RedisOptions { ConnectionString = redis.ConnectionString, Timeout = TimeSpan.FromSeconds(2) }));
        var grain = NewGrain();
        await WriteNewAsync(storage, grain, "before");
        await redis.StopAsync();

        var error = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(storage, grain));
        Assert.Contains($"Redis at 127.0.0.1:{redis.Port} cannot be read: it cannot be reached", error.Cause, StringComparison.Ordinal);
        Assert.True(error.MayPass, error.Message);
        Assert.DoesNotContain(redis.Password, error.ToString(), StringComparison.Ordinal);

        await redis.StartAsync();
        var read = await Wait.UntilAsync<GrainState<Sample>?>(async () => await TryReadAsync(storage, grain), static read => read is not null, "answer of the restarted Redis");
        Assert.Equal("before", read!.State!.Text);
    }

    [Fact]
    public async Task Password_Wrong_KeepsTheSiloFromStarting()
    {
        var redis = await servers.RedisAsync();
        var options = new RedisOptions { ConnectionString = $"127.0.0.1:{redis.Port},password=wrong-secret", Timeout = TimeSpan.FromSeconds(2) };
        var error = await Assert.ThrowsAsync<StorageException>(async () => await OpenAsync((silo, name) => silo.AddKubeCopRedisStorage(name, options)));
        Assert.Contains("does not accept the password", error.Cause, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-secret", error.ToString(), StringComparison.Ordinal);
    }

    protected override void Add(ISiloBuilder silo, string name) => silo.AddKubeCopRedisStorage(name, _options);
}

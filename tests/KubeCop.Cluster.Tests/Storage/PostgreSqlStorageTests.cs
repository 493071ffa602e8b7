using KubeCop.Storage;
using KubeCop.Storage.PostgreSql;
using KubeCop.Testing;
using KubeCop.Testing.Storage;
using Npgsql;

namespace KubeCop.Cluster.Tests.Storage;

public sealed class PostgreSqlStorageTests(StorageServers servers) : ClusterStorageConformance
{
    private readonly PostgreSqlOptions _options = new();

    protected override string ForeignEtag => "2147483646";

    public override async ValueTask InitializeAsync() => _options.ConnectionString = (await servers.PostgreSqlAsync()).ConnectionString;

    [Fact]
    public async Task Database_OpenedByManyAtOnce_IsPreparedOnce()
    {
        var (server, name) = (await servers.PostgreSqlAsync(), $"many_{Guid.NewGuid():N}");
        await ExecuteAsync(server.ConnectionString, $"CREATE DATABASE {name}");
        var options = new PostgreSqlOptions { ConnectionString = server.ConnectionStringOf(name) };

        var storages = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            async () => await OpenAsync((silo, key) => silo.AddKubeCopPostgreSqlStorage(key, options)), TestContext.Current.CancellationToken)));

        var grain = NewGrain();
        await WriteNewAsync(storages[0], grain, "shared");
        Assert.All(await Task.WhenAll(storages.Select(storage => ReadAsync(storage, grain))), static read => Assert.Equal("shared", read.State!.Text));
    }

    [Fact]
    public async Task Database_OfALaterVersion_IsRefusedAndLeftAlone()
    {
        var (server, name) = (await servers.PostgreSqlAsync(), $"later_{Guid.NewGuid():N}");
        await ExecuteAsync(server.ConnectionString, $"CREATE DATABASE {name}");
        var options = new PostgreSqlOptions { ConnectionString = server.ConnectionStringOf(name) };
        await OpenAsync((silo, key) => silo.AddKubeCopPostgreSqlStorage(key, options));
        await ExecuteAsync(options.ConnectionString, "UPDATE OrleansQuery SET QueryText = '2' WHERE QueryKey = 'KubeCopStateSchema'");

        var error = await Assert.ThrowsAsync<StorageException>(async () => await OpenAsync((silo, key) => silo.AddKubeCopPostgreSqlStorage(key, options)));
        Assert.Contains("later version", error.Cause, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Database_Missing_IsToldWithTheRemedy()
    {
        var options = new PostgreSqlOptions { ConnectionString = (await servers.PostgreSqlAsync()).ConnectionStringOf("nowhere") };
        var error = await Assert.ThrowsAsync<StorageException>(async () => await OpenAsync((silo, name) => silo.AddKubeCopPostgreSqlStorage(name, options)));
        Assert.Contains("there is no such database", error.Cause, StringComparison.Ordinal);
        Assert.Contains("CREATE DATABASE", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Password_Wrong_KeepsTheSiloFromStarting()
    {
        var options = new PostgreSqlOptions { ConnectionString = $"Host=127.0.0.1;Port={(await servers.PostgreSqlAsync()).Port};Username=postgres;Password=wrong-secret" };
        var error = await Assert.ThrowsAsync<StorageException>(async () => await OpenAsync((silo, name) => silo.AddKubeCopPostgreSqlStorage(name, options)));
        Assert.Contains("does not let the user in", error.Cause, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-secret", error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_Stopped_FailsClearlyAndWorksAfterwards()
    {
        await using var server = await PostgreSqlServer.StartNewAsync();
        var options = new PostgreSqlOptions { ConnectionString = server.ConnectionString };
        var storage = await OpenAsync((silo, name) => silo.AddKubeCopPostgreSqlStorage(name, options));
        var grain = NewGrain();
        await WriteNewAsync(storage, grain, "before");
        await server.StopAsync();

        var error = await Assert.ThrowsAsync<StorageException>(() => ReadAsync(storage, grain));
        Assert.Contains($"PostgreSQL at 127.0.0.1:{server.Port} cannot be read", error.Cause, StringComparison.Ordinal);
        Assert.True(error.MayPass, error.Message);
        Assert.DoesNotContain(server.Password, error.ToString(), StringComparison.Ordinal);

        await server.StartAsync();
        var read = await Wait.UntilAsync<GrainState<Sample>?>(async () => await TryReadAsync(storage, grain), static read => read is not null, "answer of the restarted PostgreSQL");
        Assert.Equal("before", read!.State!.Text);
    }

    [Fact]
    public async Task Key_WithNul_IsRefused() => await Assert.ThrowsAsync<StorageException>(async () => await WriteNewAsync(await OpenAsync(), GrainId.Create("workload", "a\0b"), "no"));

    protected override bool CanHold(string key) => !key.Contains('\0', StringComparison.Ordinal);

    protected override void Add(ISiloBuilder silo, string name) => silo.AddKubeCopPostgreSqlStorage(name, _options);

    private static async Task ExecuteAsync(string connectionString, string command)
    {
        await using var database = NpgsqlDataSource.Create(connectionString);
        await database.CreateCommand(command).ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }
}

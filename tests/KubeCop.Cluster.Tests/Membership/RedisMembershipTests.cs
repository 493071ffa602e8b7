using KubeCop.Cluster.Tests.Storage;
using Microsoft.Extensions.Hosting;

namespace KubeCop.Cluster.Tests.Membership;

/// <summary>Orleans' own table in Redis, by the same rules as ours.</summary>
[Collection(nameof(WholeMachine))]
public sealed class RedisMembershipTests(StorageServers servers) : ClusterMembershipConformance
{
    private string _connectionString = "";

    public override async ValueTask InitializeAsync() => _connectionString = (await servers.RedisAsync()).ConnectionString;

    protected override void Add(ISiloBuilder silo) => silo.UseRedisClustering(_connectionString);

    protected override void Add(IClientBuilder client) => client.UseRedisClustering(_connectionString);
}

using System.Text.Json.Nodes;
using KubeCop.Kubernetes.Membership;
using KubeCop.Testing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using Orleans.Configuration;

namespace KubeCop.Cluster.Tests.Membership;

/// <summary>The table on the API server, with the rights that its documentation gives it.</summary>
[Collection(nameof(WholeMachine))]
public sealed class KubernetesMembershipTests(MembershipServer server) : ClusterMembershipConformance, IClassFixture<MembershipServer>
{
    private readonly List<string> _warnings = [];
    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);

    [Fact]
    public async Task Row_OfASilo_CanBeReadWithKubectl()
    {
        var entry = NewEntry(status: SiloStatus.Active);
        await InsertAsync(await OpenAsync(), entry);

        Assert.Equal("1", (string?)server.Table(ClusterId)!["data"]!["format"]);
        Assert.Equal("1", (string?)server.Table(ClusterId)!["data"]!["version"]);
        var row = server.Row(ClusterId, entry.SiloAddress);
        Assert.Equal(("node-1.example.com", "Active"), ((string?)row?["name"], (string?)row?["status"]));
    }

    [Fact]
    public async Task Lease_OfASilo_SaysWhoseItIsAndWhen()
    {
        var table = await OpenAsync();
        var entry = NewEntry();
        await InsertAsync(table, entry);
        var alive = new DateTime(2031, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        for (var second = 0; second < 3; second++)
        {
            await table.UpdateIAmAliveAsync(new MembershipEntry { SiloAddress = entry.SiloAddress, IAmAliveTime = alive.AddSeconds(second) }, Token);
        }

        var lease = Assert.Single(server.Leases(ClusterId));
        Assert.StartsWith("node-1.example.com-", (string?)lease["metadata"]!["name"], StringComparison.Ordinal);
        Assert.Equal(entry.SiloAddress.ToParsableString(), (string?)lease["spec"]!["holderIdentity"]);
        Assert.Equal("2031-01-02T03:04:07.000000Z", (string?)lease["spec"]!["renewTime"]);
        Assert.Equal(225, (int?)lease["spec"]!["leaseDurationSeconds"]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Lease_OfASiloThatDies_Goes(bool byItself)
    {
        var (table, other) = (await OpenAsync(), await OpenAsync());
        var entry = NewEntry(status: SiloStatus.Active);
        await InsertAsync(table, entry);
        var alive = new MembershipEntry { SiloAddress = entry.SiloAddress, IAmAliveTime = DateTime.UtcNow };
        await table.UpdateIAmAliveAsync(alive, Token);
        Assert.Single(server.Leases(ClusterId));

        var writer = byItself ? table : other;
        var data = await writer.ReadRowAsync(entry.SiloAddress, Token);
        entry.Status = SiloStatus.Dead;
        Assert.True(await writer.UpdateRowAsync(entry, data.Members[0].Item2, data.Version.Next(), Token), "The silo could not be declared dead.");
        await writer.UpdateIAmAliveAsync(alive, Token);

        Assert.Empty(server.Leases(ClusterId));
    }

    [Fact]
    public async Task Lease_WithoutARow_GoesAtTheNextCleanup()
    {
        var (table, other) = (await OpenAsync(), await OpenAsync($"{ClusterId}-2"));
        var (living, foreign) = (NewEntry(), NewEntry());
        await InsertAsync(table, living);
        await InsertAsync(other, foreign);
        await table.UpdateIAmAliveAsync(living, Token);
        await other.UpdateIAmAliveAsync(foreign, Token);
        server.Api.Apply(new JsonObject
        {
            ["apiVersion"] = "coordination.k8s.io/v1",
            ["kind"] = "Lease",
            ["metadata"] = new JsonObject { ["name"] = $"{ClusterId}-left", ["namespace"] = MembershipServer.Namespace, ["labels"] = new JsonObject { ["kubecop.io/cluster"] = ClusterId } },
            ["spec"] = new JsonObject { ["holderIdentity"] = NewAddress().ToParsableString() },
        });

        await table.CleanupDefunctSiloEntriesAsync(DateTimeOffset.UtcNow.AddDays(-7), Token);

        Assert.Equal(living.SiloAddress.ToParsableString(), (string?)Assert.Single(server.Leases(ClusterId))["spec"]!["holderIdentity"]);
        Assert.Single(server.Leases($"{ClusterId}-2"));
    }

    /// <summary>As a silo does that refreshes each minute.</summary>
    [Fact]
    public async Task Leases_AreListedAtEverySecondRefresh()
    {
        var table = await OpenAsync();
        await table.ReadAllAsync(Token);
        var before = Mine("list");
        for (var minute = 0; minute < 10; minute++)
        {
            _time.Advance(TimeSpan.FromMinutes(1));
            await table.ReadAllAsync(Token);
        }

        Assert.Equal(5, Mine("list") - before);

        long Mine(string verb) => server.Api.Requests().Where(request => request.User == $"silo-of-{ClusterId}" && request.Verb == verb).Sum(static request => request.Requests);
    }

    [Fact]
    public async Task Fields_OfANewerVersion_StayInTheRow()
    {
        var table = await OpenAsync();
        var entry = NewEntry();
        await InsertAsync(table, entry);
        var stored = server.Table(ClusterId)!;
        var key = stored["data"]!.AsObject().Single(static item => item.Key is not ("format" or "version")).Key;
        var row = server.Row(ClusterId, entry.SiloAddress)!;
        row["shard"] = 7;
        stored["data"]![key] = row.ToJsonString();
        server.Api.Apply(stored);

        var data = await table.ReadRowAsync(entry.SiloAddress, Token);
        Assert.True(await table.UpdateRowAsync(data.Members[0].Item1, data.Members[0].Item2, data.Version.Next(), Token), "A row with a field of a newer version could not be updated.");

        Assert.Equal(7, (int?)server.Row(ClusterId, entry.SiloAddress)!["shard"]);
    }

    [Fact]
    public async Task Format_OfANewerVersion_KeepsTheSiloFromStarting()
    {
        await OpenAsync();
        var stored = server.Table(ClusterId)!;
        stored["data"]!["format"] = "2";
        server.Api.Apply(stored);

        var error = await Assert.ThrowsAsync<MembershipException>(() => OpenAsync());

        Assert.Contains("it is '2'", error.Message, StringComparison.Ordinal);
        Assert.Equal("2", (string?)server.Table(ClusterId)!["data"]!["format"]);
    }

    [Fact]
    public async Task Table_DeletedByHand_IsMissedAndNotMadeAnewUnderARunningSilo()
    {
        var table = await OpenAsync();
        server.Api.Delete("configmaps", MembershipServer.Namespace, $"{ClusterId}-membership");

        var error = await Assert.ThrowsAsync<MembershipException>(() => table.ReadAllAsync(Token));

        Assert.Contains("start all silos of the cluster again together", error.Message, StringComparison.Ordinal);
        Assert.Null(server.Table(ClusterId));
    }

    protected override void Add(ISiloBuilder silo)
    {
        AddClient(silo.Services);
        silo.UseKubernetesMembership(static options => options.Namespace = MembershipServer.Namespace);
    }

    protected override void Add(IClientBuilder client)
    {
        AddClient(client.Services);
        client.UseKubernetesMembership(static options => options.Namespace = MembershipServer.Namespace);
    }

    private void AddClient(IServiceCollection services)
    {
        services.AddSingleton<TimeProvider>(_time);
        services.AddSingleton<ILogger<KubernetesMembershipTable>>(new WarningLog<KubernetesMembershipTable>(_warnings));
        services.AddSingleton(provider => server.ClientFor(server.TokenFor(provider.GetRequiredService<IOptions<ClusterOptions>>().Value.ClusterId)));
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        Assert.Empty(_warnings);
    }
}

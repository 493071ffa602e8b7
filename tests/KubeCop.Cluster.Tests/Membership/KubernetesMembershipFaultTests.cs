using System.Diagnostics;
using System.Net;
using k8s;
using KubeCop.Kubernetes.Membership;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace KubeCop.Cluster.Tests.Membership;

/// <summary>What the table does when the API server does not do what it asks.</summary>
[Collection(nameof(WholeMachine))]
public sealed class KubernetesMembershipFaultTests : IAsyncLifetime
{
    private const string Cluster = "kubecop";

    private static readonly DateTime Start = new(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);

    private readonly MembershipServer _server = new();
    private readonly List<IKubernetes> _clients = [];
    private readonly List<string> _warnings = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => _server.InitializeAsync();

    public async ValueTask DisposeAsync()
    {
        foreach (var client in _clients)
        {
            client.Dispose();
        }

        await _server.DisposeAsync();
    }

    [Theory]
    [InlineData("get", "{apiGroups: [\"\"], resources: [\"configmaps\"], resourceNames: [\"kubecop-membership\"], verbs: [\"get\"]}")]
    [InlineData("create", "{apiGroups: [\"\"], resources: [\"configmaps\"], verbs: [\"create\"]}")]
    [InlineData("patch", "{apiGroups: [\"\"], resources: [\"configmaps\"], resourceNames: [\"kubecop-membership\"], verbs: [\"patch\"]}")]
    [InlineData("patch leases", "{apiGroups: [\"coordination.k8s.io\"], resources: [\"leases\"], verbs: [\"patch\"]}")]
    [InlineData("create leases", "{apiGroups: [\"coordination.k8s.io\"], resources: [\"leases\"], verbs: [\"create\"]}")]
    [InlineData("list leases", "{apiGroups: [\"coordination.k8s.io\"], resources: [\"leases\"], verbs: [\"list\"]}")]
    public async Task Right_Missing_IsNamedAsTheRuleThatGivesIt(string missing, string rule)
    {
        var (verb, resource) = missing.Split(' ') is [var first, var second] ? (first, second) : (missing, "configmaps");
        AccessRule[] rules =
        [
            .. MembershipServer.Role(Cluster).Select(allowed => allowed.Resources.Contains(resource) ? allowed with { Verbs = [.. allowed.Verbs.Where(other => other != verb)] } : allowed),
        ];
        var table = Open(_server.Api.AddUser("silo", rules));
        var entry = NewEntry(1);

        var error = await Assert.ThrowsAsync<MembershipException>(async () =>
        {
            await table.InitializeMembershipTableAsync(true, Token);
            await InsertAsync(table, entry);
            await table.UpdateIAmAliveAsync(entry, Token);
            await table.CleanupDefunctSiloEntriesAsync(Start, Token);
        });

        Assert.Contains(rule, error.Message, StringComparison.Ordinal);
        Assert.Contains("in namespace 'kubecop'", error.Message, StringComparison.Ordinal);
        Assert.False(error.MayPass, "A right does not come by itself.");
    }

    [Fact]
    public async Task Token_Revoked_IsToldOf()
    {
        var token = _server.TokenFor(Cluster);
        var table = await OpenAsync(token);
        _server.Api.RevokeToken(token);

        var error = await Assert.ThrowsAsync<MembershipException>(() => table.ReadAllAsync(Token));

        Assert.Equal(HttpStatusCode.Unauthorized, error.Status);
        Assert.Contains("does not accept kubecop's token", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Namespace_Missing_IsNamed()
    {
        var table = Open(_server.Api.AdminToken, "nowhere");

        var error = await Assert.ThrowsAsync<MembershipException>(() => table.InitializeMembershipTableAsync(true, Token));

        Assert.Contains("no namespace 'nowhere'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Server_AwayAtTheStart_IsWaitedForByTheReadingThatFollows()
    {
        await _server.Api.StopAsync();
        var table = Open(_server.TokenFor(Cluster));
        await table.InitializeMembershipTableAsync(true, Token);
        var error = await Assert.ThrowsAsync<MembershipException>(() => table.ReadAllAsync(Token));
        Assert.True(error.MayPass, error.Message);
        Assert.Contains(_warnings, static warning => warning.Contains("waits for it before it joins", StringComparison.Ordinal));

        await _server.Api.StartAgainAsync();
        Assert.Equal(0, (await table.ReadAllAsync(Token)).Version.Version);
    }

    [Fact]
    public async Task Server_AwayForAWhile_LosesNothing()
    {
        var table = await OpenAsync(_server.TokenFor(Cluster));
        await InsertAsync(table, NewEntry(1));
        var before = await table.ReadAllAsync(Token);
        await _server.Api.StopAsync();
        Assert.True((await Assert.ThrowsAsync<MembershipException>(() => table.InsertRowAsync(NewEntry(2), before.Version.Next(), Token))).MayPass, "An outage may pass.");

        await _server.Api.StartAgainAsync();
        Assert.True(await table.InsertRowAsync(NewEntry(2), before.Version.Next(), Token), "What was read before the outage could not be written after it.");
        Assert.Equal(2, (await table.ReadAllAsync(Token)).Members.Count);
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(503)]
    public async Task Write_Refused_ThrowsAndChangesNothing(int status)
    {
        var table = await OpenAsync(_server.TokenFor(Cluster));
        var before = (await table.ReadAllAsync(Token)).Version;
        using (_server.Api.Inject(new Fault(static request => request is { Verb: "patch", Resource: "configmaps" }) { Status = status }))
        {
            var error = await Assert.ThrowsAsync<MembershipException>(() => table.InsertRowAsync(NewEntry(1), before.Next(), Token));
            Assert.True(error.MayPass, error.Message);
            Assert.Contains($"{status} ", error.Message, StringComparison.Ordinal);
            Assert.Equal(before, (await table.ReadAllAsync(Token)).Version);
        }

        Assert.True(await table.InsertRowAsync(NewEntry(1), before.Next(), Token), "The same write failed when the server did not.");
    }

    /// <summary>Writers meet conflicts that others made and such that nobody made: each success is in the table, once.</summary>
    [Fact]
    public async Task Conflicts_InAStorm_AreAnsweredWithFalse()
    {
        var token = _server.TokenFor(Cluster);
        await OpenAsync(token);
        using var storm = _server.Api.Inject(new Fault(static request => request is { Verb: "patch", Resource: "configmaps" } && Random.Shared.NextDouble() < 0.5) { Status = 409 });
        var inserted = 0;

        await Task.WhenAll(Enumerable.Range(0, 4).Select(writer => Task.Run(
            async () =>
            {
                var table = Open(token);
                for (var number = 0; number < 10;)
                {
                    if (await table.InsertRowAsync(NewEntry((writer * 10) + number), (await table.ReadAllAsync(Token)).Version.Next(), Token))
                    {
                        number++;
                        Interlocked.Increment(ref inserted);
                    }
                }
            },
            Token)));

        var data = await Open(token).ReadAllAsync(Token);
        Assert.Equal((40, 40, 40), (inserted, data.Members.Count, data.Version.Version));
    }

    [Fact]
    public async Task Write_WhoseAnswerWasLost_IsSeenByTheNextReading()
    {
        var table = await OpenAsync(_server.TokenFor(Cluster));
        var before = (await table.ReadAllAsync(Token)).Version;
        var entry = NewEntry(1);
        await InsertAsync(table, entry);

        Assert.False(await table.InsertRowAsync(entry, before.Next(), Token), "A write that was made already succeeded again.");
        Assert.NotNull((await table.ReadAllAsync(Token)).TryGet(entry.SiloAddress));
    }

    [Fact]
    public async Task Leases_ThatCannotBeListed_LeaveTheRowsTimes()
    {
        var table = await OpenAsync(_server.TokenFor(Cluster));
        await InsertAsync(table, NewEntry(1));
        await table.UpdateIAmAliveAsync(new MembershipEntry { SiloAddress = NewEntry(1).SiloAddress, IAmAliveTime = Start.AddHours(1) }, Token);
        using (_server.Api.Inject(new Fault(static request => request.Verb == "list") { Status = 500 }))
        {
            var other = Open(_server.TokenFor(Cluster));
            Assert.Equal(Start, Assert.Single((await other.ReadAllAsync(Token)).Members).Item1.IAmAliveTime);
            await other.ReadAllAsync(Token);
            Assert.Single(_warnings, static warning => warning.Contains("Leases of the cluster's silos cannot be read", StringComparison.Ordinal));
        }

        Assert.Equal(Start.AddHours(1), Assert.Single((await Open(_server.TokenFor(Cluster)).ReadAllAsync(Token)).Members).Item1.IAmAliveTime);
    }

    [Fact]
    public async Task Lease_ThatCannotBeRemoved_DoesNotFailTheWriteThatLeavesIt()
    {
        var table = await OpenAsync(_server.TokenFor(Cluster));
        var entry = NewEntry(1);
        await InsertAsync(table, entry);
        await table.UpdateIAmAliveAsync(entry, Token);
        var data = await table.ReadRowAsync(entry.SiloAddress, Token);
        entry.Status = SiloStatus.Dead;
        using (_server.Api.Inject(new Fault(static request => request.Verb == "delete") { Status = 503 }))
        {
            Assert.True(await table.UpdateRowAsync(entry, data.Members[0].Item2, data.Version.Next(), Token), "The silo could not be declared dead.");
        }

        Assert.Single(_server.Leases(Cluster));
        await table.CleanupDefunctSiloEntriesAsync(Start, Token);
        Assert.Empty(_server.Leases(Cluster));
    }

    [Fact]
    public async Task Server_ThatDoesNotAnswer_IsGivenUpInTime()
    {
        var table = await OpenAsync(_server.TokenFor(Cluster));
        using var late = _server.Api.Inject(new Fault(static request => request.Verb == "get") { Delay = TimeSpan.FromMinutes(5) });

        var watch = Stopwatch.StartNew();
        var error = await Assert.ThrowsAsync<MembershipException>(() => table.ReadAllAsync(Token));
        Assert.True(error.MayPass && watch.Elapsed < 3 * MembershipApi.Timeout, $"After {watch.Elapsed}: {error.Message}");

        using var canceled = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => table.ReadAllAsync(canceled.Token));
    }

    /// <summary>Prints what 500 silos cost, for docs/kubernetes.md.</summary>
    [Fact]
    public async Task Table_Of500Silos_IsReadAndWrittenCheaply()
    {
        var token = _server.TokenFor(Cluster);
        var table = await OpenAsync(token);
        for (var number = 0; number < 500; number++)
        {
            await InsertAsync(table, NewEntry(number));
            await table.UpdateIAmAliveAsync(NewEntry(number), Token);
        }

        var stored = _server.Table(Cluster)!["data"]!.AsObject();
        var size = stored.Sum(static item => item.Key.Length + ((string)item.Value!).Length);
        var before = BytesOf("get");
        const int Rounds = 20;
        await table.ReadAllAsync(Token);
        var (watch, cpu) = (Stopwatch.StartNew(), Process.GetCurrentProcess().TotalProcessorTime);
        for (var round = 0; round < Rounds; round++)
        {
            Assert.Equal(500, (await table.ReadAllAsync(Token)).Members.Count);
        }

        watch.Stop();
        cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
        var read = (BytesOf("get") - before) / (Rounds + 1);
        var json = _server.Table(Cluster)!.ToJsonString();
        var parsed = Stopwatch.StartNew();
        for (var round = 0; round < Rounds; round++)
        {
            Assert.Equal(500, MembershipSnapshot.Read(KubernetesJson.Deserialize<k8s.Models.V1ConfigMap>(json)).Rows.Count);
        }

        parsed.Stop();
        var lists = BytesOf("list");
        await Open(token).ReadAllAsync(Token);
        var list = BytesOf("list") - lists;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"500 rows: {size} bytes of data, {read} bytes a ReadAll in {watch.Elapsed.TotalMilliseconds / Rounds:0.0} ms, {cpu.TotalMilliseconds / Rounds:0.0} ms of CPU with the server's, "
            + $"{parsed.Elapsed.TotalMilliseconds / Rounds:0.0} ms of it to parse; "
            + $"{list} bytes a list of Leases");

        Assert.InRange(size, 50_000, 256 * 1024);
        Assert.InRange(read, size, 2 * size);

        long BytesOf(string verb) => _server.Api.Requests().Where(request => request.Verb == verb).Sum(static request => request.BytesOut);
    }

    private static async Task InsertAsync(KubernetesMembershipTable table, MembershipEntry entry) =>
        Assert.True(await table.InsertRowAsync(entry, (await table.ReadAllAsync(Token)).Version.Next(), Token), $"{entry} could not be inserted.");

    private static MembershipEntry NewEntry(int number) => new()
    {
        SiloAddress = SiloAddress.New(new IPAddress([10, 0, (byte)(number / 256), (byte)number]), 11111, 1000 + number),
        SiloName = $"ip-10-0-{number / 256}-{number % 256}.eu-central-1.compute.internal",
        HostName = $"kubecop-{number:x5}",
        Status = SiloStatus.Active,
        StartTime = Start,
        IAmAliveTime = Start,
    };

    private async Task<KubernetesMembershipTable> OpenAsync(string token)
    {
        var table = Open(token);
        await table.InitializeMembershipTableAsync(true, Token);
        return table;
    }

    private KubernetesMembershipTable Open(string token, string @namespace = MembershipServer.Namespace)
    {
        var client = _server.ClientFor(token);
        _clients.Add(client);
        return new KubernetesMembershipTable(
            client,
            Options.Create(new KubernetesMembershipOptions { Namespace = @namespace }),
            Options.Create(new ClusterOptions { ClusterId = Cluster }),
            Options.Create(new ClusterMembershipOptions()),
            TimeProvider.System,
            new WarningLog<KubernetesMembershipTable>(_warnings));
    }
}

using System.Net;
using Orleans.Messaging;
using Xunit;

namespace KubeCop.Testing.Membership;

/// <summary>
/// What every membership table must do, by the contract of <see cref="IMembershipTable"/> and Orleans' own tests of its providers
/// (MembershipTableTestsBase); a provider's test class derives from it and says how to open one.
/// </summary>
public abstract class MembershipTableConformance
{
    /// <summary>As coarse as any store has times.</summary>
    private static readonly DateTime Now = new(DateTime.UtcNow.Ticks / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond, DateTimeKind.Utc);

    private static int _generation;

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>A cluster of the test's own.</summary>
    protected string ClusterId { get; } = $"test-{Guid.NewGuid():N}";

    /// <summary>Opens the table of a cluster as one more silo does, and makes it if it is not there.</summary>
    protected abstract Task<IMembershipTable> OpenAsync(string clusterId);

    /// <summary>Opens the list of gateways as a client does.</summary>
    protected abstract Task<IGatewayListProvider> OpenGatewaysAsync(string clusterId);

    protected Task<IMembershipTable> OpenAsync() => OpenAsync(ClusterId);

    [Fact]
    public async Task Table_New_IsEmptyAtVersionZero()
    {
        var data = await (await OpenAsync()).ReadAllAsync(Token);
        Assert.Empty(data.Members);
        Assert.Equal(0, data.Version.Version);
        Assert.False(string.IsNullOrEmpty(data.Version.VersionEtag), "The version of an empty table has no ETag to be written with.");
    }

    [Fact]
    public async Task Table_OpenedAgain_IsAsItWas()
    {
        var entry = NewEntry();
        await InsertAsync(await OpenAsync(), entry);

        var data = await (await OpenAsync()).ReadAllAsync(Token);
        Assert.Equal(1, data.Version.Version);
        AssertSame(entry, Assert.Single(data.Members).Item1);
    }

    [Fact]
    public async Task Table_OfAnotherCluster_IsAnotherTable()
    {
        var (table, other) = (await OpenAsync(), await OpenAsync($"{ClusterId}-2"));
        await InsertAsync(table, NewEntry());
        await InsertAsync(other, NewEntry());
        await InsertAsync(other, NewEntry());
        await table.DeleteMembershipTableEntriesAsync(ClusterId, Token);

        Assert.Equal(2, (await other.ReadAllAsync(Token)).Members.Count);
    }

    [Fact]
    public async Task Insert_OfARow_RaisesTheVersionAndChangesItsEtag()
    {
        var table = await OpenAsync();
        var before = (await table.ReadAllAsync(Token)).Version;
        var entry = NewEntry();
        Assert.True(await table.InsertRowAsync(entry, before.Next(), Token), "A row could not be inserted into an empty table.");

        var data = await table.ReadAllAsync(Token);
        Assert.Equal(before.Version + 1, data.Version.Version);
        Assert.NotEqual(before.VersionEtag, data.Version.VersionEtag);
        var (stored, etag) = Assert.Single(data.Members);
        AssertSame(entry, stored);
        Assert.False(string.IsNullOrEmpty(etag), "The new row has no ETag.");
    }

    [Fact]
    public async Task Insert_OfARowThatIsThere_IsRefused()
    {
        var table = await OpenAsync();
        var entry = NewEntry();
        await InsertAsync(table, entry);
        var before = await table.ReadAllAsync(Token);
        entry.Status = SiloStatus.Active;

        Assert.False(await table.InsertRowAsync(entry, before.Version.Next(), Token), "A row was inserted twice.");
        await AssertUnchangedAsync(table, before);
    }

    [Fact]
    public async Task Insert_WithAnOldVersion_IsRefused()
    {
        var table = await OpenAsync();
        var old = (await table.ReadAllAsync(Token)).Version;
        await InsertAsync(table, NewEntry());
        var before = await table.ReadAllAsync(Token);

        Assert.False(await table.InsertRowAsync(NewEntry(), old.Next(), Token), "A row was inserted by an old version of the table.");
        await AssertUnchangedAsync(table, before);
    }

    [Fact]
    public async Task Update_OfARow_StoresAllOfIt()
    {
        var table = await OpenAsync();
        var entry = NewEntry();
        await InsertAsync(table, entry);
        await InsertAsync(table, NewEntry());
        foreach (var status in new[] { SiloStatus.Active, SiloStatus.ShuttingDown, SiloStatus.Stopping, SiloStatus.Dead })
        {
            var before = await table.ReadRowAsync(entry.SiloAddress, Token);
            entry.Status = status;
            entry.AddSuspector(NewAddress(), Now.AddSeconds(entry.SuspectTimes?.Count ?? 0));
            Assert.True(await table.UpdateRowAsync(entry, before.Members[0].Item2, before.Version.Next(), Token), $"A row that was just read could not become {status}.");

            var after = await table.ReadRowAsync(entry.SiloAddress, Token);
            AssertSame(entry, Assert.Single(after.Members).Item1);
            Assert.Equal(before.Version.Version + 1, after.Version.Version);
            Assert.NotEqual(before.Version.VersionEtag, after.Version.VersionEtag);
        }
    }

    [Fact]
    public async Task Update_WithAnOldVersion_IsRefused()
    {
        var table = await OpenAsync();
        var entry = NewEntry();
        await InsertAsync(table, entry);
        var old = await table.ReadRowAsync(entry.SiloAddress, Token);
        Assert.True(await table.UpdateRowAsync(entry, old.Members[0].Item2, old.Version.Next(), Token), "A row that was just read could not be updated.");
        var before = await table.ReadAllAsync(Token);
        entry.Status = SiloStatus.Dead;

        Assert.False(await table.UpdateRowAsync(entry, old.Members[0].Item2, old.Version.Next(), Token), "A row was updated by an old version and an old ETag.");
        Assert.False(await table.UpdateRowAsync(entry, before.Members[0].Item2, old.Version.Next(), Token), "A row was updated by an old version.");
        await AssertUnchangedAsync(table, before);
    }

    [Fact]
    public async Task Update_AfterAnotherRowChanged_IsRefused()
    {
        var table = await OpenAsync();
        var entry = NewEntry();
        await InsertAsync(table, entry);
        var old = await table.ReadRowAsync(entry.SiloAddress, Token);
        await InsertAsync(table, NewEntry());

        Assert.False(await table.UpdateRowAsync(entry, old.Members[0].Item2, old.Version.Next(), Token), "A row was updated by a version that another row has left behind.");
    }

    [Fact]
    public async Task ReadRow_OfNone_GivesTheVersionAlone()
    {
        var table = await OpenAsync();
        await InsertAsync(table, NewEntry());

        var data = await table.ReadRowAsync(NewAddress(), Token);
        Assert.Empty(data.Members);
        Assert.Equal(1, data.Version.Version);
    }

    [Fact]
    public async Task ReadRow_OfOneOfTwo_GivesThatAndTheVersion()
    {
        var table = await OpenAsync();
        var entry = NewEntry();
        await InsertAsync(table, entry);
        await InsertAsync(table, NewEntry());

        var data = await table.ReadRowAsync(entry.SiloAddress, Token);
        AssertSame(entry, Assert.Single(data.Members).Item1);
        Assert.Equal((await table.ReadAllAsync(Token)).Version, data.Version);
    }

    [Fact]
    public async Task ReadAll_OfTwo_GivesBoth()
    {
        var table = await OpenAsync();
        MembershipEntry[] entries = [NewEntry(), NewEntry(SiloAddress.New(IPAddress.Parse("fd00::1"), 11111, Interlocked.Increment(ref _generation)))];
        foreach (var entry in entries)
        {
            await InsertAsync(table, entry);
        }

        var data = await table.ReadAllAsync(Token);
        Assert.Equal(2, data.Members.Count);
        Assert.Equal(2, data.Version.Version);
        foreach (var entry in entries)
        {
            AssertSame(entry, data.TryGet(entry.SiloAddress)?.Item1);
        }
    }

    [Fact]
    public async Task IAmAlive_ByASilo_ChangesNothingElse()
    {
        var (table, other) = (await OpenAsync(), await OpenAsync());
        var entry = NewEntry();
        await InsertAsync(table, entry);
        var before = await table.ReadRowAsync(entry.SiloAddress, Token);
        var alive = Now.AddSeconds(5);

        // As Orleans calls it: with nothing but these.
        await table.UpdateIAmAliveAsync(new MembershipEntry { SiloAddress = entry.SiloAddress, IAmAliveTime = alive }, Token);

        foreach (var reader in new[] { table, other })
        {
            var after = await reader.ReadAllAsync(Token);
            Assert.Equal(before.Version, after.Version);
            entry.IAmAliveTime = alive;
            AssertSame(entry, Assert.Single(after.Members).Item1);
        }

        entry.Status = SiloStatus.Active;
        Assert.True(await table.UpdateRowAsync(entry, before.Members[0].Item2, before.Version.Next(), Token), "What was read before a silo said that it is alive cannot be written any more.");
    }

    [Fact]
    public async Task IAmAlive_OfAllWhileRowsChange_NeverStandsInTheWay()
    {
        var table = await OpenAsync();
        var entries = Enumerable.Range(0, 5).Select(static _ => NewEntry()).ToList();
        foreach (var entry in entries)
        {
            await InsertAsync(table, entry);
        }

        using var written = new CancellationTokenSource();
        var alive = Task.WhenAll(entries.Select(entry => Task.Run(
            async () =>
            {
                var silo = await OpenAsync();
                do
                {
                    await silo.UpdateIAmAliveAsync(new MembershipEntry { SiloAddress = entry.SiloAddress, IAmAliveTime = DateTime.UtcNow }, Token);
                }
                while (!written.IsCancellationRequested);
            },
            Token)));
        for (var round = 0; round < 20; round++)
        {
            var data = await table.ReadRowAsync(entries[0].SiloAddress, Token);
            Assert.True(await table.UpdateRowAsync(data.Members[0].Item1, data.Members[0].Item2, data.Version.Next(), Token), $"Write {round} met a conflict although nobody else writes rows.");
        }

        await written.CancelAsync();
        await alive;
        Assert.Equal(entries.Count + 20, (await table.ReadAllAsync(Token)).Version.Version);
    }

    [Fact]
    public async Task Cleanup_RemovesSilosDeadForLong_AndNoOthers()
    {
        var table = await OpenAsync();
        var old = Now.AddDays(-10);
        foreach (var status in Enum.GetValues<SiloStatus>())
        {
            await InsertAsync(table, NewEntry(status: status, time: old));
            await InsertAsync(table, NewEntry(status: status));
        }

        await table.CleanupDefunctSiloEntriesAsync(Now.AddDays(-7), Token);

        var left = (await table.ReadAllAsync(Token)).Members.Select(static member => member.Item1).ToList();
        Assert.Equal(Enum.GetValues<SiloStatus>().Where(static status => status != SiloStatus.Dead), StatusesOf(left.Where(entry => entry.StartTime == old)));
        Assert.Equal(Enum.GetValues<SiloStatus>(), StatusesOf(left.Where(static entry => entry.StartTime == Now)));

        static IEnumerable<SiloStatus> StatusesOf(IEnumerable<MembershipEntry> entries) => entries.Select(static entry => entry.Status).Order();
    }

    [Fact]
    public async Task Delete_OfAllEntries_LeavesAnEmptyTable()
    {
        var table = await OpenAsync();
        await InsertAsync(table, NewEntry());
        await InsertAsync(table, NewEntry(status: SiloStatus.Active));

        await table.DeleteMembershipTableEntriesAsync(ClusterId, Token);

        Assert.Empty((await (await OpenAsync()).ReadAllAsync(Token)).Members);
    }

    [Fact]
    public async Task Gateways_AreActiveSilosThatHaveOne()
    {
        var table = await OpenAsync();
        var active = NewEntry(status: SiloStatus.Active);
        var closed = NewEntry(status: SiloStatus.Active);
        closed.ProxyPort = 0;
        foreach (var entry in new[] { active, closed, NewEntry(status: SiloStatus.Joining), NewEntry(status: SiloStatus.Dead) })
        {
            await InsertAsync(table, entry);
        }

        var gateways = await OpenGatewaysAsync(ClusterId);
        await gateways.InitializeGatewayListProviderAsync(Token);
        var gateway = Assert.Single(await gateways.GetGatewaysAsync(Token));
        Assert.Equal(SiloAddress.New(active.SiloAddress.Endpoint.Address, active.ProxyPort, active.SiloAddress.Generation).ToGatewayUri(), gateway);
    }

    [Fact]
    public async Task Insert_ByManyAtOnce_LetsExactlyOneWin()
    {
        var entry = NewEntry();
        var next = (await (await OpenAsync()).ReadAllAsync(Token)).Version.Next();
        var tables = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => OpenAsync()));

        var won = await Task.WhenAll(tables.Select(table => Task.Run(() => table.InsertRowAsync(entry, next, Token), Token)));

        Assert.Single(won, static win => win);
        Assert.Equal(1, (await tables[0].ReadAllAsync(Token)).Version.Version);
    }

    /// <summary>Each write that succeeded is in the table, no other is, and the version tells how many there were.</summary>
    [Fact]
    public async Task Update_ByManyAtOnce_CountsEverySuccessOnce()
    {
        const int Writers = 8;
        const int Writes = 10;
        var entry = NewEntry();
        await InsertAsync(await OpenAsync(), entry);
        var votes = new List<(SiloAddress Silo, int Version)>();

        await Task.WhenAll(Enumerable.Range(0, Writers).Select(_ => Task.Run(
            async () =>
            {
                var table = await OpenAsync();
                for (var write = 0; write < Writes;)
                {
                    var data = await table.ReadRowAsync(entry.SiloAddress, Token);
                    var (mine, etag) = data.Members[0];
                    var voter = NewAddress();
                    mine.AddSuspector(voter, Now);
                    if (await table.UpdateRowAsync(mine, etag, data.Version.Next(), Token))
                    {
                        write++;
                        lock (votes)
                        {
                            votes.Add((voter, data.Version.Version + 1));
                        }
                    }
                }
            },
            Token)));

        var end = await (await OpenAsync()).ReadRowAsync(entry.SiloAddress, Token);
        Assert.Equal(Enumerable.Range(2, Writers * Writes), votes.Select(static vote => vote.Version).Order());
        Assert.Equal(1 + (Writers * Writes), end.Version.Version);
        Assert.Equal(
            votes.OrderBy(static vote => vote.Version).Select(static vote => vote.Silo),
            end.Members[0].Item1.SuspectTimes!.Select(static vote => vote.Item1));
    }

    protected static SiloAddress NewAddress() => SiloAddress.New(IPAddress.Loopback, 12345, Interlocked.Increment(ref _generation));

    protected static MembershipEntry NewEntry(SiloAddress? address = null, SiloStatus status = SiloStatus.Joining, DateTime? time = null) => new()
    {
        SiloAddress = address ?? NewAddress(),
        SiloName = "node-1.example.com",
        HostName = "kubecop-x7k2p",
        Status = status,
        ProxyPort = 30000,
        StartTime = time ?? Now,
        IAmAliveTime = time ?? Now,
    };

    protected static async Task InsertAsync(IMembershipTable table, MembershipEntry entry) =>
        Assert.True(await table.InsertRowAsync(entry, (await table.ReadAllAsync(Token)).Version.Next(), Token), $"{entry} could not be inserted.");

    private static void AssertSame(MembershipEntry expected, MembershipEntry? stored)
    {
        Assert.NotNull(stored);
        Assert.Equal(expected.ToFullString(), stored.ToFullString());
        Assert.Equal((expected.ProxyPort, expected.HostName, expected.RoleName), (stored.ProxyPort, stored.HostName, stored.RoleName));
        Assert.Equal((expected.FaultZone, expected.UpdateZone), (stored.FaultZone, stored.UpdateZone));
        Assert.Equal((expected.StartTime, expected.IAmAliveTime), (stored.StartTime, stored.IAmAliveTime));
        Assert.Equal(expected.SuspectTimes ?? [], stored.SuspectTimes ?? []);
    }

    private static async Task AssertUnchangedAsync(IMembershipTable table, MembershipTableData before)
    {
        var after = await table.ReadAllAsync(Token);
        Assert.Equal(before.Version, after.Version);
        Assert.Equal(before.Members.Select(static member => member.Item1.ToFullString()), after.Members.Select(static member => member.Item1.ToFullString()));
    }
}

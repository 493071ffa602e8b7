using System.Net;
using System.Text.Json.Nodes;
using k8s.Models;
using KubeCop.Core.Bindings;
using KubeCop.Kubernetes.Membership;
using Microsoft.Extensions.Logging.Abstractions;
using Orleans.Configuration;

namespace KubeCop.Tests.Kubernetes.Membership;

public sealed class MembershipSnapshotTests
{
    private static readonly DateTime Start = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc).AddTicks(1234567);

    [Fact]
    public void Row_AsJson_IsAsDocumented()
    {
        var entry = NewEntry(1);
        entry.SuspectTimes = [Tuple.Create(SiloAddress.New(IPAddress.Parse("10.0.0.2"), 11111, 7), Start.AddMinutes(1))];

        Assert.Equal(
            """
            {"address":"10.0.0.1:11111@1001","name":"node-1.eu-central-1.compute.internal","host":"kubecop-node-1","status":"Active","start":"2026-01-02T03:04:05.1234567Z",
            "iAmAlive":"2026-01-02T03:04:05.1234567Z","proxyPort":0,"faultZone":0,"updateZone":0,"suspects":[{"silo":"10.0.0.2:11111@7","at":"2026-01-02T03:05:05.1234567Z"}]}
            """.ReplaceLineEndings(""),
            MembershipRow.Of(entry).ToJson());
    }

    [Fact]
    public void Row_WrittenByANewerVersion_KeepsItsUnknownFields()
    {
        var known = MembershipRow.Parse(MembershipRow.Of(NewEntry(1)).ToJson().Replace("{\"address\"", "{\"shard\":{\"of\":3},\"address\"", StringComparison.Ordinal));

        Assert.Contains("\"shard\":{\"of\":3}", MembershipRow.Of(NewEntry(1), known).ToJson(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("format", "2", "'2'", "Run the version of kubecop that wrote it")]
    [InlineData("version", "many", "'many' is no number", "Mend it")]
    [InlineData("10.0.0.1-11111-5", "{", "10.0.0.1-11111-5", "Mend it")]
    [InlineData("10.0.0.1-11111-5", "{}", "'address'", "Mend it")]
    [InlineData("10.0.0.1-11111-5", "null", "null", "Mend it")]
    [InlineData(
        "10.0.0.1-11111-5",
        """{"address":"here","name":"a","host":"a","status":"Active","start":"2026-01-02T03:04:05Z","iAmAlive":"2026-01-02T03:04:05Z"}""",
        "'here' is no silo's address",
        "Mend it")]
    [InlineData(
        "10.0.0.1-11111-5",
        """{"address":"10.0.0.1:11111@5","name":"a","host":"a","status":"Sleepy","start":"2026-01-02T03:04:05Z","iAmAlive":"2026-01-02T03:04:05Z"}""",
        "status",
        "Mend it")]
    public void Table_ThatIsNone_IsRefusedByNameWithTheReason(string key, string value, string reason, string remedy)
    {
        var table = NewTable(MembershipSnapshot.Empty);
        table.Data[key] = value;

        var error = Assert.Throws<MembershipException>(() => MembershipSnapshot.Read(table));

        Assert.Contains("ConfigMap kubecop/kubecop-membership", error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        Assert.Contains(remedy, error.Message, StringComparison.Ordinal);
        Assert.False(error.MayPass, "A table that cannot be read does not mend itself.");
    }

    [Fact]
    public void Table_MadeByAnInstallerWithoutContent_IsEmpty()
    {
        var table = MembershipSnapshot.Read(NewTable(null));

        Assert.Equal((0, 0), (table.Version, table.Rows.Count));
    }

    [Fact]
    public void Patch_OfRows_AppliesToWhatWasReadOnly()
    {
        var (added, removed) = (NewEntry(1), NewEntry(2));
        var table = MembershipSnapshot.Read(NewTable(MembershipSnapshot.Empty));

        var patch = JsonNode.Parse(table.Patch(5, [new(added.SiloAddress, MembershipRow.Of(added)), new(removed.SiloAddress, null)]))!;

        Assert.Equal("77", (string?)patch["metadata"]!["resourceVersion"]);
        Assert.Equal("5", (string?)patch["data"]!["version"]);
        Assert.Equal(MembershipRow.Of(added).ToJson(), (string?)patch["data"]!["10.0.0.1-11111-1001"]);
        Assert.True(patch["data"]!.AsObject().TryGetPropertyValue("10.0.0.2-11111-1002", out var gone) && gone is null, "A row to remove has to be null in a merge patch.");
    }

    /// <summary>A ConfigMap takes 1 MiB (Kubernetes, "ConfigMaps: motivation"). Each silo of a rolling restart leaves a dead row for a while.</summary>
    [Fact]
    public void Table_Of500SilosAndAsManyDeadOnes_IsFarBelowWhatAConfigMapTakes()
    {
        var table = MembershipSnapshot.Read(NewTable(MembershipSnapshot.Empty));
        var entries = Enumerable.Range(0, 1000).Select(NewEntry).ToList();
        foreach (var dead in entries.Take(500))
        {
            dead.Status = SiloStatus.Dead;
            dead.SuspectTimes = [.. Enumerable.Range(0, 3).Select(number => Tuple.Create(NewEntry(number).SiloAddress, Start))];
        }

        var data = JsonNode.Parse(table.Patch(1, entries.Select(static entry => KeyValuePair.Create(entry.SiloAddress, (MembershipRow?)MembershipRow.Of(entry)))))!["data"]!.AsObject();
        var bytes = data.Sum(static item => item.Key.Length + System.Text.Encoding.UTF8.GetByteCount((string)item.Value!));

        TestContext.Current.TestOutputHelper?.WriteLine($"{bytes} bytes for 1000 rows");
        Assert.InRange(bytes, 1000 * 200, 512 * 1024);
    }

    [Theory]
    [InlineData("node-1", "node-1-")]
    [InlineData("ip-10-0-0-1.eu-central-1.compute.internal", "ip-10-0-0-1.eu-central-1.compute.internal-")]
    [InlineData("Node_1", "node-1-")]
    [InlineData("a..b", "a--b-")]
    [InlineData("a.-b", "a--b-")]
    [InlineData("a-.b.", "a--b-")]
    [InlineData(".a", "a-")]
    [InlineData("", "")]
    [InlineData("...", "")]
    [InlineData("узел", "")]
    public void LeaseName_OfAnySilo_BeginsWithItsNameAndIsAName(string silo, string beginning)
    {
        var name = NewLeases("kubecop").NameOf(NewEntry(1).SiloAddress, silo);

        Assert.StartsWith(beginning, name, StringComparison.Ordinal);
        Assert.True(KubernetesSyntax.IsName(name), $"'{name}' is no name of an object.");
    }

    [Fact]
    public void LeaseName_OfALongNode_IsANameStill()
    {
        foreach (var part in new[] { "a", "ab.", "a-.", "abcdefg-" })
        {
            var name = NewLeases("kubecop").NameOf(NewEntry(1).SiloAddress, string.Concat(Enumerable.Repeat(part, 253)));
            Assert.True(KubernetesSyntax.IsName(name), $"'{name}' is no name of an object.");
        }
    }

    [Fact]
    public void LeaseName_OfAnotherGenerationOrCluster_IsAnother()
    {
        var silo = NewEntry(1).SiloAddress;
        var again = SiloAddress.New(silo.Endpoint, silo.Generation + 1);

        Assert.Equal(3, new[] { NewLeases("a").NameOf(silo, "node"), NewLeases("a").NameOf(again, "node"), NewLeases("b").NameOf(silo, "node") }.Distinct().Count());
    }

    [Theory]
    [InlineData("kubecop", "kubecop", null)]
    [InlineData("", "kubecop", "namespace ''")]
    [InlineData("a.b", "kubecop", "namespace 'a.b'")]
    [InlineData("kubecop", "", "cluster id ''")]
    [InlineData("kubecop", "Prod_1", "cluster id 'Prod_1'")]
    [InlineData("kubecop", "-a", "cluster id '-a'")]
    public void Options_ThatNameNoObject_AreMistakes(string @namespace, string clusterId, string? mistake)
    {
        var found = KubernetesMembershipOptions.FindMistake(@namespace, clusterId);

        Assert.True(mistake is null ? found is null : found?.Contains(mistake, StringComparison.Ordinal) == true, found);
    }

    /// <summary>With the time that the reading of a Lease may be old, and the time until the next.</summary>
    [Theory]
    [InlineData(1, 30)]
    [InlineData(20, 30)]
    [InlineData(60, 75)]
    [InlineData(600, 750)]
    public void PublishPeriod_ForARefreshPeriod_LeavesNoLivingSiloStale(int refreshSeconds, int publishSeconds)
    {
        var refresh = TimeSpan.FromSeconds(refreshSeconds);
        var options = new ClusterMembershipOptions { TableRefreshTimeout = refresh };
        KubernetesMembershipOptions.UseDefaults(options);

        Assert.Equal(TimeSpan.FromSeconds(publishSeconds), options.IAmAliveTablePublishTimeout);
        var leases = new SiloLeases(null!, "kubecop", options, TimeProvider.System, NullLogger.Instance);
        var oldest = options.IAmAliveTablePublishTimeout + leases.LongestUnread;
        Assert.True(oldest < leases.Validity, $"A silo that is alive would look {oldest} old, and counts as stale after {leases.Validity}.");
        Assert.True(leases.LongestUnread > 2 * refresh, $"The Leases would be listed more often than at every second refresh, after {leases.LongestUnread}.");
    }

    private static MembershipEntry NewEntry(int number) => new()
    {
        SiloAddress = SiloAddress.New(new IPAddress([10, 0, (byte)(number / 256), (byte)number]), 11111, 1000 + number),
        SiloName = $"node-{number}.eu-central-1.compute.internal",
        HostName = $"kubecop-node-{number}",
        Status = SiloStatus.Active,
        StartTime = Start,
        IAmAliveTime = Start,
    };

    private static SiloLeases NewLeases(string clusterId) => new(null!, clusterId, new ClusterMembershipOptions(), TimeProvider.System, NullLogger.Instance);

    private static V1ConfigMap NewTable(Dictionary<string, string>? data) => new()
    {
        Metadata = new V1ObjectMeta { Name = "kubecop-membership", NamespaceProperty = "kubecop", ResourceVersion = "77" },
        Data = data,
    };
}

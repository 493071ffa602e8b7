using KubeCop.Cluster.Tests.Faults;
using KubeCop.Testing;
using KubeCop.Testing.Tls;

namespace KubeCop.Cluster.Tests.Tls;

/// <summary>Nodes as processes that prove to each other who they are, and some that cannot.</summary>
[Collection(nameof(WholeMachine))]
public sealed class ClusterTlsTests(TlsCluster cluster) : IClassFixture<TlsCluster>
{
    private FaultNode First => cluster.Members[0].Node;

    [Fact]
    public async Task Nodes_CertificatesNotGood_DoNotJoinAndBothSayWhyUntilTheyAreReplaced()
    {
        await cluster.StartAsync();
        using var other = new TestAuthority();
        (string Name, PemPair Pair, string Reason)[] faults =
        [
            ("node-other-authority", other.Issue(), "is of none of the authorities in KubeCop:Cluster:Tls:CaFile"),
            ("node-other-name", cluster.Authority.Issue("kubecop-http"), "is not one of a silo"),
            ("node-expired", cluster.Authority.Issue(from: DateTimeOffset.UtcNow.AddDays(-9), until: DateTimeOffset.UtcNow.AddHours(-1)), "has expired on"),
        ];
        var (before, members) = (await SilosAsync(), await First.AskAsync("members"));
        var plain = cluster.StartAsync("node-plain", new Dictionary<string, string> { ["KubeCop:Cluster:Tls:Mode"] = "none" });
        var nodes = await Task.WhenAll(faults.Select(fault => cluster.StartAsync(fault.Name, fault.Pair)));
        foreach (var ((node, _), (_, _, reason)) in nodes.Zip(faults))
        {
            await node.UntilSiloIsAsync("Alone");
            await First.UntilLogHasAsync($"The certificate of 127.0.0.1 {reason}");
            await node.UntilLogHasAsync($"says that this node's certificate {reason}");

            // As long as it goes on trying, and not as long as a machine that is busy takes to come here.
            await UntilDegradedAsync(First, $"The certificate of 127.0.0.1 {reason}");
            await UntilDegradedAsync(node, $"says that this node's certificate {reason}");
            Assert.Equal("1", await node.AskAsync("members"));
        }

        // In a rollout others answer late as well, so one refusal is no reason to run alone.
        Assert.Contains(nodes, static node => File.ReadAllText(node.Node.Log).Contains("has not joined its cluster yet, and tries again.", StringComparison.Ordinal));
        await (await plain).UntilSiloIsAsync("Alone");
        await First.UntilLogHasAsync("127.0.0.1 does not use TLS.");
        await (await plain).UntilLogHasAsync("The silos of this cluster prove nothing to each other");
        Assert.Equal(before, await SilosAsync());
        Assert.Equal(members, await First.AskAsync("members"));

        foreach (var (_, files) in nodes)
        {
            files.Write(cluster.Authority.Issue(), cluster.Authorities);
        }

        await cluster.AddAsync(nodes);
        foreach (var (node, _) in nodes)
        {
            // At the endpoints and at the silo's port. Of silos before it that did not become members, nothing may take connections meant for this one.
            await Wait.UntilAsync(() => node.AskAsync("listeners"), static listeners => listeners == "2", $"{node.Name} that listens twice");
        }

        Assert.Empty(cluster.Members.SelectMany(static member => member.Node.Complaints));
    }

    /// <summary>All of a cluster goes over to another authority, of the same name, while it runs.</summary>
    [Fact]
    public async Task Cluster_CertificatesReplaced_ANodeThatKnowsOnlyTheNewAuthorityJoins()
    {
        await cluster.StartAsync();
        var before = await SilosAsync();
        await cluster.ReplaceAuthorityAsync();
        await cluster.AddAsync(await cluster.StartAsync("node-new", cluster.Authority.Issue(), cluster.Authority.Pem));

        Assert.Equal(before, (await SilosAsync()).SkipLast(1));
        Assert.Empty(cluster.Members.SelectMany(static member => member.Node.Complaints));
    }

    /// <summary>Whoever reaches a silo's port can call its grains: one that runs alone has none.</summary>
    [Fact]
    public async Task Node_Alone_ListensAtNothingButItsEndpoints()
    {
        await cluster.StartAsync();
        Assert.Equal("Alone 0", await cluster.Alone.AskAsync("silo"));
        Assert.InRange(await cluster.Alone.AttackAsync("/dev/shm/x"), TimeSpan.Zero, TimeSpan.FromSeconds(10));

        Assert.Equal("1", await cluster.Alone.AskAsync("listeners"));
    }

    /// <summary>What each member is, and how often it had another silo.</summary>
    private Task<string[]> SilosAsync() => Task.WhenAll(cluster.Members.Select(static member => member.Node.AskAsync("silo")));

    private static Task UntilDegradedAsync(FaultNode node, string reason) =>
        Wait.UntilAsync(() => node.AskAsync("degraded"), degraded => degraded.Contains(reason, StringComparison.Ordinal), $"'{reason}' among the degraded parts of {node.Name}");
}

using KubeCop.Core.Rules.Matching;
using KubeCop.Testing;

namespace KubeCop.Tests.Core.Rules;

public sealed class DomainSetTests
{
    private static readonly DomainSet Domains = new(["pool.example", "eu.pool.example", "Mixed.Example.", "single"]);

    [Theory]
    [InlineData("pool.example", "pool.example")]
    [InlineData("pool.example.", "pool.example")]
    [InlineData("POOL.Example..", "pool.example")]
    [InlineData("a.b.pool.example", "pool.example")]
    [InlineData("x.eu.pool.example", "eu.pool.example")] // the longest
    [InlineData("mixed.example", "mixed.example")]
    [InlineData("single", "single")]
    [InlineData(".pool.example", "pool.example")]
    [InlineData("..pool.example", "pool.example")]
    [InlineData("whirlpool.example", null)]
    [InlineData("example", null)]
    [InlineData("pool.example.default.svc.cluster.local", null)]
    [InlineData("pool-example", null)]
    [InlineData("singles", null)]
    [InlineData(".", null)]
    [InlineData("", null)]
    public void Find_Name_GivesTheDomainAboveIt(string name, string? domain)
    {
        Assert.Equal(domain, Domains.Find(name));
        Assert.Equal(domain is not null, Domains.Covers(name));
    }

    [Theory]
    [InlineData("")]
    [InlineData(".")]
    [InlineData("pool..example")]
    [InlineData(".pool.example")]
    public void Domains_WithEmptyLabels_AreRefused(string domain) =>
        Assert.StartsWith($"'{domain}' is not a domain", Assert.Throws<ArgumentException>(() => new DomainSet([domain])).Message, StringComparison.Ordinal);

    [Fact]
    public void Find_AllocatesNothing()
    {
        string[] names = ["x.eu.Pool.example.", string.Join('.', Enumerable.Repeat("a", 120)), "example.org"];
        Assert.Equal(0, Allocations.Of(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                foreach (var name in names)
                {
                    _ = Domains.Find(name);
                }
            }
        }));
    }
}

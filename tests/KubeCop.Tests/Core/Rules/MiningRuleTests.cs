using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Signatures;

namespace KubeCop.Tests.Core.Rules;

public sealed class MiningRuleTests
{
    [Theory]
    [InlineData("zergpool.com", "zergpool.com")]
    [InlineData("Eu.ZergPool.com.", "zergpool.com")]
    [InlineData("xmr.kryptex.network", "xmr.kryptex.network")]
    [InlineData("notzergpool.com", null)]
    [InlineData("zergpool.com.example", null)]
    [InlineData("kryptex.network", null)]
    [InlineData(".", null)]
    public void Domain_OfAPool_Fires(string name, string? pool)
    {
        var rule = MiningDomainRequest.Type.Create(RuleArguments.Default);
        Assert.Equal(pool is not null, Evaluate(rule, Sample.Query(name)) is { } query && query.Message.EndsWith($"the mining pool {pool}", StringComparison.Ordinal));
        Assert.Equal(pool is not null, Evaluate(rule, Sample.Answer(name, ["192.0.2.1"])) is not null);
        // That it was learned makes no difference.
        Assert.Equal(pool is not null, Evaluate(rule, Sample.Query(name), Sample.Profile(Sample.DnsItem(name))) is not null);
    }

    [Fact]
    public void Domain_OfABinding_FiresToo()
    {
        var rule = With(MiningDomainRequest.Type, "additionalDomains", "Pool.Example.");
        Assert.NotNull(Evaluate(rule, Sample.Query("eu.pool.example")));
        Assert.NotNull(Evaluate(rule, Sample.Query("zergpool.com")));
        Assert.Null(Evaluate(rule, Sample.Query("whirlpool.example")));
    }

    [Fact]
    public void Domain_OfABindingThatIsNone_IsRefused()
    {
        var error = Assert.Throws<RuleArgumentException>(() => With(MiningDomainRequest.Type, "additionalDomains", "pool..example"));
        Assert.StartsWith("R1008, parameter additionalDomains: 'pool..example' is not a domain", error.Message, StringComparison.Ordinal);
        Assert.Throws<RuleArgumentException>(() => With(MiningDomainRequest.Type, "additionalDomains", 7));
    }

    [Theory]
    [InlineData(NetworkAction.Connect, "tcp", 3333, true)]
    [InlineData(NetworkAction.Connect, "tcp", 45700, true)]
    [InlineData(NetworkAction.Connect, "tcp", 3334, false)]
    [InlineData(NetworkAction.Connect, "udp", 3333, false)]
    [InlineData(NetworkAction.Listen, "tcp", 3333, false)]
    [InlineData(NetworkAction.Accept, "tcp", 3333, false)]
    public void Port_OfPools_FiresForConnectionsBegun(NetworkAction action, string protocol, int port, bool fires)
    {
        var rule = MiningPortConnection.Type.Create(RuleArguments.Default);
        Assert.Equal(fires, Evaluate(rule, Sample.Network(action, protocol, "192.0.2.1", (ushort)port)) is not null);
    }

    [Fact]
    public void Port_OfAKnownPeer_IsSilent()
    {
        var rule = MiningPortConnection.Type.Create(RuleArguments.Default);
        var profile = Sample.Profile(new NetworkItem(true, "tcp", 3333, "192.0.2.1"));
        Assert.Null(Evaluate(rule, Sample.Connect("192.0.2.1", 3333), profile));
        var finding = Evaluate(rule, Sample.Connect("192.0.2.2", 3333), profile);
        Assert.Equal("kubecop profiles allow shop/deployment-web --container web --connect tcp:192.0.2.2:3333", finding?.Fix);
    }

    [Fact]
    public void Port_OfABinding_TakesThePlaceOfTheDefault()
    {
        var rule = With(MiningPortConnection.Type, "ports", 14444);
        Assert.NotNull(Evaluate(rule, Sample.Connect("192.0.2.1", 14444)));
        Assert.Null(Evaluate(rule, Sample.Connect("192.0.2.1", 3333)));
    }

    private static IRule With(RuleType type, string parameter, object value) =>
        type.Create(RuleArguments.Read(type.Descriptor, new Dictionary<string, object?> { [parameter] = new List<object?> { value } }));

    private static Finding? Evaluate(IRule rule, SensorEvent sensorEvent, CompiledProfile? profile = null) =>
        rule.Evaluate(sensorEvent, new RuleContext(Sample.Container, profile));
}

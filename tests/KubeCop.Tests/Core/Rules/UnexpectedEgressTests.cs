using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Deviations;

namespace KubeCop.Tests.Core.Rules;

public sealed class UnexpectedEgressTests
{
    private const string Public = "93.184.216.34";

    private static readonly NetworkItem Server = new(true, "udp", 53, "10.96.0.10");
    private static readonly CompiledProfile Profile = Sample.Profile(
        new NetworkItem(true, "tcp", 443, "1.2.3.4"), Sample.DnsItem("api.example", "5.6.7.8"), Server);

    private readonly IRule _rule = UnexpectedEgress.Type.Create(RuleArguments.Default).ForContainer();

    [Theory]
    [InlineData(Public, true)]
    [InlineData("2606:4700::1", true)]
    [InlineData("10.1.2.3", false)]
    [InlineData("169.254.169.254", false)]
    [InlineData("fd00::1", false)]
    [InlineData("1.2.3.4", false)] // known, if under another port
    [InlineData("5.6.7.8", false)] // a name of the profile had it while learning
    public void Connection_ToAPublicAddressThatIsUnknown_Fires(string address, bool fires)
    {
        Assert.Equal(fires, Evaluate(Sample.Connect(address, 8443)) is not null);
        Assert.Null(_rule.Evaluate(Sample.Connect(address, 8443), new RuleContext(Sample.Container, null)));
    }

    [Fact]
    public void Connection_FromOutside_IsNone()
    {
        Assert.Null(Evaluate(Sample.Network(NetworkAction.Accept, "tcp", Public, 80)));
        Assert.Null(Evaluate(Sample.Network(NetworkAction.Listen, "tcp", Public, 80)));
    }

    [Fact]
    public void Connection_Unknown_IsAllowedByItsAddress()
    {
        var finding = Evaluate(Sample.Connect("2606:4700::1", 443));
        Assert.Equal("tcp [2606:4700::1]:443", finding?.Subject);
        Assert.Equal("kubecop profiles allow shop/deployment-web --container web --connect 'tcp:[2606:4700::1]:443'", finding!.Fix);
        Assert.Null(_rule.Evaluate(Sample.Connect("2606:4700::1", 443), new RuleContext(Sample.Container, Sample.Profile(new NetworkItem(true, "tcp", 443, "2606:4700::1")))));
    }

    [Fact]
    public void Answer_ToANameOfTheProfile_MakesItsAddressesKnown()
    {
        Assert.Null(Evaluate(Sample.Answer("api.example", [Public, "2606:4700::1", "10.0.0.1"])));
        Assert.Null(Evaluate(Sample.Connect(Public, 443)));
        Assert.Null(Evaluate(Sample.Connect("2606:4700::1", 443)));
        Assert.NotNull(Evaluate(Sample.Connect("93.184.216.35", 443)));
    }

    [Fact]
    public void Answer_ToAnotherName_DoesNot()
    {
        Evaluate(Sample.Answer("evil.example", [Public]));
        Assert.NotNull(Evaluate(Sample.Connect(Public, 443)));
    }

    [Fact]
    public void Answer_OfAServerTheProfileDoesNotKnow_DoesNot()
    {
        var answer = Sample.Answer("api.example", [Public]);
        answer.Details = answer.Dns! with { Server = "127.0.0.1" };
        Evaluate(answer);
        Assert.NotNull(Evaluate(Sample.Connect(Public, 443)));
    }

    [Fact]
    public void Answer_OfOneContainer_IsNotKnownToAnother()
    {
        Evaluate(Sample.Answer("api.example", [Public]));
        Assert.NotNull(_rule.ForContainer().Evaluate(Sample.Connect(Public, 443), new RuleContext(Sample.Container, Profile)));
    }

    [Fact]
    public void Answers_AreRememberedUpToABound()
    {
        Evaluate(Sample.Answer("api.example", [Public]));
        for (var i = 0; i < 4096; i++)
        {
            Evaluate(Sample.Answer("api.example", [$"20.0.{i / 256}.{i % 256}"]));
        }

        Assert.Null(Evaluate(Sample.Connect("20.0.15.255", 443)));
        Assert.NotNull(Evaluate(Sample.Connect(Public, 443)));
    }

    [Fact]
    public void Repeats_AreNeededOfAnswersWithPublicAddressesOnly()
    {
        Assert.Equal(Delivery.Every, UnexpectedEgress.Type.Descriptor.Delivery);
        Assert.True(_rule.NeedsEvery(Sample.Answer("api.example", ["10.0.0.1", Public])));
        Assert.False(_rule.NeedsEvery(Sample.Answer("db.shop.svc.cluster.local", ["10.0.0.1"])));
        Assert.False(_rule.NeedsEvery(Sample.Answer("missing.example", [], "NXDOMAIN")));
        Assert.False(_rule.NeedsEvery(Sample.Query("api.example")));
        Assert.False(_rule.NeedsEvery(Sample.Connect(Public, 443)));
    }

    private Finding? Evaluate(SensorEvent sensorEvent) => _rule.Evaluate(sensorEvent, new RuleContext(Sample.Container, Profile));
}

using KubeCop.Core.Rules;

namespace KubeCop.Tests.Core.Rules;

public sealed class RuleArgumentsTests
{
    private static readonly RuleParameter<bool> Flag = RuleParameter.Boolean("flag", true, "");
    private static readonly RuleParameter<IReadOnlyList<string>> Paths = RuleParameter.Paths("paths", ["/proc"], "");
    private static readonly RuleParameter<IReadOnlyList<ushort>> Ports = RuleParameter.Ports("ports", [22], "");
    private static readonly RuleParameter<IReadOnlyList<string>> Names = RuleParameter.Names("names", [], "");
    private static readonly RuleParameter<IReadOnlyList<string>> Domains = RuleParameter.Domains("domains", [], "");

    private static readonly RuleDescriptor Rule = RuleCatalog.Descriptors[0] with { Id = "R9999", Parameters = [Flag, Paths, Ports, Names, Domains] };

    [Fact]
    public void Given_IsRead()
    {
        var arguments = Read(("flag", "false"), ("paths", new List<object?> { "/tmp/", "/run" }), ("ports", new List<object?> { 22, "2222", 8022L }));

        Assert.False(arguments.Get(Flag));
        Assert.Equal(["/tmp", "/run"], arguments.Get(Paths));
        Assert.Equal([22, 2222, 8022], arguments.Get(Ports));
        Assert.Empty(arguments.Get(Names));
    }

    [Fact]
    public void NotGiven_HasItsDefault()
    {
        Assert.True(RuleArguments.Default.Get(Flag));
        Assert.Equal(["/proc"], Read(("flag", false)).Get(Paths));
        Assert.Equal("/proc", Paths.Default);
        Assert.Equal("none", Names.Default);
    }

    [Fact]
    public void Equal_WhenTheValuesAre()
    {
        Assert.Equal(Read(("flag", true), ("ports", new List<object?> { 22 })), Read(("ports", new List<object?> { "22" }), ("flag", "true")));
        Assert.NotEqual(Read(("flag", true)), Read(("flag", false)));
        Assert.NotEqual(Read(("names", new List<object?> { "a", "b" })), Read(("names", new List<object?> { "a, b" })));
    }

    [Theory]
    [InlineData("flag", "maybe", "R9999, parameter flag: expected true or false")]
    [InlineData("flag", null, "R9999, parameter flag: expected true or false")]
    [InlineData("paths", "/tmp", "R9999, parameter paths: expected a list")]
    [InlineData("ports", 22, "R9999, parameter ports: expected a list")]
    [InlineData("other", true, "R9999 has no parameter 'other'; it has flag, paths, ports, names, domains")]
    public void Wrong_IsRefusedByName(string name, object? value, string message)
    {
        var error = Assert.Throws<RuleArgumentException>(() => Read((name, value)));
        Assert.Equal((name, message), (error.Parameter, error.Message));
    }

    [Theory]
    [InlineData("paths", "proc", "R9999, parameter paths: 'proc' is not a path prefix")]
    [InlineData("paths", 7, "R9999, parameter paths: expected a list of absolute paths")]
    [InlineData("ports", 0, "R9999, parameter ports: '0' is no port; expected 1 to 65535")]
    [InlineData("ports", 65536, "R9999, parameter ports: '65536' is no port; expected 1 to 65535")]
    [InlineData("ports", "ssh", "R9999, parameter ports: 'ssh' is no port; expected 1 to 65535")]
    [InlineData("names", "", "R9999, parameter names: expected a list of names")]
    public void WrongInList_IsRefusedByName(string name, object? item, string message)
    {
        var error = Assert.Throws<RuleArgumentException>(() => Read((name, new List<object?> { item })));
        Assert.StartsWith(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void SeveralWrongInList_AreAllTold()
    {
        var error = Assert.Throws<RuleArgumentException>(() => Read(("ports", new List<object?> { -1, 22, 65536, 22.5, -1 })));
        Assert.Equal(
            "R9999, parameter ports: '-1' is no port; expected 1 to 65535; '65536' is no port; expected 1 to 65535; '22.5' is no port; expected 1 to 65535",
            error.Message);
    }

    [Fact]
    public void ManyWrongInList_AreToldUpToABound()
    {
        var error = Assert.Throws<RuleArgumentException>(() => Read(("ports", Enumerable.Range(70_000, 100_000).Cast<object?>().ToList())));
        Assert.EndsWith("'70009' is no port; expected 1 to 65535; and more", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WrongDomain_IsToldWithoutTheCodesOwnNames()
    {
        var error = Assert.Throws<RuleArgumentException>(() => Read(("domains", new List<object?> { "", "pool.example", "a..b" })));
        Assert.Equal(
            "R9999, parameter domains: '' is not a domain: expected labels with dots between them, for example pool.example; "
                + "'a..b' is not a domain: expected labels with dots between them, for example pool.example",
            error.Message);
    }

    [Fact]
    public void RuleWithoutParameters_SaysSo()
    {
        var error = Assert.Throws<RuleArgumentException>(() => RuleArguments.Read(Rule with { Parameters = [] }, new Dictionary<string, object?> { ["x"] = 1 }));
        Assert.Equal("R9999 has no parameters", error.Message);
    }

    private static RuleArguments Read(params (string Name, object? Value)[] given) =>
        RuleArguments.Read(Rule, given.ToDictionary(static pair => pair.Name, static pair => pair.Value));
}

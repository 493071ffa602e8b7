using CsCheck;
using KubeCop.Core.Bindings;
using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using static KubeCop.Tests.Core.Bindings.BindingSample;

namespace KubeCop.Tests.Core.Bindings;

public sealed class RuleBindingsTests
{
    private const string Everybody = "podSelector: {}";
    private const string Shop = "namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: shop } }";
    private const string Web = "podSelector: { matchLabels: { app: web } }";

    [Fact]
    public void NoSetYet_NoRules()
    {
        var bindings = new RuleBindings(new NamespaceNames());

        Assert.Null(bindings.InForce);
        Assert.Empty(bindings.RulesOf(Container()).Rules);
        Assert.Empty(bindings.Rules.Rules);
    }

    [Fact]
    public void RulesOf_SelectorsDecide()
    {
        var bindings = Compile(Yaml("a", Shop, "- ruleID: R0001"), Yaml("b", Web, "- ruleID: R1000"));

        Assert.Equal("R0001 critical, R1000 critical", Text(bindings.RulesOf(Container("shop", ("app", "web")))));
        Assert.Equal("R1000 critical", Text(bindings.RulesOf(Container("bank", ("app", "web")))));
        Assert.Equal("R0001 critical", Text(bindings.RulesOf(Container("shop", ("app", "db")))));
        Assert.Equal("", Text(bindings.RulesOf(Container("bank"))));
        Assert.Equal("R0001 critical, R1000 critical", Text(bindings.Rules));
    }

    [Fact]
    public void RulesOf_ContainerOfNoPod_HasNoLabelsAndItsRuntimesNamespace()
    {
        var bindings = Compile(
            Yaml("a", Shop, "- ruleID: R0001"), Yaml("b", Web, "- ruleID: R1000"), Yaml("c", "podSelector: { matchExpressions: [{ key: app, operator: NotIn, values: [web] }] }", "- ruleID: R1001"));
        var container = Sample.Container with { Pod = null, Workload = new WorkloadKey("shop", "Container", "web") };

        Assert.Equal("R0001 critical, R1001 critical", Text(bindings.RulesOf(container)));
    }

    [Fact]
    public void Severity_OfTheBinding_IsTheAlerts() =>
        Assert.Equal("R0001 low, R1000 critical", Text(Compile(Yaml("a", Everybody, "- ruleID: R0001\n  severity: low\n- ruleID: R1000")).RulesOf(Container())));

    [Fact]
    public void SeveralBindings_OfARule_BindItOnce() => Assert.Equal(
        "R1000 critical, R1001 critical",
        Text(Compile(Yaml("a", Everybody, "- ruleTags: [base image]\n- ruleID: R1000"), Yaml("b", Everybody, "- ruleName: Exec from malicious source")).RulesOf(Container())));

    /// <summary>docs/bindings.md, "Several bindings for one container".</summary>
    [Theory]
    [InlineData("everybody", "low")]
    [InlineData("everybody namespace", "medium")]
    [InlineData("everybody namespace pods", "high")]
    [InlineData("everybody namespace pods both", "critical")]
    [InlineData("everybody pods", "high")]
    [InlineData("both everybody", "critical")]
    [InlineData("everybody z-everybody", "none")]
    [InlineData("namespace z-everybody", "medium")]
    public void SeveralBindings_TheMostSpecificHoldsThenTheLastName(string names, string severity)
    {
        var known = new Dictionary<string, string>
        {
            // The names are against the order, so that only the selectors can explain it.
            ["both"] = Yaml("a", $"{Shop}\n{Web}", "- ruleID: R0001\n  severity: critical"),
            ["pods"] = Yaml("b", Web, "- ruleID: R0001\n  severity: high"),
            ["namespace"] = Yaml("c", Shop, "- ruleID: R0001\n  severity: medium"),
            ["everybody"] = Yaml("d", "podSelector: { matchExpressions: [{ key: app, operator: NotIn, values: [db] }] }", "- ruleID: R0001\n  severity: low"),
            ["z-everybody"] = Yaml("z", Everybody, "- ruleID: R0001\n  severity: none"),
        };
        var documents = names.Split(' ').Select(name => known[name]).ToArray();

        Assert.Equal($"R0001 {severity}", Text(Compile(documents).RulesOf(Container("shop", ("app", "web")))));
        Assert.Equal($"R0001 {severity}", Text(Compile([.. documents.Reverse()]).RulesOf(Container("shop", ("app", "web")))));
    }

    [Fact]
    public void SeveralBindings_EachSaysOnlyWhatItChanges()
    {
        var general = Yaml("all", Everybody, "- ruleID: R0002\n  parameters: { ignoreMounts: true, ignorePrefixes: [/tmp] }");
        var bindings = Compile(general, Yaml("web", Web, "- ruleID: R0002\n  severity: low"), Yaml("shop", Shop, "- ruleID: R0002\n  parameters: { ignorePrefixes: [/cache] }"));

        Assert.Equal(("medium", true, true, false), Ignores(bindings, Container("bank")));
        Assert.Equal(("low", true, true, false), Ignores(bindings, Container("bank", ("app", "web"))));
        Assert.Equal(("medium", true, false, true), Ignores(bindings, Container("shop")));
        Assert.Equal(("low", true, false, true), Ignores(bindings, Container("shop", ("app", "web"))));

        static (string Severity, bool Mounts, bool Tmp, bool Cache) Ignores(RuleBindings bindings, ContainerDescription container)
        {
            var bound = Assert.Single(bindings.RulesOf(container).Rules);
            var context = new RuleContext(container, Sample.Profile());
            return (Word(bound), Is("/data/x"), Is("/tmp/x"), Is("/cache/x"));

            bool Is(string path) => bound.Rule.Evaluate(Sample.Open(path), context) is null;
        }
    }

    [Fact]
    public void Order_OfDocuments_NeverMatters()
    {
        string[] selectors = [Everybody, Shop, Web, $"{Shop}\n{Web}", "podSelector: { matchExpressions: [{ key: x, operator: DoesNotExist }] }"];
        string[] rules = ["R0001", "R0002", "R1000"];
        var document = Gen.Select(Gen.Int[0, 4], Gen.Int[0, 2], Gen.Int[0, 9], static (selector, rule, severity) => (selector, rule, severity));
        Gen.Select(document.Array[1, 8], Gen.Int).Sample((drawn, seed) =>
        {
            var documents = drawn.Select((one, index) => Yaml($"b{index}", selectors[one.selector], $"- ruleID: {rules[one.rule]}\n  severity: {one.severity}")).ToArray();
            var shuffled = documents.ToArray();
            new Random(seed).Shuffle(shuffled);
            return Text(Compile(documents).RulesOf(Container("shop", ("app", "web")))) == Text(Compile(shuffled).RulesOf(Container("shop", ("app", "web"))));
        }, iter: 200);
    }

    [Fact]
    public void Version_GrowsWithEachSet()
    {
        var bindings = Compile(Yaml("a", Everybody, "- ruleID: R0001"));
        var before = bindings.Version;
        Apply(bindings, Yaml("a", Everybody, "- ruleID: R0001"));
        Assert.Equal(before + 1, bindings.Version);
    }

    [Fact]
    public void Version_GrowsWithTheNamespacesLabels()
    {
        var namespaces = new SettableNamespaces();
        var bindings = new RuleBindings(namespaces);
        Apply(bindings, Yaml("a", "namespaceSelector: { matchLabels: { team: payments } }", "- ruleID: R0001"));
        var before = bindings.Version;
        Assert.Empty(bindings.RulesOf(Container()).Rules);

        namespaces.Set("team", "payments");
        Assert.Equal(before + 1, bindings.Version);
        Assert.Equal("R0001 critical", Text(bindings.RulesOf(Container())));
    }

    [Fact]
    public void SameBindings_SameObject()
    {
        var bindings = Compile(Yaml("a", Everybody, "- ruleID: R0001"), Yaml("b", Web, "- ruleID: R1000"));

        Assert.Same(bindings.RulesOf(Container("a", ("app", "web"))), bindings.RulesOf(Container("b", ("app", "web"), ("x", "y"))));
        Assert.NotSame(bindings.RulesOf(Container()), bindings.RulesOf(Container("a", ("app", "web"))));
    }

    [Fact]
    public void OtherBindingsThatComeToTheSame_SameObject()
    {
        var bindings = Compile(
            Yaml("a", Web, "- ruleID: R0001"),
            Yaml("b", "podSelector: { matchLabels: { app: db } }", "- ruleTags: [exec]\n- ruleID: R0001"),
            Yaml("c", "podSelector: { matchLabels: { app: x } }", "- ruleID: R0001\n  severity: critical"));
        Assert.Same(bindings.RulesOf(Container("a", ("app", "web"))), bindings.RulesOf(Container("a", ("app", "x"))));
    }

    [Fact]
    public void NewSet_ThatChangesNothingForAContainer_IsTheSameObject()
    {
        var bindings = Compile(Yaml("a", Web, "- ruleID: R0001"));
        var before = bindings.RulesOf(Container("a", ("app", "web")));

        Apply(bindings, Yaml("a", Web, "- ruleName: Unexpected process launched"), Yaml("b", "podSelector: { matchLabels: { app: db } }", "- ruleID: R1000"));

        Assert.Same(before, bindings.RulesOf(Container("a", ("app", "web"))));
    }

    /// <summary>D39: what a rule remembers of a container belongs to the object, so it must be the same one.</summary>
    [Fact]
    public void RuleThatStaysBound_IsTheSameObjectThroughSetsAndBindings()
    {
        const string Parameters = "\n  parameters: { ignorePrefixes: [/tmp] }";
        var bindings = Compile(Yaml("a", Everybody, "- ruleID: R0001\n- ruleID: R0002" + Parameters));
        var before = bindings.RulesOf(Container());

        Apply(bindings, Yaml("b", Web, "- ruleTags: [open]\n  severity: low" + Parameters), Yaml("c", Web, "- ruleID: R1000\n- ruleID: R0001"));
        var after = bindings.RulesOf(Container("shop", ("app", "web")));
        Assert.Equal("R0001 critical, R0002 low, R0008 low, R0010 low, R1000 critical", Text(after));
        Assert.Same(before.Rules[0].Rule, after.Rules[0].Rule);
        Assert.Same(before.Rules[1].Rule, after.Rules[1].Rule);

        Apply(bindings, Yaml("b", Web, "- ruleID: R0002\n  parameters: { ignorePrefixes: [/var] }"));
        Assert.NotSame(before.Rules[1].Rule, Assert.Single(bindings.RulesOf(Container("shop", ("app", "web"))).Rules).Rule);
    }

    [Fact]
    public void RuleBoundAgainBeforeAnybodyLookedAway_IsTheSameObject()
    {
        var bindings = Compile(Yaml("a", Everybody, "- ruleID: R0001"));
        var before = bindings.RulesOf(Container());
        Apply(bindings, Yaml("a", Everybody, "- ruleID: R1000"));
        Apply(bindings, Yaml("a", Everybody, "- ruleID: R0001"));
        Assert.Same(before, bindings.RulesOf(Container()));
    }

    [Fact]
    public void ManyCombinations_AreForgottenAndWorkedOutAnew()
    {
        // Ten bindings make 1024 combinations, one more than are kept with the empty one of the eleventh.
        var bindings = Compile([.. Enumerable.Range(0, 11).Select(static n => Yaml($"b{n}", $"podSelector: {{ matchLabels: {{ l{n}: y }} }}", $"- ruleID: R0001\n  severity: {n % 10}"))]);
        for (var bits = 0; bits < 2 * CompiledBindings.MaxCombinations; bits++)
        {
            var set = Enumerable.Range(0, 11).Where(n => (bits & (1 << n)) != 0).ToArray();
            var labels = set.Select(static n => ($"l{n}", "y")).ToArray();
            var last = set.Length == 0 ? -1 : set.MaxBy(static n => $"b{n}", StringComparer.Ordinal) % 10;
            var rules = bindings.RulesOf(Container("shop", labels));
            Assert.Equal(last < 0 ? "" : $"R0001 {(last == 0 ? "none" : last < 5 ? "low" : last < 8 ? "medium" : "high")}", Text(rules));
        }
    }

    [Fact]
    public void NewSets_KeepNothingOfOldOnes()
    {
        var rules = new InUse<string, object>();
        for (var i = 0; i < 10_000; i++)
        {
            rules.GetOrAdd($"{i}", static _ => new object());
            if (i % 1000 == 999)
            {
                GC.Collect();
            }
        }

        Assert.InRange(rules.Count, 1, 5000);
    }

    [Fact]
    public void InUse_OneThatIsUsed_StaysTheSame()
    {
        var rules = new InUse<string, object>();
        var used = rules.GetOrAdd("used", static _ => new object());
        for (var i = 0; i < 1000; i++)
        {
            rules.GetOrAdd($"{i}", static _ => new object());
        }

        GC.Collect();
        Assert.Same(used, rules.GetOrAdd("used", static _ => new object()));
    }

    [Fact]
    public async Task FromManyThreads_ConsistentAlways()
    {
        var bindings = Compile(Yaml("a", Everybody, "- ruleID: R0001"));
        using var done = new CancellationTokenSource();
        var readers = Enumerable.Range(0, 4).Select(reader => Task.Run(
            () =>
            {
                while (!done.IsCancellationRequested)
                {
                    Assert.Contains(Text(bindings.RulesOf(Container($"n{reader}"))), new[] { "R0001 critical", "R1000 low" });
                }
            },
            TestContext.Current.CancellationToken)).ToArray();
        for (var i = 0; i < 200; i++)
        {
            Apply(bindings, Yaml("a", Everybody, i % 2 == 0 ? "- ruleID: R1000\n  severity: low" : "- ruleID: R0001"));
        }

        await done.CancelAsync();
        await Task.WhenAll(readers);
    }

    [Fact]
    public void RulesOf_Dispatches() => Assert.Equal(
        "R1001", Assert.Single(Compile(Yaml("a", Everybody, "- ruleTags: [base image, open]")).RulesOf(Container()).Signatures(EventKind.Exec).ToArray()).Rule.Descriptor.Id);

    private static string Text(RuleSet rules) => string.Join(", ", rules.Rules.Select(static bound => $"{bound.Rule.Descriptor.Id} {Word(bound)}"));

    private static string Word(BoundRule bound) => bound.Severity.ToString().ToLowerInvariant();

    private sealed class SettableNamespaces : INamespaceLabels
    {
        private readonly Dictionary<string, string> _labels = [];

        public long Version { get; private set; }

        public void Set(string key, string value) => (_labels[key], Version) = (value, Version + 1);

        public IReadOnlyDictionary<string, string> Of(string name) => _labels;

        public Task ChangedAsync(long version, CancellationToken cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken);
    }
}

using System.Diagnostics;
using System.Text;
using KubeCop.Core.Bindings;
using KubeCop.Core.Rules;
using static KubeCop.Tests.Core.Bindings.BindingSample;

namespace KubeCop.Tests.Core.Bindings;

public sealed class BindingReaderTests
{
    private const string Minimal = "rules:\n- ruleID: R0001";

    [Fact]
    public void EverythingGiven_IsRead()
    {
        var binding = Assert.Single(Parse("""
            apiVersion: kubescape.io/v1
            kind: RuntimeRuleAlertBinding
            metadata:
              name: all
              namespace: kubescape
              labels: { app: kubecop }
              resourceVersion: "7"
            spec:
              namespaceSelector:
                matchLabels: { kubernetes.io/metadata.name: shop }
              podSelector:
                matchExpressions:
                - { key: app, operator: In, values: [web, api] }
                - { key: app, operator: NotIn, values: [""] }
                - { key: team, operator: Exists }
                - { key: debug, operator: DoesNotExist, values: [] }
              rules:
              - ruleName: Unexpected process launched
                severity: low
              - ruleID: R0002
                parameters: { ignoreMounts: yes, ignorePrefixes: [/tmp, "/proc"] }
              - ruleTags: [mount, base image]
            """));

        Assert.Equal(("kubescape/all", Name, 1), (binding.FullName, binding.Source, binding.Line));
        Assert.Equal(["kubernetes.io/metadata.name=shop"], binding.NamespaceSelector.MatchLabels.Select(static pair => $"{pair.Key}={pair.Value}"));
        Assert.Equal(
            ["app In web,api", "app NotIn ", "team Exists ", "debug DoesNotExist "],
            binding.PodSelector.MatchExpressions.Select(static requirement => $"{requirement.Key} {requirement.Operator} {string.Join(',', requirement.Values)}"));
        Assert.Equal(["R0001", "R0002", "R1001", "R1004"], binding.Rules.Select(static setting => setting.Rule.Descriptor.Id));
        Assert.Equal([Severity.Low, null, null, null], binding.Rules.Select(static setting => setting.Severity));
        Assert.Equal(["ignoreMounts", "ignorePrefixes"], binding.Rules[1].Parameters.Keys);
    }

    [Theory]
    [InlineData("namespaceSelector: null\npodSelector: ~")]
    [InlineData("namespaceSelector: {}\npodSelector: {}")]
    [InlineData("podSelector: { matchLabels: null, matchExpressions: [] }")]
    public void NoSelector_SelectsEverything(string selectors)
    {
        var binding = Assert.Single(Parse(Yaml("b", selectors, "- ruleID: R0001")));
        Assert.True(binding.Matches(new Dictionary<string, string>(), new Dictionary<string, string> { ["any"] = "thing" }));
    }

    [Theory]
    [InlineData("kind: List\napiVersion: v1\nmetadata: { resourceVersion: \"\" }")]
    [InlineData("kind: RuntimeRuleAlertBindingList\napiVersion: kubescape.io/v1")]
    public void ListOfBindings_IsReadLikeDocuments(string head)
    {
        var json = """{"apiVersion": "kubescape.io/v1", "kind": "RuntimeRuleAlertBinding", "metadata": {"name": "NAME"}, "spec": {"rules": [{"ruleID": "R0001"}]}}""";
        var bindings = Parse($"{head}\nitems:\n- {json.Replace("NAME", "a", StringComparison.Ordinal)}\n- {json.Replace("NAME", "b", StringComparison.Ordinal)}", Yaml("c", Minimal));
        Assert.Equal(["a", "b", "c"], bindings.Select(static binding => binding.Name));
    }

    [Theory]
    [InlineData("none", Severity.None)]
    [InlineData("low", Severity.Low)]
    [InlineData("Medium", Severity.Medium)]
    [InlineData("med", Severity.Medium)]
    [InlineData("HIGH", Severity.High)]
    [InlineData("critical", Severity.Critical)]
    [InlineData("system", Severity.System)]
    [InlineData("system_issue", Severity.System)]
    [InlineData("0", Severity.None)]
    [InlineData("1", Severity.Low)]
    [InlineData("4", Severity.Low)]
    [InlineData("\"5\"", Severity.Medium)]
    [InlineData("7", Severity.Medium)]
    [InlineData("8", Severity.High)]
    [InlineData("9", Severity.High)]
    [InlineData("10", Severity.Critical)]
    [InlineData("1000", Severity.System)]
    public void Severity_WordOrPriority_IsTheRules(string word, Severity severity) =>
        Assert.Equal(severity, Assert.Single(Assert.Single(Parse(Yaml("b", $"rules:\n- ruleID: R0001\n  severity: {word}"))).Rules).Severity);

    [Fact]
    public void SeverityNull_SaysNothing() =>
        Assert.Null(Assert.Single(Assert.Single(Parse(Yaml("b", "rules:\n- ruleID: R0001\n  severity: null\n  parameters: null"))).Rules).Severity);

    [Theory]
    [InlineData("- ruleID: R0O01", 7, ".ruleID: there is no rule ID 'R0O01'; the nearest is 'R0001'")]
    [InlineData("- ruleID: r0002", 7, ".ruleID: there is no rule ID 'r0002'; the nearest is 'R0002'")]
    [InlineData("- ruleID: 1000", 7, ".ruleID: expected a text; put it in quotes: \"1000\"")]
    [InlineData("- ruleID: [R0001]", 7, ".ruleID: expected a text")]
    [InlineData("- ruleID: Unexpected process launched", 7, ".ruleID: there is no rule ID 'Unexpected process launched'; write ruleName: Unexpected process launched")]
    [InlineData("- ruleName: R0001", 7, ".ruleName: there is no rule name 'R0001'; write ruleID: R0001")]
    [InlineData("- ruleName: Unexpected proces launched", 7, ".ruleName: there is no rule name 'Unexpected proces launched'; the nearest is 'Unexpected process launched'")]
    [InlineData("- ruleTags: [exec, capabilites]", 7, ".ruleTags[1]: there is no tag 'capabilites'; the nearest is 'capabilities'")]
    [InlineData("- ruleTags: exec", 7, ".ruleTags: expected a list")]
    [InlineData("- ruleTags: []", 7, ".ruleTags: it is empty; name at least one tag")]
    [InlineData("- severity: low", 7, ": expected exactly one of ruleName, ruleID and ruleTags; there is none")]
    [InlineData("- ruleID: null", 7, ": expected exactly one of ruleName, ruleID and ruleTags; there is none")]
    [InlineData("- ruleID: R0001\n  ruleName: Exec from malicious source", 7, ": expected exactly one of ruleName, ruleID and ruleTags; there are ruleName and ruleID")]
    [InlineData("- ruleTags: [exec]\n  ruleID: R0001", 7, ": expected exactly one of ruleName, ruleID and ruleTags; there are ruleID and ruleTags")]
    [InlineData("- ruleID: R0001\n  ruleid: R0001", 8, ".ruleid: there is no field 'ruleid'; the nearest is 'ruleID' (there are ruleName, ruleID, ruleTags, severity, parameters)")]
    [InlineData("- R0001", 7, ": expected a map of fields")]
    [InlineData("- ruleID: R0001\n  severity: hihg", 8, ".severity: there is no severity 'hihg'; the nearest is 'high' (expected " + SeverityWord.Accepted + ")")]
    [InlineData("- ruleID: R0001\n  severity: \"\"", 8, ".severity: there is no severity ''; the nearest is 'low' (expected " + SeverityWord.Accepted + ")")]
    [InlineData("- ruleID: R0001\n  severity: 11", 8, ".severity: there is no severity '11'; the nearest is 'low' (expected " + SeverityWord.Accepted + ")")]
    [InlineData("- ruleID: R0001\n  severity: [low]", 8, ".severity: expected " + SeverityWord.Accepted)]
    [InlineData(
        "- ruleID: R0002\n  parameters:\n    ignorePrefix: [/tmp]",
        9,
        ".parameters.ignorePrefix: R0002 has no parameter 'ignorePrefix'; it has ignoreMounts, ignorePrefixes; the nearest is 'ignorePrefixes'")]
    [InlineData(
        "- ruleID: R0002\n  parameters:\n    ignorePrefixes: [tmp]",
        9,
        ".parameters.ignorePrefixes: R0002, parameter ignorePrefixes: 'tmp' is not a path prefix: it must be an absolute path without '.' and '..', for example /run/secrets")]
    [InlineData("- ruleID: R0002\n  parameters:\n    ignorePrefixes: [[/tmp]]", 9, ".parameters.ignorePrefixes: R0002, parameter ignorePrefixes: expected a list of absolute paths")]
    [InlineData("- ruleID: R0002\n  parameters:\n    ignorePrefixes: { a: /tmp }", 9, ".parameters.ignorePrefixes: R0002, parameter ignorePrefixes: expected a list")]
    [InlineData("- ruleID: R0002\n  parameters:\n    ignoreMounts: 1", 9, ".parameters.ignoreMounts: R0002, parameter ignoreMounts: expected true or false")]
    [InlineData("- ruleID: R0001\n  parameters:\n    ignoreMounts: true", 9, ".parameters.ignoreMounts: R0001 has no parameters")]
    [InlineData("- ruleTags: [whitelisted]\n  parameters:\n    ignoreMount: true", 9, ".parameters.ignoreMount: none of these rules has such a parameter; the nearest is 'ignoreMounts'")]
    [InlineData("- ruleID: R0002\n  parameters: []", 8, ".parameters: expected a map of fields")]
    public void Rule_Wrong_ErrorNamesLineBindingFieldAndNearest(string rule, int line, string error) =>
        Assert.Equal($"b.yaml:{line}: binding b, spec.rules[0]{error}", Error(Yaml("b", "", rule)));

    [Theory]
    [InlineData("- { key: app, operator: in, values: [a] }", ".operator: there is no operator 'in'; the nearest is 'In' (there are In, NotIn, Exists, DoesNotExist)")]
    [InlineData("- { key: app, operator: Equals, values: [a] }", ".operator: there is no operator 'Equals'; the nearest is 'Exists' (there are In, NotIn, Exists, DoesNotExist)")]
    [InlineData("- { key: app, operator: 1, values: [a] }", ".operator: expected a text; put it in quotes: \"1\"")]
    [InlineData("- { key: app, values: [a] }", ".operator: it is missing")]
    [InlineData("- { operator: Exists }", ".key: it is missing")]
    [InlineData("- { key: app, operator: In }", ".values: In needs at least one value")]
    [InlineData("- { key: app, operator: NotIn, values: [] }", ".values: NotIn needs at least one value")]
    [InlineData("- { key: app, operator: Exists, values: [a] }", ".values: Exists takes no values")]
    [InlineData("- { key: app, operator: DoesNotExist, values: [a] }", ".values: DoesNotExist takes no values")]
    [InlineData("- { key: app, operator: In, values: [on] }", ".values[0]: expected a text; put it in quotes: \"on\"")]
    [InlineData("- { key: app, operator: In, values: [null] }", ".values[0]: expected a text")]
    [InlineData("- { key: app, operator: In, values: [web.*] }", ".values[0]: 'web.*' is no value of a label; expected at most 63 letters, digits, '-', '_' and '.' (there are no patterns)")]
    [InlineData("- { key: -app, operator: Exists }", ".key: '-app' is no key of a label; expected a name such as app or app.kubernetes.io/name")]
    [InlineData("- { key: App_/a, operator: Exists }", ".key: 'App_/a' is no key of a label; expected a name such as app or app.kubernetes.io/name")]
    [InlineData("- { key: app, operator: Exists, value: a }", ".value: there is no field 'value'; the nearest is 'values' (there are key, operator, values)")]
    [InlineData("- app", ": expected a map of fields")]
    public void Requirement_Wrong_ErrorNamesFieldAndNearest(string requirement, string error) =>
        Assert.Equal($"b.yaml:8: binding b, spec.podSelector.matchExpressions[0]{error}", Error(Yaml("b", $"podSelector:\n  matchExpressions:\n  {requirement}", "- ruleID: R0001")));

    [Theory]
    [InlineData("podSelectr: {}", "spec.podSelectr: there is no field 'podSelectr'; the nearest is 'podSelector' (there are namespaceSelector, podSelector, rules)")]
    [InlineData("podSelector: app", "spec.podSelector: expected a map of fields")]
    [InlineData("podSelector: { app: web }", "spec.podSelector.app: there is no field 'app'; the nearest is 'matchLabels' (there are matchLabels, matchExpressions)")]
    [InlineData("namespaceSelector: { matchLabels: { tier: 1 } }", "spec.namespaceSelector.matchLabels.tier: expected a text; put it in quotes: \"1\"")]
    [InlineData("namespaceSelector: { matchLabels: [a] }", "spec.namespaceSelector.matchLabels: expected a map of fields")]
    [InlineData("namespaceSelector: { matchLabels: { a b: c } }", "spec.namespaceSelector.matchLabels.a b: 'a b' is no key of a label; expected a name such as app or app.kubernetes.io/name")]
    public void Spec_Wrong_ErrorNamesFieldAndNearest(string spec, string error) =>
        Assert.Equal($"b.yaml:6: binding b, {error}", Error(Yaml("b", spec, "- ruleID: R0001")));

    [Theory]
    [InlineData("apiVersion: kubescape.io/v1", "apiVersion: kubescape.io/v1beta1", "b.yaml:1: binding b, apiVersion: expected kubescape.io/v1, not 'kubescape.io/v1beta1'")]
    [InlineData("kind: RuntimeRuleAlertBinding", "kind: RuntimeAlertRuleBinding", "b.yaml:2: binding b, kind: expected RuntimeRuleAlertBinding, not 'RuntimeAlertRuleBinding'")]
    [InlineData("kind: RuntimeRuleAlertBinding", "# nothing", "b.yaml:1: binding b, kind: it is missing")]
    [InlineData("  name: b", "  namespace: b", "b.yaml:4: metadata.name: it is missing")]
    [InlineData("  name: b", "  name: B", "b.yaml:4: binding B, metadata.name: 'B' is no name for an object of Kubernetes; expected lower-case letters, digits, '-' and '.', at most 253")]
    [InlineData("  name: b", "  name: 7", "b.yaml:4: binding 7, metadata.name: expected a text; put it in quotes: \"7\"")]
    [InlineData("  name: b", "  name: b\n  lables: {}", "b.yaml:5: binding b, metadata.lables: there is no field 'lables'; the nearest is 'labels'")]
    [InlineData("metadata:", "metdata:", "b.yaml:1: metadata: it is missing|b.yaml:3: metdata: there is no field 'metdata'; the nearest is 'metadata' (there are apiVersion, kind, metadata, spec)")]
    [InlineData("rules:\n  - ruleID: R0001", "rules: null", "b.yaml:6: binding b, spec.rules: it is missing; a binding without rules binds nothing")]
    [InlineData("rules:\n  - ruleID: R0001", "rules: []", "b.yaml:6: binding b, spec.rules: it is empty; a binding without rules binds nothing")]
    public void Object_Wrong_ErrorNamesFieldAndNearest(string right, string wrong, string errors) =>
        Assert.Equal(errors.Split('|'), Read(Yaml("b", Minimal).Replace(right, wrong, StringComparison.Ordinal)).Errors.Select(static error => error.ToString()));

    [Theory]
    [InlineData("")]
    [InlineData("# nothing but a comment\n")]
    [InlineData("---\n---\n...\n")]
    [InlineData("kind: List\napiVersion: v1\nitems: []")]
    public void NoBinding_IsRefused(string yaml) => Assert.Equal("b.yaml: there is no RuntimeRuleAlertBinding in it; without one there would be no rules", Error(yaml));

    [Theory]
    [InlineData("text")]
    [InlineData("[]")]
    [InlineData("kind: List\napiVersion: v1\nitems: [text]")]
    public void NoMap_IsRefused(string yaml) => Assert.EndsWith("expected a map of fields", Error(yaml), StringComparison.Ordinal);

    [Fact]
    public void AllErrors_OfAllBindings_AreToldAtOnce()
    {
        var reading = Read(Yaml("a", "", "- ruleID: R1\n- ruleID: R2") + "\n---\n" + Yaml("good", Minimal) + "\n---\n" + Yaml("c", "podSelector: 1", "- ruleName: x\n  severity: y"));

        Assert.Empty(reading.Bindings);
        Assert.Equal(
            ["a 7 spec.rules[0].ruleID", "a 8 spec.rules[1].ruleID", "c 23 spec.podSelector", "c 25 spec.rules[0].ruleName", "c 26 spec.rules[0].severity"],
            reading.Errors.Select(static error => $"{error.Binding} {error.Line} {error.Field}"));
    }

    [Fact]
    public void BindingsOfOneName_AreRefusedWithBothPlaces()
    {
        Assert.Equal("b.yaml:9: binding b, metadata.name: there is a binding of this name already, at b.yaml:1", Error(Yaml("b", Minimal) + "\n---\n" + Yaml("b", Minimal)));
        Assert.Equal(2, Parse(Yaml("b", Minimal), Yaml("b\n  namespace: other", Minimal)).Count);
    }

    [Fact]
    public void HostileName_IsShownSafely() =>
        Assert.StartsWith(@"b.yaml:4: binding \x1b[31m, metadata.name: '\x1b[31m' is no name", Error(Yaml("\"\\e[31m\"", Minimal)), StringComparison.Ordinal);

    [Fact]
    public void LongValue_IsCutInTheError() => Assert.InRange(Error(Yaml("b", $"rules:\n- ruleID: {new string('x', 100_000)}")).Length, 100, 400);

    [Fact]
    public void RuleNamedTwice_LaterEntryHoldsAndAnEntryOfItsOwnAgainstTags()
    {
        var rules = Assert.Single(Parse(Yaml("b", "", """
            - ruleID: R0002
              severity: high
              parameters: { ignoreMounts: true }
            - ruleName: Unexpected file access
              parameters: { ignorePrefixes: [/tmp] }
            - ruleTags: [whitelisted]
              severity: low
              parameters: { ignoreMounts: false }
            - ruleTags: [exec]
              severity: none
            """))).Rules.ToDictionary(static setting => setting.Rule.Descriptor.Id);

        Assert.Equal(Severity.High, rules["R0002"].Severity);
        Assert.Equal(true, rules["R0002"].Parameters["ignoreMounts"]);
        Assert.Equal(2, rules["R0002"].Parameters.Count);
        Assert.Equal(Severity.None, rules["R0001"].Severity);
        Assert.Equal(Severity.Low, rules["R0003"].Severity);
        Assert.Equal(Severity.None, rules["R1000"].Severity);
        Assert.Empty(rules["R0003"].Parameters);
    }

    [Fact]
    public void RuleTags_BindEveryRuleWithAnyOfThem() => Assert.Equal(
        RuleCatalog.Descriptors.Where(static rule => rule.Tags.Contains("dns") || rule.Tags.Contains("malicious")).Select(static rule => rule.Id),
        Assert.Single(Parse(Yaml("b", "", "- ruleTags: [dns, malicious, dns]"))).Rules.Select(static setting => setting.Rule.Descriptor.Id));

    [Fact]
    public void TenThousandEntries_AreRead()
    {
        var watch = Stopwatch.StartNew();
        var binding = Assert.Single(Parse(Yaml("b", "", string.Concat(Enumerable.Repeat("- ruleTags: [exec]\n  severity: low\n", 10_000)))));

        Assert.Equal(RuleCatalog.Descriptors.Count(static rule => rule.Tags.Contains("exec")), binding.Rules.Count);
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void TenThousandErrors_AreCountedAndTheFirstTold()
    {
        var watch = Stopwatch.StartNew();
        var reading = Read(Yaml("b", "", string.Concat(Enumerable.Repeat("- { ruleID: R9, bogus: 1 }\n", 10_000))));

        Assert.Equal(BindingLimits.Errors + 1, reading.Errors.Count);
        Assert.Equal("b.yaml: and 19900 more errors", reading.Errors[^1].ToString());
        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public void MegabyteOfBindings_IsRead()
    {
        var yaml = new StringBuilder();
        var count = 0;
        for (; yaml.Length < 1_000_000; count++)
        {
            const string Rules = "- ruleID: R0001\n- ruleTags: [dns, exec]\n- ruleID: R0002\n  parameters: { ignorePrefixes: [/tmp] }";
            yaml.Append(Yaml($"binding-{count}", "podSelector: { matchLabels: { app: web } }", Rules)).Append("\n---\n");
        }

        Assert.Equal(count, Parse(yaml.ToString()).Count);
    }
}

using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using KubeCop.Testing;
using KubeCop.Testing.Metrics;
using KubeCop.Tests.Core;

namespace KubeCop.Tests.Host.Metrics;

/// <summary>The alerting rules and the dashboard that the chart brings along.</summary>
public sealed partial class AlertingRulesTests
{
    private const string Rules = "charts/kubecop/files/prometheus/rules.yaml";
    private const string Dashboard = "charts/kubecop/files/grafana/kubecop.json";

    /// <summary>Of Prometheus itself.</summary>
    private static readonly string[] Others = ["up"];

    [PromtoolFact]
    public Task Rules_FireOnWhatTheyAreAbout() => Promtool.TestRulesAsync(Repository.PathOf("tests/KubeCop.Tests/Host/Metrics/rules.test.yaml"));

    [PromtoolFact]
    public Task Rules_AreValid() => Promtool.CheckRulesAsync(Repository.PathOf(Rules));

    [Fact]
    public void Rules_EachHasATestAndMetricsOfThePage()
    {
        var rules = File.ReadAllText(Repository.PathOf(Rules));
        var tests = File.ReadAllText(Repository.PathOf("tests/KubeCop.Tests/Host/Metrics/rules.test.yaml"));
        var names = AlertName().Matches(rules).Select(static match => match.Groups[1].Value).ToList();

        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.Matches($@"\b{name}\b", tests));
        Assert.Empty(Unknown(Comment().Replace(rules, "")));
    }

    [Fact]
    public void Dashboard_HasOneDataSourceToChooseAndMetricsOfThePage()
    {
        var dashboard = JsonNode.Parse(File.ReadAllText(Repository.PathOf(Dashboard)))!;
        var panels = Panels(dashboard).ToList();

        Assert.True(panels.Count > 20, $"There are only {panels.Count} panels.");
        Assert.Equal(panels.Count, panels.Select(static panel => (int)panel["id"]!).Distinct().Count());
        Assert.All(panels.Where(static panel => (string?)panel["type"] != "row"), static panel =>
        {
            Assert.Equal("${datasource}", (string?)panel["datasource"]!["uid"]);
            Assert.False(string.IsNullOrWhiteSpace((string?)panel["title"]), "A panel has no title.");
            Assert.False(string.IsNullOrWhiteSpace((string?)panel["description"]), $"{panel["title"]} does not say what it shows.");
            Assert.NotEmpty(panel["targets"]!.AsArray());
        });
        Assert.Empty(Expressions(dashboard).SelectMany(Unknown));
    }

    [PromtoolFact]
    public async Task Dashboard_ExpressionsAreValid()
    {
        using var directory = new TestDirectory();
        var expressions = Expressions(JsonNode.Parse(await File.ReadAllTextAsync(Repository.PathOf(Dashboard), TestContext.Current.CancellationToken))!).Select(static expression => expression
            .Replace("$__rate_interval", "5m", StringComparison.Ordinal)
            .Replace("$__range", "1h", StringComparison.Ordinal));
        var file = directory.Combine("expressions.yaml");
        await File.WriteAllTextAsync(
            file,
            "groups:\n  - name: dashboard\n    rules:\n" + string.Concat(expressions.Select(static (expression, index) =>
                $"      - record: panel:{index}\n        expr: {System.Text.Json.JsonSerializer.Serialize(expression)}\n")),
            TestContext.Current.CancellationToken);

        await Promtool.CheckRulesAsync(file);
    }

    private static IEnumerable<JsonNode> Panels(JsonNode dashboard) => dashboard["panels"]!.AsArray().Select(static panel => panel!)
        .SelectMany(static panel => panel["panels"]?.AsArray().Select(static inner => inner!).Prepend(panel) ?? [panel]);

    private static IEnumerable<string> Expressions(JsonNode dashboard) =>
        Panels(dashboard).SelectMany(static panel => panel["targets"]?.AsArray() ?? []).Select(static target => (string)target!["expr"]!);

    private static IEnumerable<string> Unknown(string expressions)
    {
        var known = MetricPage.Load().Names;
        return Metric().Matches(expressions).Select(static match => match.Value).Distinct()
            .Where(name => !known.Contains(name) && !known.Contains(Part().Replace(name, "")) && !Others.Contains(name));
    }

    [GeneratedRegex("- alert: (\\w+)")]
    private static partial Regex AlertName();

    [GeneratedRegex("^ *#.*$", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\b(?:kubecop|orleans|process|dotnet)_\w+")]
    private static partial Regex Metric();

    [GeneratedRegex("_(bucket|sum|count)$")]
    private static partial Regex Part();
}

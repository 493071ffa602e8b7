using System.Text.RegularExpressions;
using k8s;
using k8s.Models;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using KubeCop.Tests.Core;

namespace KubeCop.Tests.Chart;

/// <summary>The chart as helm renders it, without a cluster.</summary>
public sealed partial class ChartTests : IDisposable
{
    // Of other projects, which the Kubernetes client has no models of.
    private static readonly string[] ForeignGroups = ["kubescape.io/", "monitoring.coreos.com/", "cert-manager.io/"];

    private static readonly string Chart = Repository.PathOf("charts/kubecop");

    private readonly TestDirectory _directory = new();
    private readonly Helm _helm;

    public ChartTests() => _helm = new Helm(_directory);

    public static TheoryData<string> AcceptedNames => [.. ChartCases.Accepted.Keys];

    public static TheoryData<string, string> RefusedValues
    {
        get
        {
            var data = new TheoryData<string, string>();
            foreach (var (values, message) in ChartCases.Refused)
            {
                data.Add(string.Join(' ', values), message);
            }

            return data;
        }
    }

    public void Dispose() => _directory.Dispose();

    [HelmFact]
    public async Task Lint_FindsNothing() => Assert.Contains("0 chart(s) failed", await _helm.RunAsync("lint", "--strict", Chart), StringComparison.Ordinal);

    [HelmTheory, MemberData(nameof(AcceptedNames))]
    public async Task Values_ThatWork_GiveObjectsOfKubernetes(string name)
    {
        var text = await RenderAsync(ChartCases.Accepted[name]);

        var known = YamlSeparator().Split(text)
            .Where(static document => Kind().IsMatch(document) && !ForeignGroups.Any(group => document.Contains($"\napiVersion: {group}", StringComparison.Ordinal)));
        var objects = KubernetesYaml.LoadAllFromString(string.Join("\n---\n", known), null, true);
        var daemonSet = Assert.Single(objects.OfType<V1DaemonSet>());
        Assert.Equal(daemonSet.Spec.Selector.MatchLabels, daemonSet.Spec.Template.Metadata.Labels.Where(label => daemonSet.Spec.Selector.MatchLabels.ContainsKey(label.Key)));
        AssertMountsAndVolumesAgree(daemonSet.Spec.Template.Spec);
        Assert.DoesNotContain(daemonSet.Spec.Template.Spec.Containers.SelectMany(static container => container.Env ?? []), static variable =>
            variable.Name.Contains("ConnectionString", StringComparison.Ordinal) && variable.Value is not null);
        if (ChartCases.Kept.Contains(name))
        {
            AssertIsKept(name, text);
        }
    }

    [HelmTheory, MemberData(nameof(RefusedValues))]
    public async Task Values_ThatCannotWork_AreRefused(string values, string message)
    {
        var result = await _helm.TryRunAsync(["template", "kubecop", Chart, "-n", "kubescape", .. ChartCases.Arguments(values.Split(' '))]);

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains(Normalize(message), Normalize(result.Error), StringComparison.Ordinal);

        // The schema's errors name a value by slashes or by dots, depending on helm's version.
        static string Normalize(string text) => text.Replace('.', '/').TrimStart('/');
    }

    [HelmFact]
    public async Task Pod_HasNoMoreThanItNeeds()
    {
        var plain = await SecurityContextAsync();
        var scanning = await SecurityContextAsync("clamAV.enabled=true");

        Assert.Equal(["BPF", "NET_ADMIN", "PERFMON"], plain.Capabilities.Add.Order());
        Assert.Equal(["BPF", "DAC_READ_SEARCH", "NET_ADMIN", "PERFMON", "SYS_PTRACE"], scanning.Capabilities.Add.Order());
        Assert.Equal(["ALL"], plain.Capabilities.Drop);
        Assert.Equal((false, false, true, "RuntimeDefault"), (plain.Privileged, plain.AllowPrivilegeEscalation, plain.ReadOnlyRootFilesystem, plain.SeccompProfile.Type));
    }

    /// <summary>The roles are what docs/kubernetes.md lists, no more and no less.</summary>
    [HelmFact]
    public async Task Rights_AreThoseOfThePage()
    {
        var documented = RightsOfThePage();
        var everything = RightsOf(await RenderAsync(["kubecop.events.enabled=true", "canary.enabled=false"]));
        var without = RightsOf(await RenderAsync(["canary.enabled=false"]));
        var namespaced = RightsOf(await RenderAsync(["kubecop.events.enabled=true", "canary.enabled=false", .. ChartCases.Accepted["namespaced"]]));

        Assert.Equal(documented, everything);
        Assert.Equal(documented.Where(static right => !right.StartsWith("events.k8s.io/", StringComparison.Ordinal)), without);
        Assert.Equal(documented.Where(static right => !right.StartsWith("/namespaces ", StringComparison.Ordinal)), namespaced);
    }

    [Fact]
    public void DefaultBinding_IsThatOfTheProgram() => Assert.Equal(
        File.ReadAllText(Repository.PathOf("src/KubeCop.Host/Bindings/default-binding.yaml")), File.ReadAllText(Path.Combine(Chart, "files/default-binding.yaml")));

    [Fact]
    public void Version_IsThatOfTheProduct()
    {
        var version = Version().Match(File.ReadAllText(Repository.PathOf("Directory.Build.props"))).Groups[1].Value;
        var chart = File.ReadAllText(Path.Combine(Chart, "Chart.yaml"));

        Assert.Contains($"\nversion: {version}\n", chart, StringComparison.Ordinal);
        Assert.Contains($"\nappVersion: {version}\n", chart, StringComparison.Ordinal);
    }

    [Fact]
    public void Readme_IsCurrent()
    {
        var page = ChartReadme.Write(File.ReadAllLines(Path.Combine(Chart, "values.yaml")));
        var file = Path.Combine(Chart, "README.md");
        if (Environment.GetEnvironmentVariable("KUBECOP_WRITE_DOCS") == "1")
        {
            File.WriteAllText(file, page);
        }

        Assert.True(File.Exists(file) && page == File.ReadAllText(file), $"{file} is not what values.yaml says; make it anew: this test with KUBECOP_WRITE_DOCS=1");
    }

    private static void AssertMountsAndVolumesAgree(V1PodSpec pod) => Assert.Equal(
        pod.Volumes.Select(static volume => volume.Name).Order(),
        pod.Containers.SelectMany(static container => container.VolumeMounts).Select(static mount => mount.Name).Distinct().Order());

    private static void AssertIsKept(string name, string text)
    {
        // Keys, certificates and their times are made anew by each run.
        var stable = Random().Replace(text.Replace("\r", "", StringComparison.Ordinal), "$1…");
        var file = Repository.PathOf($"tests/KubeCop.Tests/Chart/Snapshots/{name}.yaml");
        if (Environment.GetEnvironmentVariable("KUBECOP_WRITE_DOCS") == "1")
        {
            File.WriteAllText(file, stable);
        }

        Assert.True(File.Exists(file) && stable == File.ReadAllText(file), $"{file} is not what the chart gives; if that is meant, this test with KUBECOP_WRITE_DOCS=1");
    }

    // "group/resource verb", of roles that are KubeCop's own.
    private static List<string> RightsOf(string text) => YamlText.Documents(text)
        .Where(static document => document.Text("kind") is "Role" or "ClusterRole")
        .SelectMany(static document => document["rules"]!.AsArray())
        .SelectMany(static rule =>
            from gr in rule!["apiGroups"]!.AsArray()
            from resource in rule["resources"]!.AsArray()
            from verb in rule["verbs"]!.AsArray()
            select $"{gr.AsText()}/{resource.AsText()} {verb.AsText()}")
        .Distinct().Order(StringComparer.Ordinal).ToList();

    private static List<string> RightsOfThePage()
    {
        var rights = new List<string>();
        var (group, resources) = ("", (string[])[]);
        foreach (var line in File.ReadAllLines(Repository.PathOf("docs/kubernetes.md")))
        {
            if (RightRow().Match(line) is not { Success: true } row)
            {
                continue;
            }

            if (row.Groups["resource"].Value.Length > 0)
            {
                (group, resources) = (row.Groups["group"].Value, [row.Groups["resource"].Value]);
            }

            rights.AddRange(Quoted().Matches(row.Groups["verbs"].Value).SelectMany(verb => resources.Select(resource => $"{GroupOf(group, resource)}/{resource} {verb.Groups[1].Value}")));
        }

        return [.. rights.Distinct().Order(StringComparer.Ordinal)];

        // The page leaves out the group of a row where it is empty; that of namespaces is beside bindings, and is none.
        static string GroupOf(string group, string resource) => resource == "namespaces" ? "" : group;
    }

    private async Task<V1SecurityContext> SecurityContextAsync(params string[] values)
    {
        var text = await RenderAsync(values);
        var document = YamlSeparator().Split(text).Single(static document => document.Contains("kind: DaemonSet", StringComparison.Ordinal));
        return KubernetesYaml.Deserialize<V1DaemonSet>(document).Spec.Template.Spec.Containers[0].SecurityContext;
    }

    private Task<string> RenderAsync(IEnumerable<string> values) => _helm.RunAsync(["template", "kubecop", Chart, "-n", "kubescape", .. ChartCases.Arguments(values)]);

    [GeneratedRegex(@"^---.*$", RegexOptions.Multiline)]
    private static partial Regex YamlSeparator();

    [GeneratedRegex("^kind: ", RegexOptions.Multiline)]
    private static partial Regex Kind();

    [GeneratedRegex("<Version>(.*)</Version>")]
    private static partial Regex Version();

    [GeneratedRegex(@"^( +(?:accountKey|accounts|connectionString|tls\.crt|tls\.key|ca\.crt|kubecop\.kubescape\.io/renew-after): ).+$", RegexOptions.Multiline)]
    private static partial Regex Random();

    [GeneratedRegex(@"^\| (?:`(?<group>[a-z0-9.]+)`)? ?\| (?:`(?<resource>[a-z/]+)`[^|]*)?\| (?<verbs>(?:`(?:get|list|watch|create|patch|delete|update)`(?:, )?)+) \|")]
    private static partial Regex RightRow();

    [GeneratedRegex("`([a-z]+)`")]
    private static partial Regex Quoted();
}

using System.Text.Json.Nodes;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using KubeCop.Tests.Core;

namespace KubeCop.Tests.Chart;

/// <summary>The chart as a release: what helm makes of it at an API server, from the installation to the end.</summary>
public sealed class ChartReleaseTests : IAsyncLifetime
{
    private const string Namespace = "kubescape";
    private const string Bindings = "runtimerulealertbindings.kubescape.io";
    private const string Definitions = "customresourcedefinitions.apiextensions.k8s.io";

    private static readonly string Chart = Repository.PathOf("charts/kubecop");

    private readonly TestDirectory _directory = new();
    private ApiServer _server = null!;
    private Helm _helm = null!;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync(new ApiServerOptions { Definitions = [] });
        _helm = new Helm(_directory, _server.WriteKubeconfig(_directory.Combine("kubeconfig")));
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _directory.Dispose();
    }

    [HelmFact]
    public async Task Install_NoDefaultStorageClass_IsRefused()
    {
        AddStorageClass("slow", isDefault: false);

        var result = await _helm.TryRunAsync("install", "kubecop", Chart, "-n", Namespace, "--create-namespace");

        Assert.NotEqual(0, result.ExitCode);
        Assert.Contains("this cluster has no default StorageClass", result.Error, StringComparison.Ordinal);
        Assert.Empty(_server.Objects("daemonsets.apps"));
    }

    [HelmFact]
    public async Task Release_FromInstallToUninstall_KeepsWhatItMustNotLose()
    {
        AddStorageClass("standard", isDefault: true);

        await _helm.RunAsync("install", "kubecop", ChartWithAnOldDefinition(), "-n", Namespace, "--create-namespace");

        var secrets = SecretsOfTheChart();
        Assert.Equal(["kubecop-azurite", "kubecop-silo-ca", "kubecop-silo-tls"], secrets.Keys.Order());
        Assert.Equal("old", ShortName());
        var binding = Assert.Single(_server.Objects(Bindings));
        Assert.Equal("all-rules-all-pods", binding.Text("metadata", "name"));

        binding["spec"]!["rules"] = new JsonArray(new JsonObject { ["ruleName"] = "Unexpected process launched" });
        _server.Apply(binding);
        await _helm.RunAsync("upgrade", "kubecop", Chart, "-n", Namespace);

        Assert.Equal("approf", ShortName());
        AssertSame(secrets, SecretsOfTheChart());
        Assert.Single(Assert.Single(_server.Objects(Bindings))["spec"]!["rules"]!.AsArray());

        await _helm.RunAsync("rollback", "kubecop", "1", "-n", Namespace);

        Assert.Equal("old", ShortName());
        AssertSame(secrets, SecretsOfTheChart());

        await _helm.RunAsync("uninstall", "kubecop", "-n", Namespace);

        Assert.Empty(_server.Objects("daemonsets.apps"));
        Assert.Empty(_server.Objects("clusterroles.rbac.authorization.k8s.io"));
        Assert.Single(_server.Objects(Bindings));
        Assert.Equal(secrets["kubecop-azurite"], Assert.Contains("kubecop-azurite", SecretsOfTheChart()));

        await _helm.RunAsync("install", "kubecop", Chart, "-n", Namespace);

        Assert.Equal("approf", ShortName());
        Assert.Equal(secrets["kubecop-azurite"], SecretsOfTheChart()["kubecop-azurite"]);
    }

    [HelmFact]
    public async Task Install_Namespaced_BindsWhereItIs()
    {
        AddStorageClass("standard", isDefault: true);

        await _helm.RunAsync(["install", "kubecop", Chart, "-n", Namespace, "--create-namespace", .. ChartCases.Arguments(ChartCases.Accepted["namespaced"])]);

        Assert.Equal(Namespace, Assert.Single(_server.Objects(Bindings)).Text("metadata", "namespace"));
    }

    private static void AssertSame(Dictionary<string, string> before, Dictionary<string, string> after)
    {
        Assert.Equal(before.Keys.Order(), after.Keys.Order());
        foreach (var (name, data) in before)
        {
            Assert.True(data == after[name], $"Secret {name} was made anew.");
        }
    }

    private void AddStorageClass(string name, bool isDefault) => _server.Apply($$"""
        apiVersion: storage.k8s.io/v1
        kind: StorageClass
        metadata:
          name: {{name}}
          annotations: {storageclass.kubernetes.io/is-default-class: "{{(isDefault ? "true" : "false")}}"}
        provisioner: example.com/disks
        """);

    private string ChartWithAnOldDefinition()
    {
        var copy = _directory.Combine("old-chart");
        foreach (var file in Directory.EnumerateFiles(Chart, "*", SearchOption.AllDirectories))
        {
            var to = Path.Combine(copy, Path.GetRelativePath(Chart, file));
            Directory.CreateDirectory(Path.GetDirectoryName(to)!);
            File.Copy(file, to);
        }

        var definitions = Path.Combine(copy, "files/crds/cluster.yaml");
        File.WriteAllText(definitions, File.ReadAllText(definitions).Replace("- approf\n", "- old\n", StringComparison.Ordinal));
        return copy;
    }

    private string ShortName() =>
        _server.Get(Definitions, "", "applicationprofiles.kubescape.io").At("spec", "names", "shortNames")!.AsArray()[0].AsText();

    /// <summary>Those that are not helm's own, with what is in them.</summary>
    private Dictionary<string, string> SecretsOfTheChart() => _server.Objects("secrets")
        .Where(static secret => !secret.Text("type").StartsWith("helm.sh/", StringComparison.Ordinal))
        .ToDictionary(static secret => secret.Text("metadata", "name"), static secret => secret["data"]!.ToJsonString());
}

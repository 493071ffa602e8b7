using System.Text.RegularExpressions;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;

namespace KubeCop.Tests.Kubernetes.Emulator;

/// <summary>What people do with kubectl.</summary>
public sealed class KubectlTests : IAsyncLifetime
{
    private const string Profile = """
        apiVersion: kubescape.io/v1
        kind: ApplicationProfile
        metadata: {name: deployment-web, labels: {app: web}}
        spec: {containers: [{name: web, syscalls: [read]}]}
        """;

    private const string Binding = """
        apiVersion: kubescape.io/v1
        kind: RuntimeRuleAlertBinding
        metadata: {name: all, labels: {app: web}}
        spec: {rules: [{ruleID: R1000}]}
        """;

    private readonly TestDirectory _directory = new();
    private ApiServer _server = null!;
    private Kubectl _kubectl = null!;

    /// <summary>A file, the resource, the name, and a word of the file that can be another.</summary>
    public static TheoryData<string, string, string, string, string> Kinds => new()
    {
        { Profile, "applicationprofiles", "deployment-web", "read", "write" },
        { Binding, "runtimerulealertbindings", "all", "R1000", "R1001" },
    };

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _kubectl = new Kubectl(_server, _directory);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _directory.Dispose();
    }

    [KubectlFact]
    public async Task Get_ShowsThePrinterColumns()
    {
        _server.Apply(Profile + "\nstatus: {phase: final, containers: 1, syscalls: 12}");
        _server.Apply(Binding);

        Assert.Matches(@"^NAME +PHASE +CONTAINERS +EXECS +OPENS +LOST +AGE\ndeployment-web +final +1 +\d+s\n$", await _kubectl.RunAsync("get", "applicationprofiles"));
        Assert.Matches(@"SYSCALLS +CONNECTIONS +AGE\ndeployment-web +final +1 +12 ", await _kubectl.RunAsync("get", "approf", "deployment-web", "-o", "wide"));
        Assert.Matches(@"^NAME +AGE\nall +\d+s\n$", await _kubectl.RunAsync("get", "rab"));
        Assert.Matches("NAMESPACE +NAME", await _kubectl.RunAsync("get", "approf", "-A", "-l", "app in (web)"));
        Assert.Contains("syscalls:\n    - read", await _kubectl.RunAsync("get", "approf", "deployment-web", "-o", "yaml"), StringComparison.Ordinal);
        Assert.Matches("default +Active", await _kubectl.RunAsync("get", "namespaces"));
    }

    [KubectlFact]
    public async Task GetWatch_ShowsChangesAsTheyCome()
    {
        _server.Apply(Profile);
        using var process = _kubectl.Start("get", "approf", "--watch");
        try
        {
            Assert.StartsWith("NAME", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
            Assert.StartsWith("deployment-web", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
            _server.Apply(Profile + "\nstatus: {phase: learning}");
            Assert.Matches("^deployment-web +learning", await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
        }
        finally
        {
            process.Kill();
        }
    }

    [KubectlTheory, MemberData(nameof(Kinds))]
    public async Task Apply_CreatesChangesAndTakesAway(string yaml, string resource, string name, string word, string other)
    {
        var file = Write(yaml);
        Assert.EndsWith(" created\n", await _kubectl.RunAsync("apply", "-f", file), StringComparison.Ordinal);
        Assert.EndsWith(" unchanged\n", await _kubectl.RunAsync("apply", "-f", file), StringComparison.Ordinal);
        Write(yaml.Replace(word, other, StringComparison.Ordinal).Replace(", labels: {app: web}", "", StringComparison.Ordinal));
        Assert.EndsWith(" configured\n", await _kubectl.RunAsync("apply", "-f", file), StringComparison.Ordinal);

        var stored = await _kubectl.RunAsync("get", resource, name, "-o", "jsonpath={.spec}{.metadata.labels}");
        Assert.Contains(other, stored, StringComparison.Ordinal);
        Assert.DoesNotContain(word, stored, StringComparison.Ordinal);
        Assert.DoesNotContain("app", stored, StringComparison.Ordinal);
    }

    [KubectlTheory, MemberData(nameof(Kinds))]
    public async Task ServerSideApply_OwnsWhatItApplies(string yaml, string resource, string name, string word, string other)
    {
        var file = Write(yaml);
        Assert.EndsWith(" serverside-applied\n", await _kubectl.RunAsync("apply", "--server-side", "-f", file), StringComparison.Ordinal);
        Write(yaml.Replace(word, other, StringComparison.Ordinal));
        var conflict = await _kubectl.TryRunAsync("apply", "--server-side", "--field-manager", "another", "-f", file);
        Assert.NotEqual(0, conflict.ExitCode);
        Assert.Contains("conflict with \"kubectl\"", conflict.Error, StringComparison.Ordinal);
        await _kubectl.RunAsync("apply", "--server-side", "--field-manager", "another", "--force-conflicts", "-f", file);

        Assert.Contains(other, await _kubectl.RunAsync("get", resource, name, "-o", "jsonpath={.spec}"), StringComparison.Ordinal);
        Assert.Contains("manager: another", await _kubectl.RunAsync("get", resource, name, "-o", "yaml", "--show-managed-fields"), StringComparison.Ordinal);
    }

    [KubectlTheory, MemberData(nameof(Kinds))]
    public async Task Edit_ChangesWhatTheEditorChanges(string yaml, string resource, string name, string word, string other)
    {
        _server.Apply(yaml);
        _kubectl.Editor = $"sed -i s/{word}/{other}/";
        Assert.EndsWith(" edited\n", await _kubectl.RunAsync("edit", resource, name), StringComparison.Ordinal);

        Assert.Contains(other, await _kubectl.RunAsync("get", resource, name, "-o", "jsonpath={.spec}"), StringComparison.Ordinal);
    }

    [KubectlTheory, MemberData(nameof(Kinds))]
    public async Task Delete_WaitsUntilItIsGone(string yaml, string resource, string name, string word, string other)
    {
        Assert.NotEqual(word, other);
        _server.Apply(yaml);
        Assert.Contains("deleted", await _kubectl.RunAsync("delete", resource, name), StringComparison.Ordinal);

        Assert.Empty(_server.Objects($"{resource}.kubescape.io"));
    }

    [KubectlTheory, MemberData(nameof(Kinds))]
    public async Task Apply_IsRefused_WhenAFieldIsUnknown(string yaml, string resource, string name, string word, string other)
    {
        Assert.NotEqual(word, other);
        var refused = await _kubectl.TryRunAsync("apply", "-f", Write($"{yaml}\nspce: {{}}"));

        Assert.Contains("strict decoding error: unknown field \"spce\"", refused.Error, StringComparison.Ordinal);
        Assert.Null(_server.Get($"{resource}.kubescape.io", "default", name));
    }

    [KubectlFact]
    public async Task Explain_ShowsTheSchema()
    {
        var containers = await _kubectl.RunAsync("explain", "applicationprofile.spec.containers");
        Assert.Contains("By the containers' names in the workload.", containers, StringComparison.Ordinal);
        Assert.Matches(new Regex(@"^  name\t<string> -required-$", RegexOptions.Multiline), containers);
        Assert.Contains("ruleID", await _kubectl.RunAsync("explain", "rab.spec.rules"), StringComparison.Ordinal);
        Assert.Contains("nodeName", await _kubectl.RunAsync("explain", "pod.spec"), StringComparison.Ordinal);
    }

    [KubectlFact]
    public async Task BuiltInKinds_AreAppliedAndDeleted()
    {
        var file = Write("""
            {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
            ---
            {apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: shop}, data: {a: "1", b: "2"}}
            ---
            {apiVersion: v1, kind: Pod, metadata: {name: web, namespace: shop}, spec: {containers: [{name: web, image: nginx}]}}
            """);
        await _kubectl.RunAsync("apply", "-f", file);
        Write("""{apiVersion: v1, kind: ConfigMap, metadata: {name: settings, namespace: shop}, data: {a: "3"}}""");
        await _kubectl.RunAsync("apply", "-f", file);

        Assert.Equal("""{"a":"3"}""", await _kubectl.RunAsync("get", "configmap", "settings", "-n", "shop", "-o", "jsonpath={.data}"));
        Assert.Matches("web +0/1 +Pending", await _kubectl.RunAsync("get", "pods", "-n", "shop"));
        await _kubectl.RunAsync("delete", "namespace", "shop");
        Assert.Empty(_server.Objects("configmaps").Concat(_server.Objects("pods")));
    }

    private string Write(string yaml)
    {
        var file = _directory.Combine("file.yaml");
        File.WriteAllText(file, yaml);
        return file;
    }
}

using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Host.Node;
using KubeCop.Kubernetes.Pods;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Storage;
using KubeCop.Tests.Core.Bindings;
using KubeCop.Tests.Host.Node;
using KubeCop.Tests.Kubernetes;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Tests.Host.Bindings;

/// <summary>Bindings of an API server, on a whole node.</summary>
public sealed class KubernetesBindingsTests : IAsyncLifetime
{
    private const string Container = "live";
    private const string Bindings = "runtimerulealertbindings.kubescape.io";

    /// <summary>What is promised from a change in the API server to another rule in force.</summary>
    private static readonly TimeSpan Promised = TimeSpan.FromSeconds(2);

    private readonly TemporaryDirectory _directory = new();
    private ApiServer _server = null!;
    private FakeSensor _sensor = null!;
    private NodeHost? _node;
    private HttpClient? _http;

    private IGrainFactory Grains => _node!.Services.GetRequiredService<IGrainFactory>();

    public async ValueTask InitializeAsync() => _server = await ApiServer.StartAsync();

    public async ValueTask DisposeAsync()
    {
        await StopNodeAsync();
        await _server.DisposeAsync();
        _directory.Dispose();
    }

    [Fact]
    public async Task BindingIsAppliedChangedAndDeleted_RunningContainerHasTheRulesSoon()
    {
        Bind("a", "R1001");
        await StartNodeAsync();
        await UntilInForceAsync("a R1001 critical");
        await _sensor.StartContainerAsync(Grains, NodeHostFixture.NodeName, Container);
        await RunAsync("/dev/shm/a");
        await RunAsync("/usr/bin/new", EventFlags.FileUpperLayer);
        await UntilAlertsAsync("R1001 critical /usr/bin/new");

        await InTimeAsync(() => Bind("b", "R1000", "severity: low"), "a R1001 critical, b R1000 low");
        await RunAsync("/dev/shm/b");
        await UntilAlertsAsync("R1001 critical /usr/bin/new", "R1000 low /dev/shm/b");

        await InTimeAsync(() => Bind("b", "R1000", "severity: high"), "a R1001 critical, b R1000 high");
        await RunAsync("/dev/shm/c");
        await UntilAlertsAsync("R1001 critical /usr/bin/new", "R1000 low /dev/shm/b", "R1000 high /dev/shm/c");

        await InTimeAsync(() => _server.Delete(Bindings, "", "b"), "a R1001 critical");
        await RunAsync("/dev/shm/d");
        await RunAsync("/usr/bin/newer", EventFlags.FileUpperLayer);
        await UntilAlertsAsync("R1001 critical /usr/bin/new", "R1000 low /dev/shm/b", "R1000 high /dev/shm/c", "R1001 critical /usr/bin/newer");

        await InTimeAsync(() => _server.Delete(Bindings, "", "a"), "");
        await RunAsync("/usr/bin/newest", EventFlags.FileUpperLayer);
        await UntilAlertsAsync("R1001 critical /usr/bin/new", "R1000 low /dev/shm/b", "R1000 high /dev/shm/c", "R1001 critical /usr/bin/newer");
        Assert.Equal(HttpStatusCode.OK, (await _http!.GetAsync("/healthz/ready", TestContext.Current.CancellationToken)).StatusCode);
    }

    [Fact]
    public async Task NamespaceIsLabelled_BindingSelectsItsRunningContainers()
    {
        _server.Apply(BindingSample.Yaml("a", "namespaceSelector: { matchLabels: { team: payments } }", "- ruleID: R1000"));
        await StartNodeAsync();
        await UntilInForceAsync("a R1000 critical");
        await _sensor.StartContainerAsync(Grains, NodeHostFixture.NodeName, Container);
        await RunAsync("/dev/shm/a");

        var version = await VersionAsync();
        _server.Apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: default\n  labels:\n    team: payments");
        await Wait.UntilAsync(VersionAsync, now => now > version, "rules after the change of the label");
        await RunAsync("/dev/shm/b");
        await UntilAlertsAsync("R1000 critical /dev/shm/b");
    }

    [Fact]
    public async Task BadBinding_IsSaidAndTheOthersAreInForce()
    {
        Bind("a", "R1001");
        Bind("b", "R1000");
        await StartNodeAsync();
        await UntilInForceAsync("a R1001 critical, b R1000 critical");
        Bind("b", "R1000", "parameters: { nope: 1 }");
        Bind("a", "R1001", "severity: low");
        var answer = await UntilInForceAsync("a R1001 low, b R1000 critical", static answer => answer.GetProperty("lastError").ValueKind != JsonValueKind.Null);
        var error = Assert.Single(answer.GetProperty("lastError").GetProperty("errors").EnumerateArray());
        Assert.Equal("spec.rules[0].parameters.nope", error.GetProperty("field").GetString());
        Assert.Contains("what it said before stays in force", error.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Contains("RuntimeRuleAlertBinding b: binding b, spec.rules[0].parameters.nope", await DegradationAsync(static reason => reason.Length > 0), StringComparison.Ordinal);

        // Also after a start without the API server.
        await StopNodeAsync();
        await _server.StopAsync();
        await StartNodeAsync();
        await UntilInForceAsync("a R1001 low, b R1000 critical");
    }

    [Fact]
    public async Task ApiServerIsAwayAtTheStart_DefaultBindingIsInForceUntilItIsThere()
    {
        Bind("a", "R1001");
        await _server.StopAsync();
        await StartNodeAsync();
        Assert.Equal("default", (await AnswerAsync()).GetProperty("source").GetString());
        Assert.Contains("the default binding is in force", await DegradationAsync(static reason => reason.Length > 0), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await _http!.GetAsync("/healthz/ready", TestContext.Current.CancellationToken)).StatusCode);

        await _server.StartAgainAsync();
        var answer = await UntilInForceAsync("a R1001 critical");
        Assert.Equal("kubernetes", answer.GetProperty("source").GetString());
        await DegradationAsync(static reason => reason.Length == 0);
    }

    [Fact]
    public async Task FileIsGiven_ItWinsAndNobodyAsksForBindings()
    {
        Bind("a", "R1001");
        var file = Path.Combine(_directory.Path, "b.yaml");
        await File.WriteAllTextAsync(file, BindingSample.Yaml("mine", "", "- ruleID: R1000"), TestContext.Current.CancellationToken);
        await StartNodeAsync(file);
        await UntilInForceAsync("mine R1000 critical");
        await Wait.UntilAsync(() => _server.Requests(), static requests => requests.Any(static request => request.Resource == "pods"), "the pods asked for");
        Assert.DoesNotContain(_server.Requests(), static request => request.Resource == Bindings);
    }

    [Fact]
    public async Task ObjectsThatAreNoBindings_AreLeftOutByThemselves_AndTheOthersChangeAsBefore()
    {
        await _server.DisposeAsync();
        _server = await ApiServer.StartAsync(new ApiServerOptions { Definitions = LooseDefinitions.All });
        Bind("a", "R1001");
        await StartNodeAsync();
        await UntilInForceAsync("a R1001 critical");
        string[] odd =
        [
            Odd("text", "\"none\""), Odd("number", """{"rules": 5}"""), Odd("wrong-type", """{"rules": [{"ruleID": {"a": [1]}}]}"""),
            Odd("unknown", """{"rules": [{"ruleID": "R1000", "flavour": "sweet"}]}"""),
            Odd("deep", $$"""{"rules": [{"ruleID": "R1000", "parameters": {{Nested(200)}}}]}"""),
            Odd("large", $$"""{"rules": [{"ruleID": "R1000", "flavour": "{{new string('x', 1_400_000)}}"}]}"""),
        ];

        var said = await UntilInForceAsync("a R1001 critical", answer => odd.All(name => Said(answer).Contains($"RuntimeRuleAlertBinding {name}", StringComparison.Ordinal)));
        Assert.InRange(Said(said).Length, 1, 20_000);
        Bind("a", "R1000");
        await UntilInForceAsync("a R1000 critical");
        Assert.DoesNotContain("not seen", await DegradationAsync(static reason => reason.Length > 0), StringComparison.Ordinal);

        // The same for a list of all, after a start.
        await StopNodeAsync();
        Bind("a", "R1002");
        await StartNodeAsync();
        await UntilInForceAsync("a R1002 critical");

        string Odd(string name, string spec)
        {
            _server.Apply(new JsonObject
            {
                ["apiVersion"] = "kubescape.io/v1",
                ["kind"] = "RuntimeRuleAlertBinding",
                ["metadata"] = new JsonObject { ["name"] = name },
                ["spec"] = JsonNode.Parse(spec, documentOptions: new JsonDocumentOptions { MaxDepth = 1000 }),
            });
            return name;
        }

        static string Nested(int depth) => string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth);
        static string Said(JsonElement answer) => answer.GetProperty("lastError").GetRawText();
    }

    [Fact]
    public async Task ApiServerThatNeverAnswers_HoldsUpNobody()
    {
        var (name, uid) = new EmulatedWorkload(_server, "web").Schedule(NodeHostFixture.NodeName, "a");
        Bind("a", "R1001");
        var never = _server.Inject(new Fault(static _ => true) { Delay = TimeSpan.FromHours(1) });
        await StartNodeAsync(timeout: "1s");
        Assert.Equal(HttpStatusCode.OK, (await _http!.GetAsync("/healthz/ready", TestContext.Current.CancellationToken)).StatusCode);
        _sensor.Pod = new PodDescription { Name = name, Namespace = "default", Uid = uid };

        // What it learns waits in the journal for the workload.
        await Assert.ThrowsAsync<TimeoutException>(() => _sensor.StartContainerAsync(Grains, NodeHostFixture.NodeName, Container));

        // Signatures, by the default binding.
        await RunAsync("/usr/bin/new", EventFlags.FileUpperLayer);
        await UntilAlertsAsync("R1001 critical /usr/bin/new");
        Assert.DoesNotContain(_server.Requests(), static request => request.Code == (int)HttpStatusCode.OK);

        // One that answers late is only slow.
        never.Dispose();
        using var slow = _server.Inject(new Fault(static _ => true) { Delay = TimeSpan.FromMilliseconds(300) });
        await UntilInForceAsync("a R1001 critical");
        await Wait.UntilAsync(() => _node!.Services.GetRequiredService<PodDirectory>().Pods, static pods => pods.Any(static pod => pod.Workload is not null), "the workload of the pod");
    }

    [Fact]
    public async Task ProfilesThatAreNeverAnswered_HoldUpNoContainer()
    {
        var (name, uid) = new EmulatedWorkload(_server, "web").Schedule(NodeHostFixture.NodeName, "a");
        Bind("a", "R1001");
        using var never = _server.Inject(new Fault(static request => request.Resource == "applicationprofiles.kubescape.io") { Delay = TimeSpan.FromHours(1) });
        await StartNodeAsync();
        await UntilInForceAsync("a R1001 critical");
        await Wait.UntilAsync(() => _node!.Services.GetRequiredService<PodDirectory>().Pods, static pods => pods.Any(static pod => pod.Workload is not null), "the workload of the pod");
        _sensor.Pod = new PodDescription { Name = name, Namespace = "default", Uid = uid };

        await _sensor.StartContainerAsync(Grains, NodeHostFixture.NodeName, Container);
        await RunAsync("/usr/bin/new", EventFlags.FileUpperLayer);

        await UntilAlertsAsync("R1001 critical /usr/bin/new");
        Assert.DoesNotContain(_server.Requests(), static request => request is { Resource: "applicationprofiles.kubescape.io", Code: (int)HttpStatusCode.OK });
    }

    [Fact]
    public async Task CriticalAlert_IsAnEventOfItsPod_WhenThatIsAskedFor()
    {
        Bind("a", "R1001");
        Bind("b", "R1000", "severity: high");
        var (name, uid) = new EmulatedWorkload(_server, "web").Schedule(NodeHostFixture.NodeName, "a");
        await StartNodeAsync(events: true);
        await UntilInForceAsync("a R1001 critical, b R1000 high");
        _sensor.Pod = new PodDescription { Name = name, Namespace = "default", Uid = uid };
        await _sensor.StartContainerAsync(Grains, NodeHostFixture.NodeName, Container);

        await RunAsync("/dev/shm/a");
        await RunAsync("/usr/bin/new", EventFlags.FileUpperLayer);

        await UntilAlertsAsync("R1000 high /dev/shm/a", "R1001 critical /usr/bin/new");
        var made = Assert.Single(await Wait.UntilAsync(() => _server.Objects("events.events.k8s.io"), static made => made.Count > 0, "the Event"));
        Assert.Equal((name, uid), ((string?)made["regarding"]!["name"], (string?)made["regarding"]!["uid"]));
        Assert.Equal("ExecBinaryNotInBaseImage", (string?)made["reason"]);
    }

    private void Bind(string name, string rule, string setting = "") =>
        _server.Apply(BindingSample.Yaml(name, "", $"- ruleID: {rule}{(setting.Length > 0 ? $"\n  {setting}" : "")}"));

    private async Task StartNodeAsync(string? bindings = null, bool events = false, string timeout = "30s")
    {
        _sensor = new FakeSensor();
        _sensor.ReadySource.SetResult();
        _node = await NodeHostFixture.StartAsync(
            Path.Combine(_directory.Path, "data"),
            _sensor,
            bindings: bindings,
            more:
            [
                new("KubeCop:Kubernetes:Kubeconfig", _server.WriteKubeconfig(Path.Combine(_directory.Path, "kubeconfig"))),
                new("KubeCop:Kubernetes:Events", $"{events}"), new("KubeCop:Kubernetes:Timeout", timeout),
            ]);
        _http = new HttpClient { BaseAddress = new Uri($"http://{_node.Address}") };
    }

    private async Task StopNodeAsync()
    {
        _http?.Dispose();
        if (_node is not null)
        {
            await _node.DisposeAsync();
        }

        _node = null;
    }

    private async Task InTimeAsync(Action change, string expected)
    {
        var watch = Stopwatch.StartNew();
        change();
        await UntilInForceAsync(expected);
        var taken = watch.Elapsed;
        TestContext.Current.SendDiagnosticMessage("in force after {0} ms", taken.TotalMilliseconds);
        Assert.True(taken < Promised, $"'{expected}' was in force after {taken.TotalMilliseconds:0} ms; {Promised.TotalMilliseconds} ms are promised.");
    }

    private Task RunAsync(string program, EventFlags flags = EventFlags.None) => FakeSensor.RunAsync(Grains, NodeHostFixture.NodeName, Container, flags, program);

    private async Task<JsonElement> AnswerAsync() =>
        JsonDocument.Parse(await _http!.GetStringAsync("/api/v1/bindings", TestContext.Current.CancellationToken)).RootElement;

    private async Task<long> VersionAsync() => (await AnswerAsync()).GetProperty("version").GetInt64();

    private Task<JsonElement> UntilInForceAsync(string expected, Func<JsonElement, bool>? condition = null) =>
        Wait.UntilAsync(AnswerAsync, answer => Rules(answer) == expected && condition?.Invoke(answer) != false, $"'{expected}' in force");

    private static string Rules(JsonElement answer) => string.Join(", ", answer.GetProperty("items").EnumerateArray().SelectMany(
        static item => item.GetProperty("rules").EnumerateArray(),
        static (item, rule) => $"{item.GetProperty("name").GetString()} {rule.GetProperty("id").GetString()} {rule.GetProperty("severity").GetString()}"));

    private async Task<string> DegradationAsync(Func<string, bool> condition) => await Wait.UntilAsync(
        () => string.Join('\n', _node!.Services.GetRequiredService<NodeHealth>().GetDegradations()
            .Where(static degradation => degradation.Part == NodeHealth.Bindings)
            .Select(static degradation => degradation.Reason)),
        condition,
        "the state of the bindings");

    /// <summary>Exactly these, in this order.</summary>
    private async Task UntilAlertsAsync(params string[] expected)
    {
        var alerts = await Wait.UntilAsync(
            async () => JsonDocument.Parse(await _http!.GetStringAsync("/api/v1/alerts", TestContext.Current.CancellationToken)).RootElement.GetProperty("items").EnumerateArray()
                .Select(static alert => $"{alert.GetProperty("ruleId").GetString()} {alert.GetProperty("severity").GetString()} {alert.GetProperty("event").GetProperty("path").GetString()}")
                .ToList(),
            alerts => alerts.Count >= expected.Length,
            $"{expected.Length} alerts");
        Assert.Equal(expected, alerts);
    }
}

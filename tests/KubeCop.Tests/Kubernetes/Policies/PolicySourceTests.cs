using System.Collections.Concurrent;
using System.Net;
using KubeCop.Core.Bindings;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.CustomResources;
using KubeCop.Kubernetes.Policies;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using KubeCop.Tests.Core.Bindings;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Kubernetes.Policies;

public sealed class PolicySourceTests : IAsyncLifetime
{
    private const string Bindings = "runtimerulealertbindings.kubescape.io";
    private const string Namespaces = "namespaces";

    private ApiServer _server = null!;

    public async ValueTask InitializeAsync() =>
        _server = await ApiServer.StartAsync(new ApiServerOptions { Definitions = CustomResourceDefinitions.All(ResourceScope.Namespaced) });

    public async ValueTask DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task Source_TellsAllBindingsAndLabels_ByOneListAndOneWatchOfEach()
    {
        Namespace("shop", "team: payments");
        Namespace("ci", "team: builds");
        Bind("shop", "a", "R0001");
        Bind("ci", "a", "R0002");
        await using var reader = Read();

        var report = await reader.UntilAsync(static report => report.Policy is { Bindings.Count: 2 }, "both bindings");
        Assert.Null(report.Failure);
        Assert.Equal(["ci/a", "shop/a"], report.Policy!.Bindings.Select(static binding => binding.FullName));
        Assert.Equal(
            """{"apiVersion":"kubescape.io/v1","kind":"RuntimeRuleAlertBinding","metadata":{"name":"a","namespace":"ci"},"spec":{"rules":[{"ruleID":"R0002"}]}}""",
            report.Policy.Bindings[0].Json);
        Assert.Equal(["ci team builds", "shop team payments"], report.Policy.Namespaces!.SelectMany(static ns => ns.Labels, static (ns, label) => $"{ns.Name} {label.Key} {label.Value}"));

        Bind("shop", "a", "R0003");
        await reader.UntilAsync(static report => Rules(report) == "R0002 R0003", "the changed binding");
        _server.Delete(Bindings, "ci", "a");
        await reader.UntilAsync(static report => Rules(report) == "R0003", "one binding less");
        Namespace("shop", "team: orders");
        await reader.UntilAsync(static report => report.Policy!.Namespaces!.Single(static ns => ns.Name == "shop").Labels["team"] == "orders", "the changed label");
        _server.Delete(Bindings, "shop", "a");
        await reader.UntilAsync(static report => report.Policy!.Bindings.Count == 0, "no bindings, which is no failure");
        Assert.Equal([(Namespaces, "list", 1), (Namespaces, "watch", 1), (Bindings, "list", 1), (Bindings, "watch", 1)], Requests());
    }

    [Fact]
    public async Task ManyChanges_AreToldTogether()
    {
        await using var reader = Read();
        await reader.UntilAsync(static report => report.Policy is not null, "a first policy");
        var before = reader.Reports.Count;
        for (var i = 0; i < 100; i++)
        {
            Bind("default", "a", i % 2 == 0 ? "R0001" : "R0002", $"severity: {(i % 4 < 2 ? "low" : "high")}");
        }

        Bind("default", "a", "R0003");
        await reader.UntilAsync(static report => Rules(report) == "R0003", "the last change");
        Assert.InRange(reader.Reports.Count - before, 1, 60);
        Assert.Equal([(Namespaces, "list", 1), (Namespaces, "watch", 1), (Bindings, "list", 1), (Bindings, "watch", 1)], Requests());
    }

    [Fact]
    public async Task WhatIsNoChangeOfTheBinding_IsNotTold()
    {
        Bind("default", "a", "R0001");
        await using var reader = Read();
        await reader.UntilAsync(static report => report.Policy is not null, "a first policy");
        _server.Apply(Yaml("default", "a", "R0001").Replace("metadata:\n", "metadata:\n  labels: { x: y }\n  annotations: { note: changed }\n", StringComparison.Ordinal));
        Bind("default", "b", "R0002");
        await reader.UntilAsync(static report => Rules(report) == "R0001 R0002", "the other binding");
        Assert.InRange(reader.Reports.Count(static report => report.Policy is { Bindings.Count: 1 }), 1, 1);
    }

    [Fact]
    public async Task WatchIsCut_GoesOnWithoutAnotherList()
    {
        await using var reader = Read();
        await reader.UntilAsync(static report => report.Policy is not null, "a first policy");
        await UntilWatchesAsync(2);
        _server.Inject(new Fault(static request => request.Verb == "watch") { Cuts = true }).Dispose();
        Bind("default", "a", "R0001");
        await reader.UntilAsync(static report => Rules(report) == "R0001", "what changed after the cut");
        Assert.Equal(2, Requests().Where(static request => request.Verb == "list").Sum(static request => request.Count));
    }

    [Fact]
    public async Task VersionIsTooOld_ListsAnew()
    {
        Bind("default", "gone", "R0002");
        await using var reader = Read();
        await reader.UntilAsync(static report => report.Policy is { Bindings.Count: 1 }, "a first policy");
        await UntilWatchesAsync(2);
        using (_server.Inject(new Fault(static _ => true) { Cuts = true }))
        {
            Bind("default", "a", "R0001");
            _server.Delete(Bindings, "default", "gone");
            _server.ForgetHistory();
        }

        await reader.UntilAsync(static report => Rules(report) == "R0001", "what changed while the watch was cut, the deletion too");
    }

    [Fact]
    public async Task WatchFallsSilent_IsBegunAnew()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var reader = Read(time: time);
        await reader.UntilAsync(static report => report.Policy is not null, "a first policy", () => time.Advance(TimeSpan.FromMilliseconds(50)));
        await UntilWatchesAsync(2);
        _server.Inject(new Fault(static request => request.Verb == "watch") { Silences = true }).Dispose();
        Bind("default", "a", "R0001");
        await reader.UntilAsync(static report => Rules(report) == "R0001", "what the silent watch did not tell", () => time.Advance(TimeSpan.FromSeconds(1)));
        Assert.Equal(2, Requests().Where(static request => request.Verb == "list").Sum(static request => request.Count));
    }

    [Fact]
    public async Task BindingsAreForbidden_SaysWhichRightIsMissingUntilItIsThere()
    {
        Bind("default", "a", "R0001");
        var token = _server.AddUser("kubecop", AccessRule.FromYaml(Role("namespaces", "")));
        await using var reader = Read(token);
        var report = await reader.UntilAsync(static report => report.Failure is not null, "a failure");
        Assert.Null(report.Policy);
        Assert.Contains("""apiGroups: ["kubescape.io"], resources: ["runtimerulealertbindings"], verbs: ["list"]""", report.Failure, StringComparison.Ordinal);

        _server.AddUser("kubecop", AccessRule.Everything);
        report = await reader.UntilAsync(static report => report.Policy is not null, "a policy");
        Assert.Null(report.Failure);
        Assert.Equal("R0001", Rules(report));
    }

    [Fact]
    public async Task NamespacesAreForbidden_IsAFailureOfAClusterAndNotOfOneNamespace()
    {
        Bind("kubecop", "a", "R0001");
        Bind("default", "b", "R0002");
        var token = _server.AddUser("kubecop", AccessRule.FromYaml(Role("runtimerulealertbindings", "kubescape.io")));
        await using var cluster = Read(token);
        var report = await cluster.UntilAsync(static report => report.Failure is not null, "a failure");
        Assert.Null(report.Policy);
        Assert.Contains("""resources: ["namespaces"]""", report.Failure, StringComparison.Ordinal);

        token = _server.AddUser("namespaced", AccessRule.FromYaml(Role("runtimerulealertbindings", "kubescape.io").Replace("ClusterRole", "Role", StringComparison.Ordinal), "kubecop"));
        await using var namespaced = Read(token, "kubecop");
        report = await namespaced.UntilAsync(static report => report.Policy is not null, "a policy");
        Assert.Null(report.Failure);
        Assert.Null(report.Policy!.Namespaces);
        Assert.Equal("R0001", Rules(report));
    }

    [Fact]
    public async Task DefinitionsAreMissing_IsAFailureAndNotNoBindings()
    {
        await using var server = await ApiServer.StartAsync(new ApiServerOptions { Definitions = [] });
        await using var reader = new Reader(Source(server, null, "", TimeProvider.System));
        var report = await reader.UntilAsync(static report => report.Failure is not null, "a failure");
        Assert.Null(report.Policy);
        Assert.Contains("kubecop crds", report.Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ServerIsAway_SaysSoAndGoesOnWhenItIsBack()
    {
        await _server.StopAsync();
        await using var reader = Read();
        var report = await reader.UntilAsync(static report => report.Failure is not null, "a failure");
        Assert.Null(report.Policy);
        Bind("default", "a", "R0001");
        await _server.StartAgainAsync();
        report = await reader.UntilAsync(static report => report.Policy is not null && report.Failure is null, "a policy");
        Assert.Equal("R0001", Rules(report));

        await _server.StopAsync();
        report = await reader.UntilAsync(static report => report.Failure is not null, "a failure with what is known");
        Assert.Equal("R0001", Rules(report));
    }

    [Fact]
    public async Task Cancelled_EndsItsWatches()
    {
        var reader = Read();
        await reader.UntilAsync(static report => report.Policy is not null, "a first policy");
        await reader.DisposeAsync();
        var before = Requests();
        _server.Inject(new Fault(static request => request.Verb == "watch") { Cuts = true }).Dispose();
        Bind("default", "a", "R0001");
        await using var other = Read();
        await other.UntilAsync(static report => report.Policy is not null, "a policy of the other");
        await UntilWatchesAsync(before.Where(static request => request.Verb == "watch").Sum(static request => request.Count) + 2);
        Assert.Equal(2, Requests().Single(static request => request is { Resource: Bindings, Verb: "list" }).Count);
    }

    [Fact]
    public async Task NamespaceIsDeleted_ItsBindingsAndLabelsGo_AndTheOthersStay()
    {
        Bind("shop", "a", "R0001");
        Bind("ci", "a", "R0002");
        await using var reader = Read();
        await reader.UntilAsync(static report => report.Policy is { Bindings.Count: 2 }, "both bindings");

        _server.Delete(Namespaces, "", "shop");

        var report = await reader.UntilAsync(static report => report.Policy!.Namespaces!.All(static ns => ns.Name != "shop"), "one namespace less");
        await reader.UntilAsync(static report => Rules(report) == "R0002", "the binding of the other");
        Assert.Null(report.Failure);
        Assert.Equal(2, Requests().Where(static request => request.Verb == "list").Sum(static request => request.Count));
    }

    private static string Rules(PolicyReport report) => string.Join(' ', (report.Policy?.Bindings ?? []).Select(static binding =>
        System.Text.Json.Nodes.JsonNode.Parse(binding.Json)!["spec"]!["rules"]![0]!["ruleID"]!.GetValue<string>()).Order(StringComparer.Ordinal));

    private static string Role(string resource, string group) => $"""
        kind: ClusterRole
        metadata: {"{"} name: kubecop {"}"}
        rules:
        - apiGroups: ["{group}"]
          resources: ["{resource}"]
          verbs: [list, watch]
        """;

    private static PolicySource Source(ApiServer server, string? token, string store, TimeProvider time) => new(
        new ApiClient(new k8s.Kubernetes(server.ClientConfiguration(token)), TimeSpan.FromSeconds(30), time),
        new KubernetesOptions { StoreNamespace = store },
        time,
        NullLogger<PolicySource>.Instance);

    private static string Yaml(string ns, string name, string rule, string setting = "") =>
        BindingSample.Yaml(name, "", $"- ruleID: {rule}{(setting.Length > 0 ? $"\n  {setting}" : "")}").Replace("metadata:\n", $"metadata:\n  namespace: {ns}\n", StringComparison.Ordinal);

    private Reader Read(string? token = null, string store = "", TimeProvider? time = null) => new(Source(_server, token, store, time ?? TimeProvider.System));

    private void Bind(string ns, string name, string rule, string setting = "")
    {
        if (_server.Get(Namespaces, "", ns) is null)
        {
            _server.Apply($"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {ns}");
        }

        _server.Apply(Yaml(ns, name, rule, setting));
    }

    private void Namespace(string name, string label) => _server.Apply($"apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n  labels:\n    {label}");

    /// <summary>Those that were answered.</summary>
    private List<(string Resource, string Verb, long Count)> Requests() =>
    [
        .. _server.Requests().Where(static request => request.Code == (int)HttpStatusCode.OK && request.Resource is Bindings or Namespaces)
            .GroupBy(static request => (request.Resource, request.Verb))
            .Select(static group => (group.Key.Resource, group.Key.Verb, group.Sum(static request => request.Requests)))
            .Order(),
    ];

    private Task UntilWatchesAsync(long count) => Wait.UntilAsync(
        Requests, requests => requests.Where(static request => request.Verb == "watch").Sum(static request => request.Count) >= count, $"{count} watches");

    /// <summary>Reads everything a source tells.</summary>
    private sealed class Reader : IAsyncDisposable
    {
        private readonly CancellationTokenSource _end = new();
        private readonly Task _reading;

        public Reader(PolicySource source) => _reading = Task.Run(async () =>
        {
            await foreach (var report in source.WatchAsync(_end.Token))
            {
                Reports.Enqueue(report);
            }
        });

        public ConcurrentQueue<PolicyReport> Reports { get; } = new();

        /// <param name="meanwhile">Done before each look.</param>
        public async Task<PolicyReport> UntilAsync(Func<PolicyReport, bool> condition, string what, Action? meanwhile = null) => (await Wait.UntilAsync(
            () =>
            {
                meanwhile?.Invoke();
                return Reports.LastOrDefault();
            },
            report => report is not null && condition(report),
            what))!;

        public async ValueTask DisposeAsync()
        {
            await _end.CancelAsync();
            await _reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _end.Dispose();
        }
    }
}

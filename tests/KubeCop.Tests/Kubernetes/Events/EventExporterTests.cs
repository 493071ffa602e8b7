using System.Text;
using System.Text.RegularExpressions;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Exporters.Delivery;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Events;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;
using KubeCop.Tests.Exporters;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Kubernetes.Events;

public sealed class EventExporterTests : IAsyncLifetime
{
    private const string Events = "events.events.k8s.io";

    private static readonly DateTimeOffset Start = new(2026, 5, 6, 7, 8, 9, 123, TimeSpan.Zero);

    private readonly PauseClock _time = new(Start, TimeSpan.FromMinutes(2));
    private ApiServer _server = null!;
    private k8s.Kubernetes _client = null!;
    private EventExporter _exporter = null!;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _server = await ApiServer.StartAsync();
        _server.Apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop");
        Use(_server.AdminToken);
    }

    public async ValueTask DisposeAsync()
    {
        _exporter.Dispose();
        _client.Dispose();
        await _server.DisposeAsync();
    }

    [Fact]
    public void Alert_IsAnEventOfItsPod_WithAllThatPeopleNeed()
    {
        Export(AlertOf(1, arguments: ["id", "-u"]));

        var made = Assert.Single(_server.Objects(Events));
        Assert.Equal("shop", (string?)made["metadata"]!["namespace"]);
        Assert.Equal("web-1.00000001000070008000000000000000", (string?)made["metadata"]!["name"]);
        Assert.Equal("""{"apiVersion":"v1","kind":"Pod","namespace":"shop","name":"web-1","fieldPath":"spec.containers{web}","uid":"uid-1"}""", made["regarding"]!.ToJsonString());
        Assert.Equal("Warning", (string?)made["type"]);
        Assert.Equal("UnexpectedProcessLaunched", (string?)made["reason"]);
        Assert.Equal("Detect", (string?)made["action"]);
        Assert.Equal("kubescape.io/kubecop", (string?)made["reportingController"]);
        Assert.Equal("node", (string?)made["reportingInstance"]);
        Assert.Equal("2026-05-06T07:08:09.123000Z", (string?)made["eventTime"]);
        Assert.Equal("R0001 (critical) in container web, pid 42: Unexpected process launched: /bin/id. Process: nginx > sh > id, command: id -u", (string?)made["note"]);
        Assert.Equal(AlertOf(1).Id, (string?)made["metadata"]!["annotations"]!["kubecop.kubescape.io/alert"]);
        Assert.Null(made["series"]);
    }

    [Theory]
    [InlineData(ContainerType.Init, "spec.initContainers{web}")]
    [InlineData(ContainerType.Ephemeral, "spec.ephemeralContainers{web}")]
    public void Container_OfAnotherKind_IsNamedWhereItIsInThePod(ContainerType type, string path)
    {
        var alert = AlertOf(1);

        Export(alert with { Container = alert.Container with { Type = type } });

        Assert.Equal(path, (string?)Assert.Single(_server.Objects(Events))["regarding"]!["fieldPath"]);
    }

    [Fact]
    public void Repeats_AreTheSeriesOfOneEvent()
    {
        Export(AlertOf(1));
        Pass(TimeSpan.FromSeconds(60));
        Export(AlertOf(2, state: AlertState.Summary, count: 7));
        Assert.Equal(7, (int?)Assert.Single(_server.Objects(Events))["series"]!["count"]);

        Pass(TimeSpan.FromSeconds(60));
        Export(AlertOf(3));
        Pass(TimeSpan.FromSeconds(60));
        Export(AlertOf(4, state: AlertState.Summary, count: 3));

        // Seven in the first window, three in the second, whose first was told at once.
        var made = Assert.Single(_server.Objects(Events));
        Assert.Equal("""{"count":10,"lastObservedTime":"2026-05-06T07:11:09.123000Z"}""", made["series"]!.ToJsonString());
        Assert.Equal("2026-05-06T07:08:09.123000Z", (string?)made["eventTime"]);
    }

    [Fact]
    public void Replicas_OfOneWorkload_HaveEventsOfTheirOwn()
    {
        Export(AlertOf(1, pod: "web-1"));
        Export(AlertOf(2, pod: "web-2"));

        Assert.Equal(["web-1", "web-2"], _server.Objects(Events).Select(static made => (string)made["regarding"]!["name"]!).Order());
    }

    [Fact]
    public void Repeat_AfterQuiet_IsAnEventOfItsOwn()
    {
        Export(AlertOf(1));
        Pass(KnownEvents.Quiet + TimeSpan.FromSeconds(1));

        Export(AlertOf(2));

        Assert.Equal([null, null], _server.Objects(Events).Select(static made => made["series"]));
    }

    [Fact]
    public void Repeat_OfAnEventThatWasDeleted_MakesAnother()
    {
        Export(AlertOf(1));
        _server.Delete(Events, "shop", (string)Assert.Single(_server.Objects(Events))["metadata"]!["name"]!);

        Export(AlertOf(2, state: AlertState.Summary, count: 3));

        Assert.Equal(3, (int?)Assert.Single(_server.Objects(Events))["series"]!["count"]);
    }

    [Fact]
    public void Alerts_ThatAreNotCritical_OrOfNoPod_AreNotForIt()
    {
        var alert = AlertOf(1);

        Assert.True(_exporter.Takes(alert), "a critical alert of a pod");
        Assert.True(_exporter.Takes(alert with { Severity = Severity.System }), "an alert of KubeCop itself");
        Assert.False(_exporter.Takes(alert with { Severity = Severity.High }), "an alert that is not critical");
        Assert.False(_exporter.Takes(TestAlerts.Create()), "an alert of a container of no pod");
    }

    [Fact]
    public void TextOfAContainer_ActsOnNoTerminal_AndIsCutAtAWholeCharacter()
    {
        Export(AlertOf(1, path: "/tmp/\x1b[2J\n\u202eevil", arguments: [new string('é', 4000)]));

        var note = (string)Assert.Single(_server.Objects(Events))["note"]!;
        Assert.DoesNotContain(note, static c => char.IsControl(c) || c is '\u202e' or '\ufffd');
        Assert.Contains(@"/tmp/\x1b[2J\n\u{202e}evil", note, StringComparison.Ordinal);
        Assert.EndsWith("é…", note, StringComparison.Ordinal);
        Assert.InRange(Encoding.UTF8.GetByteCount(note), 1020, 1024);
    }

    [Fact]
    public void Names_OfAnyLength_AreTaken()
    {
        Export(AlertOf(1, pod: new string('a', 219) + "." + new string('b', 33)) with { Node = new string('n', 253), RuleName = new string('x', 500) });

        var made = Assert.Single(_server.Objects(Events));
        Assert.Equal(new string('a', 219) + ".00000001000070008000000000000000", (string?)made["metadata"]!["name"]);
    }

    [Fact]
    public void TooMany_OfOnePod_AreCounted_AndLeaveRoomForTheOthers()
    {
        for (var number = 0; number < EventBudget.PodBurst; number++)
        {
            Export(AlertOf(number, fingerprint: $"f{number}"));
        }

        var lost = Assert.Throws<ExportException>(() => Export(AlertOf(98, fingerprint: "one more")));
        Assert.Equal((EventExporter.RateLimited, 1), (lost.Reason, lost.Lost));
        Export(AlertOf(99, pod: "web-2"));
        Assert.Equal(EventBudget.PodBurst + 1, _server.Objects(Events).Count);

        // What was not told then is told with the next repeat.
        Pass(EventBudget.PodPeriod);
        Export(AlertOf(100, fingerprint: "one more"));
        Assert.Equal(2, (int?)_server.Objects(Events).Single(static made => (string?)made["metadata"]!["annotations"]!["kubecop.kubescape.io/fingerprint"] == "one more")["series"]!["count"]);
    }

    [Fact]
    public void TooMany_OfTheNode_AreCounted()
    {
        var budget = new EventBudget(_time);
        var taken = Enumerable.Range(0, 1000).Count(pod => budget.TryTake($"pod-{pod}"));
        Assert.Equal(EventBudget.NodeBurst, taken);

        Pass(EventBudget.NodePeriod);
        Assert.True(budget.TryTake("pod-1000"), "one more after a while");
        Assert.False(budget.TryTake("pod-1001"), "and no more than one");
    }

    [Fact]
    public void Series_AreBounded()
    {
        var known = new KnownEvents(_time);
        for (var number = 0; number < 3 * KnownEvents.MaxEvents; number++)
        {
            known.Add(AlertOf(number, fingerprint: $"f{number}"));
        }

        Assert.Equal(KnownEvents.MaxEvents, known.Count);
        Pass(2 * KnownEvents.Quiet);
        known.Add(AlertOf(0));
        Assert.Equal(1, known.Count);
    }

    [Fact]
    public void Right_ThatIsMissing_IsNamed_AndUsedOnceItIsThere()
    {
        Use(_server.AddUser("kubecop", AccessRule.FromYaml(Role("create"))));
        Export(AlertOf(1));
        var lost = Assert.Throws<ExportException>(() => Export(AlertOf(2)));
        Assert.Equal(EventExporter.Forbidden, lost.Reason);
        Assert.Contains("apiGroups: [\"events.k8s.io\"], resources: [\"events\"], verbs: [\"patch\"]", lost.Message, StringComparison.Ordinal);

        _server.AddUser("kubecop", AccessRule.FromYaml(Role("create, patch")));
        Export(AlertOf(3));

        Assert.Equal(3, (int?)Assert.Single(_server.Objects(Events))["series"]!["count"]);
    }

    [Fact]
    public void NamespaceThatEnds_LosesItsAlerts_AndIsNotTakenForAMissingRight()
    {
        _server.Apply("""
            apiVersion: v1
            kind: ConfigMap
            metadata: {name: stays, namespace: shop, finalizers: [example.com/wait]}
            """);
        _server.Delete("namespaces", "", "shop");

        var lost = Assert.Throws<ExportException>(() => Export(AlertOf(1)));

        Assert.Equal(EventExporter.Refused, lost.Reason);
        Assert.Contains("because it is being terminated", lost.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("A role of", lost.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NamespaceThatIsGone_LosesItsAlerts_AndNoOthers()
    {
        _server.Apply("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: other");
        _server.Delete("namespaces", "", "shop");

        Assert.Equal(EventExporter.Refused, Assert.Throws<ExportException>(() => Export(AlertOf(1))).Reason);
        var alert = AlertOf(2);
        Export(alert with { Container = alert.Container with { Pod = new PodDescription { Name = "web-1", Namespace = "other", Uid = "uid-2" } } });

        Assert.Equal("other", (string?)Assert.Single(_server.Objects(Events))["metadata"]!["namespace"]);
    }

    [Fact]
    public async Task ApiServer_ThatComesBack_GetsWhatWasWaiting()
    {
        await _server.StopAsync();
        var exporting = Task.Run(() => Export(AlertOf(1)), Token);
        while (_time.GetUtcNow() - Start < TimeSpan.FromMinutes(2))
        {
            await _time.PassAsync();
        }

        await _server.StartAgainAsync();
        await _time.PassUntilAsync(exporting);

        await exporting;
        Assert.Single(_server.Objects(Events));
    }

    [Fact]
    public async Task ApiServer_ThatStaysAway_LosesAlertsAfterAWhile_AndEachLaterOneAtOnce()
    {
        await _server.StopAsync();
        var exporting = Task.Run(() => Assert.Throws<ExportException>(() => Export(AlertOf(1))), Token);
        await _time.PassUntilAsync(exporting);
        Assert.Equal(EventExporter.Unreachable, (await exporting).Reason);
        Assert.InRange(_time.GetUtcNow() - Start, EventExporter.Patience, EventExporter.Patience + TimeSpan.FromMinutes(1));

        for (var hour = 0; hour < 10; hour++)
        {
            Pass(TimeSpan.FromHours(1));
            Assert.Equal(EventExporter.Unreachable, Assert.Throws<ExportException>(() => Export(AlertOf(2 + hour))).Reason);
        }

        await _server.StartAgainAsync();
        Export(AlertOf(20, fingerprint: "later"));
        Assert.Single(_server.Objects(Events));
    }

    [Fact]
    public async Task AnswerThatIsLost_MakesNoSecondEvent()
    {
        using (_server.Inject(new Fault(static request => request is { Verb: "create", Resource: Events }) { Status = 500, Times = 2 }))
        {
            var exporting = Task.Run(() => Export(AlertOf(1)), Token);
            await _time.PassUntilAsync(exporting);
            await exporting;
        }

        // As if the first request had been carried out although nobody heard of it.
        using var restarted = Exporter();
        restarted.Export([AlertOf(1)]);

        Assert.Single(_server.Objects(Events));
    }

    [Fact]
    public async Task Exporter_InADispatcher_HoldsUpNobody_AndCountsWhatItLoses()
    {
        using var fault = _server.Inject(new Fault(static request => request.Resource == Events) { Status = 503 });
        var other = new List<string>();
        using var dispatcher = new AlertDispatcher(
            [_exporter, new ListExporter(other)], "/nowhere", new DeliveryOptions { MaxInMemory = 8 }, new RuleCounters(), TimeProvider.System, NullLogger<AlertDispatcher>.Instance);
        for (var number = 0; number < 20; number++)
        {
            dispatcher.Dispatch(AlertOf(number, fingerprint: $"f{number}"));
            await Wait.UntilAsync(() => _server.Requests(), static requests => requests.Any(static request => request.Resource == Events), "the first being tried");
            Assert.True(SpinWait.SpinUntil(() => other.Count == number + 1, Wait.DefaultTimeout), "the other exporter waits for the API server");
        }

        // Eight wait, of which one is being tried.
        await Wait.UntilAsync(() => dispatcher.Dropped, static dropped => dropped.Sum(static drop => drop.Count) == 12, "what did not fit counted");
        Assert.Equal(new DropCount("kubernetes_events", "queue_full", 12), Assert.Single(dispatcher.Dropped));

        // It ends in the middle of that.
        _exporter.Dispose();
        await dispatcher.StopAsync(Token);
        Assert.Equal(new DropCount("kubernetes_events", EventExporter.Stopped, 8), Assert.Single(dispatcher.Dropped, static drop => drop.Reason != "queue_full"));
    }

    [KubectlFact]
    public async Task Kubectl_ShowsIt_WhereverPeopleLook()
    {
        using var directory = new TestDirectory();
        var kubectl = new Kubectl(_server, directory);
        _server.Apply("""
            apiVersion: v1
            kind: Pod
            metadata: {name: web-1, namespace: shop}
            spec: {containers: [{name: web, image: web}]}
            """);
        Export(AlertOf(1, uid: (string)_server.Get("pods", "shop", "web-1")!["metadata"]!["uid"]!));

        Assert.Contains("UnexpectedProcessLaunched", await kubectl.RunAsync("get", Events, "-n", "shop", "-o", "yaml"), StringComparison.Ordinal);
        Assert.Matches(@"Warning +UnexpectedProcessLaunched +Pod/web-1 +R0001 \(critical\) in container web", await kubectl.RunAsync("events", "-n", "shop"));
        var described = await kubectl.RunAsync("describe", "pod", "-n", "shop", "web-1");
        var events = described[described.IndexOf("Events:", StringComparison.Ordinal)..];
        Assert.True(Regex.IsMatch(events, @"Warning +UnexpectedProcessLaunched +\S+ +kubescape\.io/kubecop +spec\.containers\{web\}: R0001 \(critical\) in container web"), events);
    }

    private static string Role(string verbs) => $"""
        kind: ClusterRole
        metadata: {"{"} name: kubecop {"}"}
        rules:
        - apiGroups: [events.k8s.io]
          resources: [events]
          verbs: [{verbs}]
        """;

    private void Use(string token)
    {
        _client?.Dispose();
        _exporter?.Dispose();
        _client = new k8s.Kubernetes(_server.ClientConfiguration(token));
        _exporter = Exporter();
    }

    private EventExporter Exporter() => new(new ApiClient(_client, TimeSpan.FromHours(1), _time), _time);

    private void Export(Alert alert) => _exporter.Export([alert]);

    private void Pass(TimeSpan time) => _time.Advance(time);

    private Alert AlertOf(
        int number,
        string pod = "web-1",
        string? uid = null,
        string fingerprint = "f",
        AlertState state = AlertState.New,
        long count = 1,
        string path = "/bin/id",
        IReadOnlyList<string>? arguments = null)
    {
        var alert = TestAlerts.Create(number, path, arguments: [.. arguments ?? []]);
        return alert with
        {
            State = state,
            Count = count,
            Fingerprint = fingerprint,
            FirstSeen = _time.GetUtcNow(),
            LastSeen = _time.GetUtcNow(),
            Container = alert.Container with { Pod = new PodDescription { Name = pod, Namespace = "shop", Uid = uid ?? (pod == "web-1" ? "uid-1" : $"uid of {pod}") } },
        };
    }

    private sealed class ListExporter(List<string> ids) : IAlertExporter
    {
        public string Name => "list";

        public string Receiver => "memory";

        public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
        {
            ids.AddRange(batch.Select(static alert => alert.Id));
            return "taken";
        }
    }
}

using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using KubeCop.Core.Rules;
using KubeCop.Host.Node;
using KubeCop.Host.Silo;
using KubeCop.Testing;
using KubeCop.Tests.Exporters;
using KubeCop.Tests.Host.Node;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Tests.Host.Http;

/// <summary>The contract of the HTTP endpoints, against a whole node.</summary>
public sealed class EndpointTests(NodeHostFixture node) : IClassFixture<NodeHostFixture>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/healthz/live")]
    [InlineData("/healthz/startup")]
    [InlineData("/healthz/ready")]
    public async Task Health_NodeReady_200(string path) => Assert.Equal(HttpStatusCode.OK, (await node.Http.GetAsync(path, Cancelled)).StatusCode);

    [Fact]
    public async Task Ready_SomethingIsDegraded_IsReadyAndSaysWhatAndWhy()
    {
        var answer = await node.Http.GetStringAsync("/healthz/ready", Cancelled);

        var lines = answer.TrimEnd().Split('\n');
        Assert.Equal("ready", lines[0]);
        Assert.Contains("degraded: sensor: No capability events are seen: hook cap_capable is not attached: not permitted", lines);
        Assert.Contains("degraded: sensor: Not all network events are seen: hook connect6 is not attached: not permitted", lines);
    }

    [Theory]
    [InlineData("10.1.2.3:9090")]
    [InlineData("[fd00::1]:9090")]
    [InlineData("localhost")]
    [InlineData("LocalHost.:9090")]
    [InlineData("TEST-node")]
    [InlineData("kubecop.Monitoring.svc:9090")]
    public async Task Host_AddressOrNameOfThisMachine_IsServed(string host)
    {
        foreach (var path in (string[])["/healthz/live", "/metrics", "/api/v1/node", "/dashboard"])
        {
            Assert.True((await GetForHostAsync(path, host)).IsSuccessStatusCode, path);
        }
    }

    [Theory]
    [InlineData("evil.example")]
    [InlineData("127.0.0.1.evil.example:9090")]
    [InlineData("localhost.evil.example")]
    [InlineData("svc")]
    public async Task Host_AnotherName_IsRefusedWithTheOptionThatAllowsIt(string host)
    {
        foreach (var path in (string[])["/healthz/live", "/metrics", "/api/v1/profiles", "/dashboard"])
        {
            var answer = await GetForHostAsync(path, host);
            Assert.Equal(HttpStatusCode.MisdirectedRequest, answer.StatusCode);
            Assert.Contains("KubeCop:Http:AllowedHosts", await answer.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Node_TellsHooksEventsAndLosses()
    {
        var answer = await GetAsync("/api/v1/node");

        Assert.Equal(NodeHostFixture.NodeName, answer.GetProperty("name").GetString());
        Assert.True(answer.GetProperty("ready").GetBoolean());
        Assert.Equal(3600, answer.GetProperty("learningPeriodSeconds").GetInt64());
        Assert.Equal(
            ["No capability events are seen: hook cap_capable is not attached: not permitted", "Not all network events are seen: hook connect6 is not attached: not permitted"],
            answer.GetProperty("degraded").EnumerateArray()
                .Where(static part => part.GetProperty("part").GetString() == "sensor")
                .Select(static part => part.GetProperty("reason").GetString())
                .Order());
        Assert.Equal("{}", answer.GetProperty("journal").GetProperty("overflow").GetRawText());
        var metrics = await node.Http.GetStringAsync("/metrics", Cancelled);
        Assert.Contains("kubecop_degraded{part=\"sensor\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("kubecop_degraded{part=\"journal\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("kubecop_degraded{part=\"history\"} 0\n", metrics, StringComparison.Ordinal);
        var sensor = answer.GetProperty("sensor");
        Assert.True(sensor.GetProperty("hooks")[0].GetProperty("attached").GetBoolean());
        Assert.Equal(7, sensor.GetProperty("events").GetProperty("exec").GetInt64());
        Assert.Equal("ring_full", sensor.GetProperty("lost")[0].GetProperty("reason").GetString());
    }

    [Fact]
    public async Task Rules_ListThoseOfTheDefaultBinding()
    {
        var rules = (await GetAsync("/api/v1/rules")).GetProperty("items").EnumerateArray().ToList();

        Assert.Equal(RuleCatalog.Descriptors.Select(static rule => rule.Id), rules.Select(static rule => rule.GetProperty("id").GetString()));
        Assert.Equal("critical", rules[0].GetProperty("severity").GetString());
    }

    [Fact]
    public async Task Rules_HooksAreMissing_SayWhatTheyDoNotSee()
    {
        var rules = (await GetAsync("/api/v1/rules")).GetProperty("items").EnumerateArray().ToDictionary(static rule => rule.GetProperty("id").GetString()!);

        Assert.Equal((true, ""), (rules["R0001"].GetProperty("works").GetBoolean(), rules["R0001"].GetProperty("reason").GetString()));
        Assert.Equal(
            (false, "no capability events: hook cap_capable is not attached: not permitted"),
            (rules["R0004"].GetProperty("works").GetBoolean(), rules["R0004"].GetProperty("reason").GetString()));
        Assert.Equal(
            (true, "not all network events: hook connect6 is not attached: not permitted"),
            (rules["R0007"].GetProperty("works").GetBoolean(), rules["R0007"].GetProperty("reason").GetString()));
    }

    [Fact]
    public async Task Rules_ContainerAlerts_AreCountedInListAndMetrics()
    {
        // The same program twice, from a place that signature rules watch.
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "counted", "/dev/shm/x", "/dev/shm/x");

        // Evaluations are counted once a second.
        var rule = await Wait.UntilAsync(
            async () => (await GetAsync("/api/v1/rules")).GetProperty("items").EnumerateArray().Single(static rule => rule.GetProperty("id").GetString() == "R1000"),
            static rule => rule.GetProperty("evaluations").GetInt64() >= 2,
            "evaluations of R1000");

        Assert.Equal((1, 0), (rule.GetProperty("alerts").GetInt64(), rule.GetProperty("failures").GetInt64()));
        Assert.Equal("""{"fold":1}""", rule.GetProperty("suppressed").GetRawText());
        Assert.Equal(1, (await GetAsync("/api/v1/node")).GetProperty("alerts").GetProperty("suppressed").GetProperty("fold").GetInt64());
        var metrics = await node.Http.GetStringAsync("/metrics", Cancelled);
        Assert.Contains("kubecop_rule_suppressed_total{rule_id=\"R1000\",reason=\"fold\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("kubecop_rule_evaluations_total{rule_id=\"R1000\"}", metrics, StringComparison.Ordinal);
        Assert.Contains("kubecop_rule_works{rule_id=\"R0004\"} 0\n", metrics, StringComparison.Ordinal);
        Assert.Contains("kubecop_rule_missing_events{rule_id=\"R0007\",kind=\"network\"} 1\n", metrics, StringComparison.Ordinal);
        Assert.Contains("kubecop_alert_folding_overflows_total 0\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bindings_ListTheSetInForce()
    {
        var answer = await GetAsync("/api/v1/bindings?scope=node");

        Assert.Equal("default", answer.GetProperty("source").GetString());
        Assert.Equal(JsonValueKind.Null, answer.GetProperty("lastError").ValueKind);
        Assert.InRange(answer.GetProperty("loadedAt").GetDateTimeOffset(), DateTimeOffset.UtcNow.AddHours(-1), DateTimeOffset.UtcNow.AddMinutes(1));
        var binding = Assert.Single(answer.GetProperty("items").EnumerateArray());
        Assert.Equal("all-rules-all-pods", binding.GetProperty("name").GetString());
        var requirement = binding.GetProperty("podSelector").GetProperty("matchExpressions")[0];
        Assert.Equal("""{"key":"app.kubernetes.io/name","operator":"NotIn","values":["kubecop"]}""", requirement.GetRawText());
        var fileAccess = binding.GetProperty("rules").EnumerateArray().Single(static rule => rule.GetProperty("id").GetString() == "R0002");
        Assert.Equal("medium", fileAccess.GetProperty("severity").GetString());
        Assert.True(fileAccess.GetProperty("parameters").GetProperty("ignoreMounts").GetBoolean());
        Assert.Equal(5, fileAccess.GetProperty("parameters").GetProperty("ignorePrefixes").GetArrayLength());
    }

    [Fact]
    public async Task Containers_OneRuns_IsListedWithItsState()
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "listed", "/bin/a");

        var container = (await GetAsync("/api/v1/containers?scope=node")).GetProperty("items").EnumerateArray()
            .Single(static item => item.GetProperty("id").GetString() == "listed");

        Assert.Equal("learning", container.GetProperty("state").GetString());
        Assert.InRange(container.GetProperty("remainingSeconds").GetInt64(), 3500, 3600);
        Assert.Equal("Container", container.GetProperty("workload").GetProperty("kind").GetString());
        Assert.Equal("busybox:latest", container.GetProperty("image").GetString());
    }

    [Fact]
    public async Task Profile_OneWasLearned_HasTheContractsShape()
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "shaped", "/bin/a", "/bin/b");

        var profile = await GetAsync("/api/v1/profiles/container-shaped?namespace=default");

        Assert.Equal("container-shaped", profile.GetProperty("name").GetString());
        Assert.Equal("default", profile.GetProperty("namespace").GetString());
        Assert.Equal("shaped", profile.GetProperty("workload").GetProperty("name").GetString());
        Assert.Equal("learning", profile.GetProperty("state").GetString());
        Assert.Equal("0123456789abcdef", profile.GetProperty("revision").GetString());
        var container = profile.GetProperty("containers")[0];
        Assert.Equal("web", container.GetProperty("name").GetString());
        Assert.Equal(["/bin/a", "/bin/b"], container.GetProperty("execs").EnumerateArray().Select(static exec => exec.GetProperty("path").GetString()).Order());
        Assert.Contains(
            "container-shaped",
            (await GetAsync("/api/v1/profiles?scope=cluster")).GetProperty("items").EnumerateArray().Select(static item => item.GetProperty("name").GetString()));
    }

    [Theory]
    [InlineData("/nothing/here", HttpStatusCode.NotFound)]
    [InlineData("/api/v1/nothing", HttpStatusCode.NotFound)]
    [InlineData("/api/v1/profiles/nobody", HttpStatusCode.NotFound)]
    [InlineData("/api/v1/profiles/container-x?namespace=*", HttpStatusCode.NotFound)]
    [InlineData("/api/v1/profiles/container-x?namespace=", HttpStatusCode.NotFound)]
    [InlineData("/api/v1/containers?scope=galaxy", HttpStatusCode.BadRequest)]
    [InlineData("/api/v1/profiles?scope=", HttpStatusCode.BadRequest)]
    [InlineData("/api/v1/bindings?scope=x", HttpStatusCode.BadRequest)]
    [InlineData("/api/v1/alerts?limit=many", HttpStatusCode.BadRequest)]
    [InlineData("/api/v1/alerts?limit=-1", HttpStatusCode.BadRequest)]
    [InlineData("/api/v1/alerts?wait=3600", HttpStatusCode.BadRequest)]
    public async Task Get_CannotBeServed_ProblemWithDetail(string path, HttpStatusCode status)
    {
        var answer = await SendAsync(path);

        Assert.Equal(status, answer.StatusCode);
        await AssertProblemAsync(answer);
    }

    [Fact]
    public async Task Post_WhereOnlyGetIs_ProblemWith405()
    {
        var answer = await node.Http.PostAsync("/api/v1/rules", content: null, Cancelled);

        Assert.Equal(HttpStatusCode.MethodNotAllowed, answer.StatusCode);
        await AssertProblemAsync(answer);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("wrong")]
    [InlineData("")]
    public async Task Allow_WithoutTheToken_401AndNothingChanges(string? token)
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "guarded", "/bin/a");

        var answer = await AllowAsync("container-guarded", """{"container":"web","execs":["/bin/evil"],"opens":[]}""", token);

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        await AssertProblemAsync(answer);
        Assert.DoesNotContain("/bin/evil", await GetTextAsync("/api/v1/profiles/container-guarded"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Allow_WithTheToken_AddsToTheProfile()
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "allowed", "/bin/a");

        var answer = await AllowAsync(
            "container-allowed", """{"container":"web","execs":["/bin/new"],"opens":[{"path":"/etc/new","flags":["O_RDONLY"]}]}""", Token);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        var profile = await GetTextAsync("/api/v1/profiles/container-allowed");
        Assert.Contains("/bin/new", profile, StringComparison.Ordinal);
        Assert.Contains("/etc/new", profile, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Relearn_WithTheTokenOnly_StartsALearningAnew()
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "relearned", "/bin/a");

        var refused = await PostAsync("/api/v1/profiles/container-relearned/relearn", "", token: null);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
        Assert.Contains("/bin/a", await GetTextAsync("/api/v1/profiles/container-relearned"), StringComparison.Ordinal);

        var answer = await PostAsync("/api/v1/profiles/container-relearned/relearn", "", Token);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        using var after = await SendAsync("/api/v1/profiles/container-relearned");
        Assert.DoesNotContain("/bin/a", await after.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NotFound, (await PostAsync("/api/v1/profiles/container-nobody/relearn", "", Token)).StatusCode);
    }

    [Theory]
    [InlineData("*")]
    [InlineData("..")]
    [InlineData("a/b")]
    public async Task Import_NoNamespace_IsRefusedAndListsGoOn(string ns)
    {
        const string Yaml = "{kind: ApplicationProfile, metadata: {name: pod-web}, spec: {containers: [{name: web, execs: []}]}}";

        var answer = await PostAsync($"/api/v1/profiles?namespace={Uri.EscapeDataString(ns)}", Yaml, Token);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        await AssertProblemAsync(answer);
        await GetTextAsync("/api/v1/profiles");
    }

    [Fact]
    public async Task Import_BeforeTheWorkloadExists_IsListedAndExportedAsItWasGiven()
    {
        const string Yaml = """
            apiVersion: kubescape.io/v1
            kind: ApplicationProfile
            metadata: { name: deployment-given, namespace: shop }
            spec:
              containers:
              - name: web
                execs: [{ path: /bin/given, args: [-x] }]
                opens: []
            """;

        Assert.Equal(HttpStatusCode.Unauthorized, (await PostAsync("/api/v1/profiles", Yaml, token: null)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await PostAsync("/api/v1/profiles", Yaml, Token)).StatusCode);
        Assert.Equal(HttpStatusCode.NoContent, (await PostAsync("/api/v1/profiles?namespace=other", Yaml, Token)).StatusCode);

        var profile = await GetAsync("/api/v1/profiles/deployment-given?namespace=shop");
        Assert.Equal("final", profile.GetProperty("state").GetString());
        Assert.Equal("Deployment", profile.GetProperty("workload").GetProperty("kind").GetString());
        var container = Assert.Single(profile.GetProperty("containers").EnumerateArray());
        Assert.Equal("/bin/given", container.GetProperty("execs")[0].GetProperty("path").GetString());
        Assert.Equal(["execs", "opens"], container.GetProperty("learnedSections").EnumerateArray().Select(static section => section.GetString()));
    }

    [Theory]
    [InlineData("kind: Pod", "an ApplicationProfile is expected")]
    [InlineData("{kind: ApplicationProfile, metadata: {name: deployment-a, namespace: b}, spec: {containers: [{execs: []}]}}", "name: missing")]
    [InlineData("{kind: ApplicationProfile, metadata: {name: web, namespace: b}, spec: {containers: [{name: a}]}}", "KIND-NAME of the workload")]
    [InlineData("{kind: ApplicationProfile, metadata: {name: deployment-a}, spec: {containers: [{name: a}]}}", "--namespace")]
    public async Task Import_NotAProfile_IsRefused(string body, string reason)
    {
        var answer = await PostAsync("/api/v1/profiles?source=my.yaml", body, Token);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(reason, await answer.Content.ReadAsStringAsync(Cancelled), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Allow_EveryKind_IsInTheProfile()
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "complete", "/bin/a");

        var answer = await AllowAsync(
            "container-complete",
            """
            {"container":"web","syscalls":["unshare"],"capabilities":["cap_net_admin:socket","CHOWN"],"dns":["Example.COM."],
            "connections":["tcp:10.96.0.1:443","udp:[FD00:0::A]:53"],"execs":["/bin/b"],"executable":"/bin/busybox",
            "refusedCapabilities":["SYS_ADMIN:mount"],"incoming":["TCP:8080"]}
            """,
            Token);

        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        var container = (await GetAsync("/api/v1/profiles/container-complete")).GetProperty("containers")[0];
        Assert.Equal("""["unshare"]""", container.GetProperty("syscalls").GetRawText());
        Assert.Equal(
            ["*: CHOWN, refused ", "mount: , refused SYS_ADMIN", "socket: NET_ADMIN, refused "],
            Texts(
                container,
                "capabilities",
                static entry => $"{entry.GetProperty("syscall")}: {string.Join(' ', entry.GetProperty("caps").EnumerateArray())}, "
                    + $"refused {string.Join(' ', entry.GetProperty("refused").EnumerateArray())}"));
        Assert.Contains("/bin/b /bin/busybox", Texts(container, "execs", static entry => $"{entry.GetProperty("path")} {entry.GetProperty("executable")}"));
        Assert.Equal(["example.com"], Texts(container, "dns", static entry => entry.GetProperty("dnsName").GetString()));
        var network = container.GetProperty("networkActivity");
        Assert.Equal(
            ["tcp 443 10.96.0.1", "udp 53 fd00::a"],
            Texts(network, "outgoing", static entry => $"{entry.GetProperty("protocol")} {entry.GetProperty("port")} {entry.GetProperty("dstEndpoint")}"));
        Assert.Equal(["tcp 8080 "], Texts(network, "incoming", static entry => $"{entry.GetProperty("protocol")} {entry.GetProperty("port")} {entry.GetProperty("dstEndpoint")}"));
        Assert.Equal(["execs", "opens", "syscalls", "capabilities", "dns", "networkActivity"], Texts(container, "learnedSections", static entry => entry.GetString()));

        static string?[] Texts(JsonElement parent, string name, Func<JsonElement, string?> text) => [.. parent.GetProperty(name).EnumerateArray().Select(text)];
    }

    [Theory]
    [InlineData("""{"container":"web","syscalls":["sys_nonsense"]}""")]
    [InlineData("""{"container":"web","capabilities":["NONSENSE"]}""")]
    [InlineData("""{"container":"web","capabilities":["NET_ADMIN:nonsense"]}""")]
    [InlineData("""{"container":"web","capabilities":["NET_ADMIN:"]}""")]
    [InlineData("""{"container":"web","dns":[""]}""")]
    [InlineData("""{"container":"web","connections":["10.0.0.1:443"]}""")]
    [InlineData("""{"container":"web","connections":["tcp:10.0.0.1"]}""")]
    [InlineData("""{"container":"web","connections":["tcp:443"]}""")]
    [InlineData("""{"container":"web","connections":["icq:10.0.0.1:443"]}""")]
    [InlineData("""{"container":"web","connections":["tcp:example.com:443"]}""")]
    [InlineData("""{"container":"web","connections":["tcp:10.0.0.1:65536"]}""")]
    [InlineData("""{"container":"web","incoming":["tcp:10.0.0.1:80"]}""")]
    [InlineData("""{"container":"web","incoming":["80"]}""")]
    [InlineData("""{"container":"web","refusedCapabilities":["NONSENSE"]}""")]
    [InlineData("""{"container":"web","executable":"/bin/busybox"}""")]
    [InlineData("""{"container":"web","execs":["(elsewhere)/x"]}""")]
    [InlineData("""{"container":"web","syscalls":[null]}""")]
    [InlineData("""{"container":null,"syscalls":["read"]}""")]
    [InlineData("nonsense")]
    [InlineData("{}")]
    [InlineData("null")]
    [InlineData("""{"container":"web","execs":[],"opens":[]}""")]
    [InlineData("""{"container":"web","execs":["relative"],"opens":[]}""")]
    [InlineData("""{"container":"web","execs":[],"opens":[{"path":"/a","flags":["O_NONSENSE"]}]}""")]
    [InlineData("""{"container":"web","execs":null,"opens":[]}""")]
    public async Task Allow_BadBody_ProblemWith400(string body)
    {
        var answer = await AllowAsync("container-any", body, Token);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        await AssertProblemAsync(answer);
    }

    [Fact]
    public async Task Allow_ContainerTheProfileDoesNotKnow_404()
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "other", "/bin/a");

        var answer = await AllowAsync("container-other", """{"container":"nobody","execs":["/bin/x"],"opens":[]}""", Token);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    public async Task Alerts_SomeoneWaits_AnswersWhenOneComes()
    {
        node.Alerts.Dispatch(TestAlerts.Create(1));
        var last = await WaitForAsync("", TestAlerts.Create(1).Id);

        var waiting = WaitForAsync($"&after={last}", TestAlerts.Create(2).Id);
        node.Alerts.Dispatch(TestAlerts.Create(2));

        Assert.Equal(TestAlerts.Create(2).Id, await waiting);
        Assert.Equal(1, (await GetAsync("/api/v1/alerts?limit=1")).GetProperty("items").GetArrayLength());

        // Other tests' containers may raise alerts meanwhile.
        async Task<string> WaitForAsync(string after, string id)
        {
            while (true)
            {
                var ids = (await GetAsync($"/api/v1/alerts?wait=30{after}")).GetProperty("items").EnumerateArray()
                    .Select(static alert => alert.GetProperty("id").GetString()!)
                    .ToList();
                Assert.NotEmpty(ids);
                if (ids.Contains(id))
                {
                    return id;
                }

                after = $"&after={ids[^1]}";
            }
        }
    }

    [Fact]
    public async Task Metrics_AreInPrometheusForm()
    {
        var text = await node.Http.GetStringAsync("/metrics", Cancelled);

        Assert.Contains("kubecop_sensor_events_total{kind=\"exec\"} 7", text, StringComparison.Ordinal);
        Assert.Contains("kubecop_sensor_lost_events_total{kind=\"open\",reason=\"ring_full\"} 3", text, StringComparison.Ordinal);
        Assert.Contains("kubecop_sensor_hook_attached{hook=\"sched_process_exec\",type=\"BTF tracepoint\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("kubecop_containers{state=\"learning\"}", text, StringComparison.Ordinal);
        Assert.Contains("kubecop_bindings_loads_total{result=\"accepted\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("kubecop_bindings_last_load_successful 1", text, StringComparison.Ordinal);
        Assert.Contains("process_cpu_seconds_total", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/dashboard", "<!DOCTYPE html>")]
    [InlineData("/dashboard/version", "version")]
    [InlineData("/dashboard/DashboardCounters", "simpleGrainStats")]
    public async Task Dashboard_IsServedFromInsideTheSilo(string path, string expected)
    {
        var answer = await node.Http.GetAsync(path, Cancelled);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Contains(expected, await answer.Content.ReadAsStringAsync(Cancelled), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public async Task Dashboard_LookedAt_HasTheSilosCounters()
    {
        var silo = node.Node.Services.GetRequiredService<SiloHost>().Services;
        var address = silo.GetRequiredService<ILocalSiloDetails>().SiloAddress.ToParsableString();
        await UntilAsync(static counters => counters.Contains("orleans-", StringComparison.Ordinal), "The dashboard shows no counters of the silo.");

        await silo.GetRequiredService<DashboardCounters>().StopAsync(Cancelled);
        var before = await node.Http.GetStringAsync($"/dashboard/SiloCounters/{address}", Cancelled);
        await UntilAsync(counters => counters != before, "The counters are not collected again.");

        async Task UntilAsync(Func<string, bool> condition, string failure)
        {
            var deadline = DateTime.UtcNow.AddSeconds(60);
            while (!condition(await node.Http.GetStringAsync($"/dashboard/SiloCounters/{address}", Cancelled)))
            {
                Assert.True(DateTime.UtcNow < deadline, failure);
                await Task.Yield();
            }
        }
    }

    /// <summary>A silo connects to any address that it is to ask something.</summary>
    [Theory]
    [InlineData("SiloProperties")]
    [InlineData("SiloMetadata")]
    [InlineData("SiloStats")]
    [InlineData("SiloCounters")]
    [InlineData("HistoricalStats")]
    public async Task Dashboard_AskedAboutAnAddress_AsksSilosAlone(string page)
    {
        var silo = node.Node.Services.GetRequiredService<SiloHost>().Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;
        Assert.Equal(HttpStatusCode.OK, (await node.Http.GetAsync($"/dashboard/{page}/{silo.ToParsableString()}", Cancelled)).StatusCode);
        foreach (var other in (string[])["192.0.2.1:11111@1", $"{silo.Endpoint}@{silo.Generation + 1}", "x", "", $"{silo.ToParsableString()}/x"])
        {
            using var answer = await node.Http.GetAsync($"/dashboard/{page}/{other}", Cancelled);
            Assert.True(answer.StatusCode == HttpStatusCode.NotFound, $"{page} of '{other}' was answered {answer.StatusCode}.");
        }
    }

    private string Token => File.ReadAllText(NodeFiles.TokenFile(node.DataDirectory)).Trim();

    private Task<HttpResponseMessage> GetForHostAsync(string path, string host) =>
        node.Http.SendAsync(new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Host = host } }, Cancelled);

    /// <summary>With the silo's token.</summary>
    private Task<HttpResponseMessage> SendAsync(string path) =>
        node.Http.SendAsync(new HttpRequestMessage(HttpMethod.Get, path) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", Token) } }, Cancelled);

    private async Task<string> GetTextAsync(string path)
    {
        using var answer = await SendAsync(path);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        return await answer.Content.ReadAsStringAsync(Cancelled);
    }

    private async Task<JsonElement> GetAsync(string path)
    {
        var answer = await SendAsync(path);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("application/json", answer.Content.Headers.ContentType?.MediaType);
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancelled)).RootElement;
    }

    private Task<HttpResponseMessage> AllowAsync(string profile, string body, string? token) => PostAsync($"/api/v1/profiles/{profile}/allow", body, token);

    private Task<HttpResponseMessage> PostAsync(string path, string body, string? token)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        return node.Http.SendAsync(request, Cancelled);
    }

    private static async Task AssertProblemAsync(HttpResponseMessage answer)
    {
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType?.MediaType);
        var problem = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancelled)).RootElement;
        Assert.Equal((int)answer.StatusCode, problem.GetProperty("status").GetInt32());
        Assert.NotEqual("", problem.GetProperty("detail").GetString());
    }
}

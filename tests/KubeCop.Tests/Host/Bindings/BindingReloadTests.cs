using System.Diagnostics;
using System.Net;
using System.Text.Json;
using KubeCop.Core.Events;
using KubeCop.Host.Node;
using KubeCop.Testing;
using KubeCop.Testing.Storage;
using KubeCop.Tests.Core.Bindings;
using KubeCop.Tests.Host.Node;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Tests.Host.Bindings;

/// <summary>Bindings that change while containers run, on a whole node.</summary>
public sealed class BindingReloadTests : IAsyncLifetime
{
    private const string Container = "live";

    private readonly TemporaryDirectory _directory = new();
    private readonly ForgottenRepeats _repeats = new();
    private readonly FakeSensor _sensor = new();
    private NodeHost _node = null!;
    private HttpClient _http = null!;

    private string File => Path.Combine(_directory.Path, "b.yaml");

    private IGrainFactory Grains => _node.Services.GetRequiredService<IGrainFactory>();

    public async ValueTask InitializeAsync()
    {
        _sensor.ReadySource.SetResult();
        _sensor.Repeats = _repeats;
        Write("- ruleID: R1001");
        _node = await NodeHostFixture.StartAsync(Path.Combine(_directory.Path, "data"), _sensor, bindings: File);
        _http = new HttpClient { BaseAddress = new Uri($"http://{_node.Address}") };
        await _sensor.StartContainerAsync(Grains, NodeHostFixture.NodeName, Container);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _node.DisposeAsync();
        _directory.Dispose();
    }

    /// <summary>D39: both ways, and the rules that stay bound go on with what they know.</summary>
    [Fact]
    public async Task FileChanges_RunningContainersHaveTheNewRulesAndTheOthersGoOn()
    {
        await RunAsync("/dev/shm/a");
        await RunAsync("/usr/bin/new", EventFlags.FileUpperLayer);
        await AlertsAsync("R1001 critical /usr/bin/new");
        var forgotten = _repeats.Count;

        var watch = Stopwatch.StartNew();
        Write("- ruleID: R1001\n- ruleID: R1000\n  severity: low");

        // Without an event of the container: what the kernel passed over until now has to be reported for the new rule.
        await Wait.UntilAsync(() => _repeats.Count, count => count > forgotten, "new rules in the running container", TimeSpan.FromSeconds(10));
        TestContext.Current.SendDiagnosticMessage("in force after {0} ms", watch.ElapsedMilliseconds);
        await RunAsync("/usr/bin/new", EventFlags.FileUpperLayer);
        await RunAsync("/dev/shm/b");
        await AlertsAsync("R1001 critical /usr/bin/new", "R1000 low /dev/shm/b");

        forgotten = _repeats.Count;
        Write("- ruleID: R1001");
        await BindingsAsync(static answer => Rules(answer) == "R1001 critical", "R1000 no longer bound");
        await RunAsync("/dev/shm/c");
        await RunAsync("/usr/bin/newer", EventFlags.FileUpperLayer);
        await AlertsAsync("R1001 critical /usr/bin/new", "R1000 low /dev/shm/b", "R1001 critical /usr/bin/newer");
        Assert.Equal(forgotten, _repeats.Count);
    }

    [Fact]
    public async Task FileBecomesInvalid_LastGoodSetStaysAndTheErrorIsShown()
    {
        var before = await BindingsAsync(static answer => Rules(answer) == "R1001 critical", "the set of the start");
        Write("- ruleID: R1000\n- ruleID: R1O01");
        var answer = await BindingsAsync(static answer => answer.GetProperty("lastError").ValueKind != JsonValueKind.Null, "an error");

        Assert.Equal("R1001 critical", Rules(answer));
        Assert.Equal(before.GetProperty("version").GetInt64(), answer.GetProperty("version").GetInt64());
        Assert.Equal(before.GetProperty("loadedAt").GetString(), answer.GetProperty("loadedAt").GetString());
        var error = Assert.Single(answer.GetProperty("lastError").GetProperty("errors").EnumerateArray());
        Assert.Equal((File, 8, "b", "spec.rules[1].ruleID"), (
            error.GetProperty("source").GetString()!, error.GetProperty("line").GetInt32(), error.GetProperty("binding").GetString()!, error.GetProperty("field").GetString()!));
        Assert.Equal(HttpStatusCode.OK, (await _http.GetAsync("/healthz/ready", TestContext.Current.CancellationToken)).StatusCode);
        await MetricsAsync("kubecop_bindings_loads_total{result=\"refused\"} 1", "kubecop_bindings_last_load_successful 0", "kubecop_bindings_loads_total{result=\"accepted\"} 1");
        await RunAsync("/dev/shm/a");
        await RunAsync("/usr/bin/new", EventFlags.FileUpperLayer);
        await AlertsAsync("R1001 critical /usr/bin/new");

        Write("- ruleID: R1000");
        await BindingsAsync(static answer => Rules(answer) == "R1000 critical" && answer.GetProperty("lastError").ValueKind == JsonValueKind.Null, "the corrected set");
        await MetricsAsync("kubecop_bindings_last_load_successful 1", "kubecop_bindings_loads_total{result=\"accepted\"} 2");
        await RunAsync("/dev/shm/b");
        await AlertsAsync("R1001 critical /usr/bin/new", "R1000 critical /dev/shm/b");
    }

    [Fact]
    public async Task FileGoesAway_LastGoodSetStays()
    {
        System.IO.File.Delete(File);
        var answer = await BindingsAsync(static answer => answer.GetProperty("lastError").ValueKind != JsonValueKind.Null, "an error");
        Assert.Equal("R1001 critical", Rules(answer));
        Assert.Contains("no such file", answer.GetProperty("lastError").GetRawText(), StringComparison.Ordinal);
    }

    private static string Rules(JsonElement answer) => string.Join(", ", answer.GetProperty("items")[0].GetProperty("rules").EnumerateArray()
        .Select(static rule => $"{rule.GetProperty("id").GetString()} {rule.GetProperty("severity").GetString()}"));

    private void Write(string rules) => System.IO.File.WriteAllText(File, BindingSample.Yaml("b", "", rules));

    private Task RunAsync(string program, EventFlags flags = EventFlags.None) => FakeSensor.RunAsync(Grains, NodeHostFixture.NodeName, Container, flags, program);

    private Task<JsonElement> BindingsAsync(Func<JsonElement, bool> condition, string what) => Wait.UntilAsync(
        async () => JsonDocument.Parse(await _http.GetStringAsync("/api/v1/bindings", TestContext.Current.CancellationToken)).RootElement, condition, what);

    /// <summary>Exactly these, in this order.</summary>
    private async Task AlertsAsync(params string[] expected)
    {
        var alerts = await Wait.UntilAsync(
            async () => JsonDocument.Parse(await _http.GetStringAsync("/api/v1/alerts", TestContext.Current.CancellationToken)).RootElement.GetProperty("items").EnumerateArray()
                .Select(static alert => $"{alert.GetProperty("ruleId").GetString()} {alert.GetProperty("severity").GetString()} {alert.GetProperty("event").GetProperty("path").GetString()}")
                .ToList(),
            alerts => alerts.Count >= expected.Length,
            $"{expected.Length} alerts");
        Assert.Equal(expected, alerts);
    }

    private async Task MetricsAsync(params string[] lines)
    {
        var text = await _http.GetStringAsync("/metrics", TestContext.Current.CancellationToken);
        Assert.All(lines, line => Assert.Contains(line, text, StringComparison.Ordinal));
    }

    /// <summary>Counts how often the kernel was to report everything anew.</summary>
    private sealed class ForgottenRepeats : IRepeatFilter
    {
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public void ReportRepeats(ulong cgroupId, ulong sighting)
        {
        }

        public void ReportEach(ulong cgroupId, ulong sighting)
        {
        }

        public void EndOpensIn(ulong cgroupId, ulong directory)
        {
        }

        public void ForgetAll(ulong cgroupId) => Interlocked.Increment(ref _count);
    }
}

using System.Text.Json.Nodes;

namespace KubeCop.Tests.Kubernetes.Emulator;

/// <summary>Events of events.k8s.io/v1, which are validated more strictly than those of the core group.</summary>
public sealed class EventTests : EmulatorTests
{
    private const string Path = "/apis/events.k8s.io/v1/namespaces/default/events";

    [Fact]
    public async Task Event_IsMade_AndShownInTheCoreGroup_UntilItIsDeleted()
    {
        Assert.Equal(201, (await _client.PostAsync(Path, Event().ToJsonString())).Code);
        Assert.Equal(200, (await _client.MergeAsync($"{Path}/e", """{"series":{"count":2,"lastObservedTime":"2026-01-02T03:04:06.000000Z"}}""")).Code);

        var core = _server.Get("events", "default", "e")!;
        Assert.Equal("web-1", (string?)core["involvedObject"]!["name"]);
        Assert.Equal(("n", "c", 2), ((string?)core["message"], (string?)core["reportingComponent"], (int?)core["series"]!["count"]));

        _server.Delete("events.events.k8s.io", "default", "e");
        Assert.Null(_server.Get("events", "default", "e"));
    }

    [Theory]
    [InlineData("eventTime", null, 422)]
    [InlineData("eventTime", "2026-01-02T03:04:05Z", 400)]
    [InlineData("reportingController", null, 422)]
    [InlineData("reportingController", "a b", 422)]
    [InlineData("reportingInstance", null, 422)]
    [InlineData("reportingInstance", "129", 422)]
    [InlineData("action", null, 422)]
    [InlineData("action", "129", 422)]
    [InlineData("reason", null, 422)]
    [InlineData("reason", "129", 422)]
    [InlineData("note", "1025", 422)]
    [InlineData("type", null, 422)]
    [InlineData("type", "Critical", 422)]
    [InlineData("deprecatedFirstTimestamp", "2026-01-02T03:04:05Z", 422)]
    public async Task Event_IsRefused_WhenAFieldIsWrong(string field, string? value, int code)
    {
        var made = Event();
        made[field] = int.TryParse(value, out var length) ? new string('x', length) : value;

        Assert.Equal(code, (await _client.PostAsync(Path, made.ToJsonString())).Code);
    }

    [Theory]
    [InlineData("""{"note":"another"}""")]
    [InlineData("""{"reason":"Another"}""")]
    [InlineData("""{"regarding":{"name":"web-2"}}""")]
    [InlineData("""{"series":{"count":1,"lastObservedTime":"2026-01-02T03:04:06.000000Z"}}""")]
    [InlineData("""{"series":{"count":2}}""")]
    public async Task Change_OfAnythingButItsSeries_IsRefused(string patch)
    {
        await _client.PostAsync(Path, Event().ToJsonString());

        Assert.Equal(422, (await _client.MergeAsync($"{Path}/e", patch)).Code);
    }

    [Fact]
    public async Task Namespace_TakesItsEventsAlong()
    {
        await _client.PostAsync(Path, Event().ToJsonString());

        _server.Delete("namespaces", "", "default");

        Assert.Empty(_server.Objects("events"));
        Assert.Empty(_server.Objects("events.events.k8s.io"));
    }

    private static JsonObject Event() => new()
    {
        ["metadata"] = new JsonObject { ["name"] = "e" },
        ["eventTime"] = "2026-01-02T03:04:05.000000Z",
        ["reportingController"] = "c",
        ["reportingInstance"] = "i",
        ["action"] = "A",
        ["reason"] = "R",
        ["type"] = "Warning",
        ["note"] = "n",
        ["regarding"] = new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Pod", ["namespace"] = "default", ["name"] = "web-1" },
    };
}

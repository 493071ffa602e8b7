using System.Text.Json.Nodes;
using k8s;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;

namespace KubeCop.Tests.Kubernetes.Emulator;

/// <summary>Lists, and watches that go on from them.</summary>
public sealed class WatchTests : EmulatorTests
{
    private const string Pods = "/api/v1/namespaces/default/pods";

    private readonly SettableClock _clock = new(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));

    private protected override ApiServerOptions Options => new() { History = 10, Clock = _clock };

    [Fact]
    public async Task Watch_GoesOnFromAList()
    {
        Put("a");
        var list = await _client.GetAsync("/api/v1/pods");
        Put("b");
        Put("b", "x=y");
        _server.Delete("pods", "default", "a");
        using var watch = await _client.WatchAsync($"/api/v1/pods?watch=true&resourceVersion={list.Version}");
        Put("c");

        Assert.Equal("ADDED b", await watch.NextNameAsync());
        Assert.Equal("MODIFIED b", await watch.NextNameAsync());
        var deleted = await watch.NextAsync();
        Assert.Equal("DELETED", deleted!["type"]!.GetValue<string>());
        Assert.True(long.Parse(deleted["object"]!["metadata"]!["resourceVersion"]!.GetValue<string>(), null) > long.Parse(list.Version, null) + 2, "a removal has no version of its own");
        Assert.Equal("ADDED c", await watch.NextNameAsync());
    }

    [Fact]
    public async Task Watch_BeginsWithWhatIsThere_WhenItNamesNoVersion()
    {
        Put("a");
        Put("b");
        using var watch = await _client.WatchAsync($"{Pods}?watch=1");
        Put("c");

        string[] seen = [await watch.NextNameAsync(), await watch.NextNameAsync(), await watch.NextNameAsync()];
        Assert.Equal(["ADDED a", "ADDED b", "ADDED c"], seen);
    }

    [Fact]
    public async Task Watch_WithASelector_SeesObjectsComeAndGo()
    {
        Put("a");
        using var watch = await _client.WatchAsync($"{Pods}?watch=1&resourceVersion=0&labelSelector=app%3Dweb");
        Put("a", "app=web");
        Put("b");
        Put("a", "app=web,x=y");
        Put("a", "app=db");

        string[] seen = [await watch.NextNameAsync(), await watch.NextNameAsync()];
        Assert.Equal(["ADDED a", "MODIFIED a"], seen);
        var gone = await watch.NextAsync();
        Assert.Equal("DELETED web", $"{gone!["type"]} {gone["object"]!["metadata"]!["labels"]!["app"]}");
        Assert.Equal(_server.Get("pods", "default", "a")!["metadata"]!["resourceVersion"]!.GetValue<string>(), gone["object"]!["metadata"]!["resourceVersion"]!.GetValue<string>());
    }

    [Fact]
    public async Task Watch_SaysThatItsVersionIsGone_WhenTheHistoryIsTooShort()
    {
        var list = await _client.GetAsync(Pods);
        for (var index = 0; index < 30; index++)
        {
            Put($"p{index}");
        }

        using var watch = await _client.WatchAsync($"{Pods}?watch=1&resourceVersion={list.Version}");
        var error = await watch.NextAsync();

        Assert.Equal(("ERROR", 410, "Expired"), (error!["type"]!.GetValue<string>(), error["object"]!["code"]!.GetValue<int>(), error["object"]!["reason"]!.GetValue<string>()));
        Assert.StartsWith("too old resource version", error["object"]!["message"]!.GetValue<string>(), StringComparison.Ordinal);
        Assert.Null(await watch.NextAsync());
    }

    [Fact]
    public async Task Watch_GetsBookmarks_AndOneMoreAtItsEnd()
    {
        using var watch = await _client.WatchAsync($"{Pods}?watch=1&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=90");
        _server.Apply("{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}");
        var version = (await _client.GetAsync(Pods)).Version;
        _clock.Advance(TimeSpan.FromSeconds(61));
        var bookmark = await watch.NextAsync();
        _clock.Advance(TimeSpan.FromSeconds(30));
        var last = await watch.NextAsync();

        Assert.Equal(
            ("BOOKMARK", "Pod", version),
            ((string?)bookmark!["type"], (string?)bookmark["object"]!["kind"], (string?)bookmark["object"]!["metadata"]!["resourceVersion"]));
        Assert.Equal("BOOKMARK", last!["type"]!.GetValue<string>());
        Assert.Null(await watch.NextAsync());
    }

    [Fact]
    public async Task ClientLibrary_WatchesUntilItsVersionIsGone()
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var client = new k8s.Kubernetes(_server.ClientConfiguration());
        var list = await client.CoreV1.ListNamespacedPodAsync("default", cancellationToken: cancellation);
        Put("a");
        await foreach (var (type, pod) in client.CoreV1.WatchListNamespacedPodAsync("default", resourceVersion: list.Metadata.ResourceVersion, cancellationToken: cancellation))
        {
            Assert.Equal((WatchEventType.Added, "a"), (type, pod.Metadata.Name));
            break;
        }

        _server.ForgetHistory();
        Exception? error = null;
        await foreach (var _ in client.CoreV1.WatchListNamespacedPodAsync(
            "default", resourceVersion: list.Metadata.ResourceVersion, onError: failure => error = failure, cancellationToken: cancellation))
        {
        }

        Assert.Equal(410, Assert.IsType<KubernetesException>(error).Status.Code);
    }

    [Theory]
    [InlineData("labelSelector=app", "a b")]
    [InlineData("labelSelector=!app", "c")]
    [InlineData("labelSelector=app=web", "a")]
    [InlineData("labelSelector=app==web", "a")]
    [InlineData("labelSelector=app!=web", "b c")]
    [InlineData("labelSelector=app in (web,db),tier notin (back, x)", "a")]
    [InlineData("fieldSelector=metadata.name=b", "b")]
    [InlineData("fieldSelector=metadata.name!=b,metadata.namespace=default", "a c")]
    [InlineData("fieldSelector=spec.nodeName=node-a", "a")]
    [InlineData("fieldSelector=status.phase=Pending", "a b c")]
    public async Task List_HasWhatTheSelectorsSelect(string query, string expected)
    {
        Put("a", "app=web,tier=front", node: "node-a");
        Put("b", "app=db,tier=back");
        Put("c");

        var names = (await _client.GetAsync($"{Pods}?{Uri.EscapeDataString(query).Replace("Selector%3D", "Selector=", StringComparison.Ordinal)}")).Body["items"]!.AsArray()
            .Select(static item => item!["metadata"]!["name"]!.GetValue<string>());
        Assert.Equal(expected, string.Join(' ', names));
    }

    [Theory]
    [InlineData("fieldSelector=spec.hostname=a", "field label not supported: spec.hostname")]
    [InlineData("labelSelector=a%20b", "unable to parse requirement")]
    [InlineData("limit=x", "invalid syntax")]
    public async Task List_IsRefused_WhenItsQueryIsWrong(string query, string message)
    {
        var refused = await _client.GetAsync($"{Pods}?{query}");

        Assert.Equal((400, "BadRequest"), (refused.Code, refused.Reason));
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task List_InPages_ShowsOneVersion()
    {
        foreach (var name in (string[])["a", "b", "c", "d", "e"])
        {
            Put(name);
        }

        var first = await _client.GetAsync($"{Pods}?limit=2");
        Put("aa");
        _server.Delete("pods", "default", "e");
        var second = await _client.GetAsync($"{Pods}?limit=2&continue={first.Body["metadata"]!["continue"]}");
        var third = await _client.GetAsync($"{Pods}?limit=2&continue={second.Body["metadata"]!["continue"]}");

        Assert.Equal(3, first.Body["metadata"]!["remainingItemCount"]!.GetValue<int>());
        Assert.Equal("a b c d e", string.Join(' ', new[] { first, second, third }.SelectMany(static page => page.Body["items"]!.AsArray()).Select(static item => item!["metadata"]!["name"])));
        Assert.Equal([first.Version, first.Version], [second.Version, third.Version]);
        Assert.Null(third.Body["metadata"]!["continue"]);
    }

    [Fact]
    public async Task List_HasExpired_WhenItsVersionIsNoLongerKept()
    {
        Put("a");
        Put("b");
        var first = await _client.GetAsync($"{Pods}?limit=1");
        _server.ForgetHistory();
        var expired = await _client.GetAsync($"{Pods}?limit=1&continue={first.Body["metadata"]!["continue"]}");

        Assert.Equal((410, "Expired"), (expired.Code, expired.Reason));
    }

    [Fact]
    public async Task ManyWatches_AllSeeEverything()
    {
        var watches = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => _client.WatchAsync($"{Pods}?watch=1&resourceVersion=0")));
        for (var index = 0; index < 5; index++)
        {
            Put($"p{index}");
        }

        foreach (var watch in watches)
        {
            for (var index = 0; index < 5; index++)
            {
                Assert.Equal($"ADDED p{index}", await watch.NextNameAsync());
            }

            watch.Dispose();
        }
    }

    private void Put(string name, string labels = "", string? node = null) => _server.Apply(new JsonObject
    {
        ["apiVersion"] = "v1",
        ["kind"] = "Pod",
        ["metadata"] = new JsonObject
        {
            ["name"] = name,
            ["labels"] = new JsonObject(labels.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static label => KeyValuePair.Create(label.Split('=')[0], (JsonNode?)label.Split('=')[1]))),
        },
        ["spec"] = node is null ? new JsonObject() : new JsonObject { ["nodeName"] = node },
    });
}

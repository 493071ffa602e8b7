using KubeCop.Testing.Kubernetes;

namespace KubeCop.Tests.Kubernetes.Emulator;

/// <summary>What tests make the server do wrong, and what they learn of what was asked.</summary>
public sealed class FaultTests : EmulatorTests
{
    private const string Pods = "/api/v1/namespaces/default/pods";
    private const string ConfigMaps = "/api/v1/namespaces/default/configmaps";

    private protected override ApiServerOptions Options => new() { BookmarkPeriod = TimeSpan.FromMilliseconds(100) };

    [Theory]
    [InlineData(429, "TooManyRequests")]
    [InlineData(500, "InternalError")]
    [InlineData(503, "ServiceUnavailable")]
    public async Task Requests_AreRefused_UntilTheFaultIsLifted(int code, string reason)
    {
        using (_server.Inject(new Fault(static request => request is { Verb: "list", Resource: "pods" }) { Status = code, RetryAfterSeconds = 7 }))
        {
            var refused = await _client.GetAsync(Pods);
            Assert.Equal((code, reason, 7), (refused.Code, refused.Reason, (int?)refused.Body["details"]!["retryAfterSeconds"]));
            Assert.Equal(200, (await _client.GetAsync(ConfigMaps)).Code);
        }

        Assert.Equal(200, (await _client.GetAsync(Pods)).Code);
    }

    [Fact]
    public async Task Fault_MeetsAsManyRequestsAsItSays()
    {
        using var fault = _server.Inject(new Fault(static _ => true) { Status = 500, Times = 2 });

        int[] codes = [(await _client.GetAsync(Pods)).Code, (await _client.GetAsync(Pods)).Code, (await _client.GetAsync(Pods)).Code];
        Assert.Equal([500, 500, 200], codes);
    }

    [Fact]
    public async Task Connections_AreCut_AlsoOfWatches()
    {
        using var watch = await _client.WatchAsync($"{Pods}?watch=1&resourceVersion=0&allowWatchBookmarks=true");
        await watch.NextAsync();
        using var fault = _server.Inject(new Fault(static _ => true) { Cuts = true });

        await Assert.ThrowsAsync<HttpRequestException>(() => _client.GetAsync(Pods));
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            while (await watch.NextAsync() is not null)
            {
            }
        });
    }

    [Fact]
    public async Task Watch_HearsNothing_WhenItIsSilenced()
    {
        using var silenced = await _client.WatchAsync($"{Pods}?watch=1&allowWatchBookmarks=true&resourceVersion=0");
        using var other = await _client.WatchAsync($"{ConfigMaps}?watch=1&allowWatchBookmarks=true&resourceVersion=0");
        await silenced.NextAsync();
        using var fault = _server.Inject(new Fault(static request => request.Resource == "pods") { Silences = true });
        _server.Apply("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}");
        var heard = silenced.NextAsync();
        for (var bookmarks = 0; bookmarks < 5; bookmarks++)
        {
            Assert.Equal("BOOKMARK", (string?)(await other.NextAsync())!["type"]);
        }

        // A bookmark may have been under way.
        Assert.True(!heard.IsCompleted || (string?)(await heard)!["type"] == "BOOKMARK", "the silenced watch heard of a pod");
    }

    [Fact]
    public async Task Server_ThatWasAway_HasEverythingItHad()
    {
        using var watch = await _client.WatchAsync($"{Pods}?watch=1&resourceVersion=0");
        var created = await _client.PostAsync(ApiClient.Profiles, ApiClient.Profile("a"));
        await _server.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => _client.GetAsync(Pods));
        await Assert.ThrowsAnyAsync<IOException>(watch.NextAsync);
        await _server.StartAgainAsync();

        Assert.Equal(created.Version, (await _client.GetAsync($"{ApiClient.Profiles}/a")).Version);
        using var again = await _client.WatchAsync($"{ApiClient.Profiles}?watch=1&resourceVersion={created.Version}");
        _server.Delete("applicationprofiles.kubescape.io", "default", "a");
        Assert.Equal("DELETED a", await again.NextNameAsync());
    }

    [Fact]
    public async Task Requests_AreCounted()
    {
        using var client = new ApiClient(_server, _server.AddUser("u", AccessRule.Everything));
        await client.GetAsync(Pods);
        await client.GetAsync(Pods);
        await client.MergeAsync($"{ApiClient.Profiles}/a/status", "{}");
        using var watch = await client.WatchAsync($"{Pods}?watch=1&resourceVersion=0");
        _server.Apply("{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {}}");
        await watch.NextAsync();

        var counts = _server.Requests().Where(static count => count.User == "u").ToDictionary(static count => (count.Verb, count.Resource, count.Code));
        Assert.Equal(2, counts[("list", "pods", 200)].Requests);
        Assert.True(counts[("list", "pods", 200)].BytesOut > 100, "the bodies of lists were not counted");
        Assert.Equal(1, counts[("patch", "applicationprofiles.kubescape.io/status", 404)].Requests);
        Assert.True(counts[("watch", "pods", 200)].BytesOut > 100, "the events of a watch were not counted");
    }
}

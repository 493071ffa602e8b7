using System.Globalization;
using System.Text.Json.Nodes;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using KubeCop.Exporters.Alertmanager;
using KubeCop.Exporters.Delivery;
using KubeCop.Testing;
using KubeCop.Testing.Receivers;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Exporters.Alertmanager;

/// <summary>A real Alertmanager says what it has.</summary>
public sealed class AlertmanagerTests
{
    [Fact]
    public async Task Alert_HasItsLabelsAndAnnotations()
    {
        await using var server = await AlertmanagerServer.StartNewAsync();
        using var exporter = new AlertmanagerExporter(server.Address, With(static options => options.Labels["cluster"] = "one"), TimeProvider.System);

        Assert.Equal("200 OK", exporter.Export([Recent(1, path: "/tmp/\"größe\"\n", arguments: ["a", "b"])]));

        var alert = Assert.Single(await server.AlertsAsync());
        var labels = alert["labels"]!;
        Assert.Equal(
            ["KubeCopRuleViolated", "R0001", "Unexpected process launched", "critical", "node", "default", "web", "Container", "web", "f1", "one"],
            new[] { "alertname", "rule_id", "rule_name", "severity", "node_name", "namespace", "container_name", "workload_kind", "workload_name", "fingerprint", "cluster" }
                .Select(name => (string?)labels[name]));
        Assert.Null(labels["pid"]);
        Assert.Equal("42", (string?)alert["annotations"]!["pid"]);
        Assert.Equal("a b", (string?)alert["annotations"]!["command"]);
        Assert.Equal("Unexpected process launched: /tmp/\"größe\"\\n", (string?)alert["annotations"]!["message"]);
        Assert.Equal("active", (string?)alert["status"]!["state"]);
    }

    [Fact]
    public async Task Malware_HasKubeCopsLabelsAndNoProcess()
    {
        await using var server = await AlertmanagerServer.StartNewAsync();
        using var exporter = new AlertmanagerExporter(server.Address, new AlertmanagerOptions(), TimeProvider.System);

        var now = DateTimeOffset.UtcNow;
        exporter.Export([TestAlerts.Malware() with { Timestamp = now, FirstSeen = now, LastSeen = now }]);

        var alert = Assert.Single(await server.AlertsAsync());
        Assert.Equal(
            ["KubeCopMalwareDetected", "Unix.Test.Evil-1", TestAlerts.Digest, "2.0 KiB", "true", "registry/web:1", "critical", "web"],
            new[] { "alertname", "malware_name", "hash", "size", "is_part_of_image", "container_image", "severity", "container_name" }
                .Select(name => (string?)alert["labels"]![name]));
        var annotations = alert["annotations"]!;
        Assert.Equal(("/opt/evil", "image"), ((string?)annotations["path"], (string?)annotations["layer"]));
        Assert.Contains("Malware 'Unix.Test.Evil-1'", (string?)annotations["summary"], StringComparison.Ordinal);
        Assert.Null(annotations["pid"]);
        Assert.Null(annotations["uid"]);
    }

    [Fact]
    public async Task Malware_FiresUntilItCountsAsGone_AndLongerWhenItIsMetAgain()
    {
        await using var server = await AlertmanagerServer.StartNewAsync();
        var clock = new SettableClock(DateTimeOffset.UtcNow);
        using var exporter = new AlertmanagerExporter(server.Address, new AlertmanagerOptions(), clock);
        var now = clock.GetUtcNow();
        var found = TestAlerts.Malware() with { Timestamp = now, FirstSeen = now, LastSeen = now, Until = now.AddHours(2) };

        exporter.Export([found]);
        Assert.Equal(now.AddHours(2), Time(Assert.Single(await server.AlertsAsync()), "endsAt"), TimeSpan.FromMilliseconds(1));

        var again = found with { State = AlertState.Ongoing, LastSeen = now.AddHours(1), Until = now.AddHours(3) };
        Assert.True(exporter.Takes(again), "Nobody tells Alertmanager that it is still there.");
        exporter.Export([again]);
        Assert.Equal(now.AddHours(3), Time(Assert.Single(await server.AlertsAsync()), "endsAt"), TimeSpan.FromMilliseconds(1));
    }

    [Fact]
    public async Task Repeats_OfOtherProcesses_AreOneAlert_AndOtherSubjectsAreNot()
    {
        await using var server = await AlertmanagerServer.StartNewAsync();
        using var exporter = new AlertmanagerExporter(server.Address, new AlertmanagerOptions(), TimeProvider.System);
        var first = Recent(1);

        exporter.Export([first, first with { Id = Recent(2).Id, Process = first.Process with { Pid = 43, Comm = "other" } }, Recent(3)]);

        Assert.Equal(["f1", "f3"], (await server.AlertsAsync()).Select(static alert => (string)alert["labels"]!["fingerprint"]!).Order());
    }

    [Fact]
    public async Task Alert_FiresFromWhenItWasFirstSeenUntilAWhileAfterTheLast()
    {
        await using var server = await AlertmanagerServer.StartNewAsync();
        var clock = new SettableClock(DateTimeOffset.UtcNow);
        using var exporter = new AlertmanagerExporter(server.Address, With(static options => options.ResolveAfter = TimeSpan.FromMinutes(10)), clock);
        var seen = clock.GetUtcNow() - TimeSpan.FromSeconds(5);
        var alert = Recent(1) with { FirstSeen = seen, LastSeen = seen };

        exporter.Export([alert]);
        var firing = Assert.Single(await server.AlertsAsync());
        Assert.Equal(seen, Time(firing, "startsAt"), TimeSpan.FromMilliseconds(1));
        Assert.Equal(clock.GetUtcNow() + TimeSpan.FromMinutes(10), Time(firing, "endsAt"), TimeSpan.FromMilliseconds(1));

        // Its summary, when the window closes.
        clock.Advance(TimeSpan.FromSeconds(30));
        exporter.Export([alert with { State = AlertState.Summary, LastSeen = clock.GetUtcNow(), Count = 9 }]);
        firing = Assert.Single(await server.AlertsAsync());
        Assert.Equal(seen, Time(firing, "startsAt"), TimeSpan.FromMilliseconds(1));
        Assert.Equal(clock.GetUtcNow() + TimeSpan.FromMinutes(10), Time(firing, "endsAt"), TimeSpan.FromMilliseconds(1));
        Assert.Equal("9", (string?)firing["annotations"]!["count"]);
    }

    [Fact]
    public async Task Alertmanager_ThatForgotAll_IsToldAgainOfWhatFires_AndNotOfWhatIsOver()
    {
        await using var server = await AlertmanagerServer.StartNewAsync();
        var clock = new SettableClock(DateTimeOffset.UtcNow);
        using var exporter = new AlertmanagerExporter(server.Address, With(static options => options.ResolveAfter = TimeSpan.FromMinutes(3)), clock);
        exporter.Export([Recent(1)]);
        await server.StopAsync();
        await server.StartAsync();
        Assert.Empty(await server.AlertsAsync());

        clock.Advance(TimeSpan.FromMinutes(1));
        await Wait.UntilAsync(server.AlertsAsync, static alerts => alerts.Count == 1, "alert that is posted anew");

        await server.StopAsync();
        await server.StartAsync();
        clock.Advance(TimeSpan.FromMinutes(3));
        exporter.Export([Recent(2)]);
        clock.Advance(TimeSpan.FromMinutes(1));
        await Wait.UntilAsync(server.AlertsAsync, static alerts => alerts.Count == 1, "alert that fires");
        Assert.Equal("f2", (string?)(await server.AlertsAsync())[0]["labels"]!["fingerprint"]);
    }

    [Fact]
    public async Task Alert_ThatIsRefusedWhenItIsPostedAnew_DoesNotKeepTheOthersFromBeing()
    {
        using var server = new HttpReceiverServer();
        var clock = new SettableClock(DateTimeOffset.UtcNow);
        using var exporter = new AlertmanagerExporter(server.Url, new AlertmanagerOptions(), clock);
        exporter.Export([.. Enumerable.Range(1, 20).Select(static number => Recent(number))]);
        var posted = server.Requests.Count;
        server.Answer = static request => (Fingerprints(request).Contains("f7") ? 400 : 200, null, TimeSpan.Zero);

        clock.Advance(TimeSpan.FromMinutes(1));

        await Wait.UntilAsync(
            () => server.Requests.Skip(posted).Where(static request => request.Status == 200).SelectMany(Fingerprints).Distinct().Count(),
            static taken => taken == 19,
            "alerts that are posted anew, all but the refused one");
        Assert.Contains(server.Requests.Skip(posted), static request => request.Status == 400);

        static IEnumerable<string> Fingerprints(ReceivedRequest request) =>
            JsonNode.Parse(request.Body)!.AsArray().Select(static alert => (string)alert!["labels"]!["fingerprint"]!);
    }

    [Fact]
    public async Task Late_AfterAnOutage_FiresStill()
    {
        await using var server = await AlertmanagerServer.StartNewAsync();
        using var exporter = new AlertmanagerExporter(server.Address, new AlertmanagerOptions(), TimeProvider.System);
        var hoursAgo = DateTimeOffset.UtcNow.AddHours(-3);

        exporter.Export([Recent(1) with { FirstSeen = hoursAgo, LastSeen = hoursAgo }]);

        Assert.Equal("active", (string?)Assert.Single(await server.AlertsAsync())["status"]!["state"]);
    }

    [Fact]
    public async Task Secured_TakesUserAndPasswordOverTls_AndTellsWhatIsWrongWithout()
    {
        await using var server = await AlertmanagerServer.StartNewAsync(isSecured: true);
        using var directory = new TestDirectory();
        await File.WriteAllTextAsync(directory.Combine("password"), "wrong\n", TestContext.Current.CancellationToken);
        var options = new AlertmanagerOptions { Username = "kubecop", PasswordFile = directory.Combine("password") };
        using (var untrusting = new AlertmanagerExporter(server.Url, options, TimeProvider.System))
        {
            Assert.Contains("its certificate is not accepted", Assert.Throws<ReceiverAwayException>(() => untrusting.Export([Recent(1)])).Message, StringComparison.Ordinal);
        }

        options.Tls.CaFile = server.AuthorityFile;
        using var exporter = new AlertmanagerExporter(server.Url, options, TimeProvider.System);
        Assert.Contains("401", Assert.Throws<ReceiverAwayException>(() => exporter.Export([Recent(1)])).Message, StringComparison.Ordinal);

        // Put right while it runs.
        await File.WriteAllTextAsync(options.PasswordFile, "secret\n", TestContext.Current.CancellationToken);
        exporter.Export([Recent(1)]);
        Assert.Single(await server.AlertsAsync());
    }

    [Fact]
    public async Task AwayUnderTenThousandAlerts_ThenBack_HasAll()
    {
        await using var server = await AlertmanagerServer.StartNewAsync();
        await server.StopAsync();
        using var directory = new TestDirectory();
        using var exporter = new AlertmanagerExporter(server.Address, new AlertmanagerOptions(), TimeProvider.System);
        using var dispatcher = new AlertDispatcher(
            [exporter],
            directory.Path,
            new DeliveryOptions { FirstPause = TimeSpan.FromMilliseconds(20), LongestPause = TimeSpan.FromMilliseconds(200) },
            new RuleCounters(),
            TimeProvider.System,
            NullLogger<AlertDispatcher>.Instance);
        for (var i = 0; i < 10_000; i++)
        {
            dispatcher.Dispatch(Recent(i));
        }

        await Wait.UntilAsync(() => dispatcher.Exporters[0], static status => status is { Waiting: 10_000, Failure: not null }, "all of them waiting");
        await server.StartAsync();
        await Wait.UntilAsync(() => dispatcher.Exporters[0].Waiting, static waiting => waiting == 0, "empty outbox", TimeSpan.FromMinutes(2));
        Assert.Equal(10_000, (await server.AlertsAsync()).Count);
        Assert.Empty(dispatcher.Dropped);
    }

    [Theory]
    [InlineData("alertmanager:9093", "http://alertmanager:9093/api/v2/alerts")]
    [InlineData("https://alerts.example/prefix/", "https://alerts.example/prefix/api/v2/alerts")]
    [InlineData("[::1]:9093", "http://[::1]:9093/api/v2/alerts")]
    public void Url_IsRead(string url, string endpoint) => Assert.Equal(endpoint, AlertmanagerOptions.EndpointOf(url)?.ToString());

    [Theory]
    [InlineData("alertmanager")]
    [InlineData("alertmanager:9093/path")]
    [InlineData("ftp://alertmanager:9093")]
    [InlineData("http://user:password@alertmanager:9093")]
    [InlineData("http://alertmanager:9093/?a=b")]
    [InlineData("")]
    public void Url_ThatIsNone_IsRefused(string url)
    {
        var options = new AlertmanagerOptions();
        options.Urls.Add(url);
        var mistake = options.FindMistake();
        Assert.StartsWith("Urls (ALERTMANAGER_URLS) '", mistake, StringComparison.Ordinal);
        Assert.Contains("' is not accepted", mistake, StringComparison.Ordinal);
        Assert.DoesNotContain("password", mistake, StringComparison.Ordinal);
    }

    [Fact]
    public void Urls_OfOneAlertmanagerTwice_AreRefused()
    {
        var options = new AlertmanagerOptions();
        options.Urls.Add("am:80");
        options.Urls.Add("http://am/");
        Assert.Equal("Urls (ALERTMANAGER_URLS) has the same Alertmanager twice.", options.FindMistake());
    }

    // Seen now: what ended long ago Alertmanager does not show.
    private static Alert Recent(int number, string path = "/bin/id", params string[] arguments)
    {
        var now = DateTimeOffset.UtcNow;
        return TestAlerts.Create(number, path, arguments: arguments) with { Fingerprint = $"f{number}", Timestamp = now, FirstSeen = now, LastSeen = now };
    }

    private static AlertmanagerOptions With(Action<AlertmanagerOptions> set)
    {
        var options = new AlertmanagerOptions();
        set(options);
        return options;
    }

    private static DateTimeOffset Time(JsonObject alert, string name) => DateTimeOffset.Parse((string)alert[name]!, CultureInfo.InvariantCulture);
}

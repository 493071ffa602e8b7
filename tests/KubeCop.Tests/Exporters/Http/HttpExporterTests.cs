using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using KubeCop.Core.Alerts;
using KubeCop.Core.Malware;
using KubeCop.Exporters.Http;
using KubeCop.Testing;
using KubeCop.Testing.Receivers;

namespace KubeCop.Tests.Exporters.Http;

public sealed class HttpExporterTests : IDisposable
{
    private readonly HttpReceiverServer _server = new();
    private readonly TestDirectory _directory = new();
    private readonly SettableClock _clock = new(DateTimeOffset.UtcNow);

    public void Dispose()
    {
        _server.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public void Body_IsKubeCopsWithTheWholeAlertBesides()
    {
        using var exporter = Create();
        Assert.Equal("200 OK", exporter.Export([TestAlerts.Create(1, path: "/bin/\ud800x"), TestAlerts.Create(2)]));

        var request = Assert.Single(_server.Requests);
        Assert.Equal(("POST", "/alerts?key=1", "application/json", "value"), (request.Method, request.Path, request.Headers["Content-Type"], request.Headers["X-Custom"]));
        using var body = JsonDocument.Parse(request.Body);
        Assert.Equal(("RuntimeAlerts", "kubescape.io/v1"), (body.RootElement.GetProperty("kind").GetString(), body.RootElement.GetProperty("apiVersion").GetString()));
        var alerts = body.RootElement.GetProperty("spec").GetProperty("alerts");
        Assert.Equal(2, alerts.GetArrayLength());
        var alert = alerts[1];
        Assert.Equal("Unexpected process launched", alert.GetProperty("ruleName").GetString());
        Assert.Equal((10, 42, 0), (alert.GetProperty("severity").GetInt32(), alert.GetProperty("pid").GetInt32(), alert.GetProperty("uid").GetInt32()));
        Assert.Equal(("node", Environment.MachineName), (alert.GetProperty("nodeName").GetString(), alert.GetProperty("hostName").GetString()));
        Assert.Equal(TestAlerts.Create(2).Id, alert.GetProperty("alert").GetProperty("id").GetString());
    }

    [Fact]
    public void Body_OfMalware_HasKubeCopsFieldsAndNoProcess()
    {
        using var exporter = Create();
        exporter.Export([TestAlerts.Malware(MalwareLayer.Upper)]);

        using var body = JsonDocument.Parse(Assert.Single(_server.Requests).Body);
        var alert = body.RootElement.GetProperty("spec").GetProperty("alerts")[0];
        Assert.Equal(
            ("KubeCopMalwareDetected", "Unix.Test.Evil-1", "/opt/evil", TestAlerts.Digest, "2.0 KiB", "registry/web:1"),
            (Field("ruleName"), Field("malwareName"), Field("path"), Field("hash"), Field("size"), Field("containerImage")));
        Assert.False(alert.GetProperty("isPartOfImage").GetBoolean());
        Assert.All(new[] { "pid", "ppid", "uid", "gid", "processName" }, name => Assert.False(alert.TryGetProperty(name, out _), $"There is a {name}."));

        string? Field(string name) => alert.GetProperty(name).GetString();
    }

    [Fact]
    public void Signature_IsOfTimestampAndBody()
    {
        File.WriteAllText(_directory.Combine("key"), "a secret\n");
        using var exporter = Create(options => options.HmacKeyFile = _directory.Combine("key"));
        exporter.Export([TestAlerts.Create()]);

        var request = Assert.Single(_server.Requests);
        var timestamp = request.Headers["X-KubeCop-Timestamp"]!;
        Assert.Equal(_clock.GetUtcNow().ToUnixTimeSeconds().ToString(System.Globalization.CultureInfo.InvariantCulture), timestamp);
        var expected = HMACSHA256.HashData("a secret"u8, [.. Encoding.ASCII.GetBytes($"{timestamp}."), .. request.Body]);
        Assert.Equal($"sha256={Convert.ToHexStringLower(expected)}", request.Headers["X-KubeCop-Signature"]);
    }

    /// <summary>Opening a FIFO waits until somebody writes, and with it would all alerts.</summary>
    [Fact]
    public async Task SecretInWhatIsNoPlainFile_IsSaidAtOnce()
    {
        var (fifo, endless) = (_directory.Combine("fifo"), _directory.Combine("endless"));
        await Commands.RunAsync("mkfifo", fifo);
        File.CreateSymbolicLink(endless, "/dev/zero");
        foreach (var (file, reason) in new[] { (fifo, "it is no plain file"), (endless, "is larger than"), (_directory.Path, "cannot be read"), (_directory.Combine("none"), "No such file") })
        {
            using var exporter = Create(options => options.HmacKeyFile = file);
            var error = await Task.Run(() => Assert.Throws<ReceiverAwayException>(() => exporter.Export([TestAlerts.Create()])))
                .WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
            Assert.Contains(file, error.Message, StringComparison.Ordinal);
            Assert.Contains(reason, error.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void MoreThanTheLimit_IsToldOnceAMinute()
    {
        using var exporter = Create(static options => options.MaxAlertsPerMinute = 3);
        var over = Assert.Throws<ReceiverAwayException>(() => exporter.Export([.. Enumerable.Range(0, 5).Select(static number => TestAlerts.Create(number))]));
        Assert.Equal((3, TimeSpan.FromMinutes(1)), (over.Delivered, over.RetryAfter));
        _clock.Advance(TimeSpan.FromSeconds(20));
        over = Assert.Throws<ReceiverAwayException>(() => exporter.Export([.. Enumerable.Range(3, 4).Select(static number => TestAlerts.Create(number))]));
        Assert.Equal((0, TimeSpan.FromSeconds(40)), (over.Delivered, over.RetryAfter));
        Assert.Equal(["Unexpected process launched", "Unexpected process launched", "Unexpected process launched", "AlertLimitReached"], RuleNames());

        _clock.Advance(TimeSpan.FromSeconds(40));
        exporter.Export([TestAlerts.Create(3)]);
        Assert.Equal(5, RuleNames().Count);
    }

    [Theory]
    [InlineData(400, true)]
    [InlineData(413, true)]
    [InlineData(401, false)]
    [InlineData(404, false)]
    [InlineData(429, false)]
    [InlineData(500, false)]
    [InlineData(302, false)]
    public void Answer_SaysWhetherTryingAgainIsOfUse(int status, bool isRefused)
    {
        _server.Answer = _ => (status, "7", TimeSpan.Zero);
        using var exporter = Create();
        if (isRefused)
        {
            Assert.Contains($" {status} ", Assert.Throws<AlertsRefusedException>(() => exporter.Export([TestAlerts.Create()])).Message, StringComparison.Ordinal);
        }
        else
        {
            var away = Assert.Throws<ReceiverAwayException>(() => exporter.Export([TestAlerts.Create()]));
            Assert.Contains($" {status} ", away.Message, StringComparison.Ordinal);
            Assert.Equal((TimeSpan.FromSeconds(7), 0), (away.RetryAfter, away.Delivered));
        }
    }

    [Fact]
    public void NoAnswer_EndsAfterTheTimeout()
    {
        _server.Answer = static _ => (200, null, TimeSpan.FromMinutes(5));
        using var exporter = Create(static options => options.Timeout = TimeSpan.FromMilliseconds(100));
        Assert.Contains("did not answer within 0.1 s", Assert.Throws<ReceiverAwayException>(() => exporter.Export([TestAlerts.Create()])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void HalfOpenConnection_IsAway()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        using var exporter = Create(options => (options.Url, options.Timeout) = ($"http://{listener.LocalEndpoint}/", TimeSpan.FromMilliseconds(200)));
        Assert.Throws<ReceiverAwayException>(() => exporter.Export([TestAlerts.Create()]));
    }

    [Fact]
    public void BodyOfAnAnswer_ThatDoesNotCome_EndsAfterTheTimeout()
    {
        using var listener = new TcpListener(System.Net.IPAddress.Loopback, 0);
        listener.Start();
        var answering = Task.Run(async () =>
        {
            var socket = await listener.AcceptSocketAsync(TestContext.Current.CancellationToken);
            await socket.SendAsync("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 300\r\n\r\n"u8.ToArray(), TestContext.Current.CancellationToken);
        }, TestContext.Current.CancellationToken);
        using var exporter = Create(options => (options.Url, options.Timeout) = ($"http://{listener.LocalEndpoint}/", TimeSpan.FromMilliseconds(200)));
        Assert.Contains(" 500 ", Assert.Throws<ReceiverAwayException>(() => exporter.Export([TestAlerts.Create()])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(404)]
    [InlineData(400)]
    public void Messages_DoNotShowTheQuery(int status)
    {
        _server.Answer = _ => (status, null, TimeSpan.Zero);
        using var exporter = Create();
        Assert.DoesNotContain("key", exporter.Receiver, StringComparison.Ordinal);
        Assert.DoesNotContain("key", Assert.ThrowsAny<Exception>(() => exporter.Export([TestAlerts.Create()])).Message, StringComparison.Ordinal);
        _server.Dispose();
        Assert.DoesNotContain("key", Assert.ThrowsAny<Exception>(() => exporter.Export([TestAlerts.Create()])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("http://user:secret@host/")]
    [InlineData("nonsense?key=secret")]
    public void Mistake_DoesNotShowASecret(string url)
    {
        var mistake = new HttpExporterOptions { Url = url }.FindMistake();
        Assert.Contains("is not accepted", mistake, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", mistake, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("a\nb")]
    [InlineData(null)]
    public void Secret_ThatIsNone_IsSomethingToPutRight(string? content)
    {
        if (content is not null)
        {
            File.WriteAllText(_directory.Combine("token"), content);
        }

        using var exporter = Create(options => options.TokenFile = _directory.Combine("token"));
        Assert.Contains(_directory.Combine("token"), Assert.Throws<ReceiverAwayException>(() => exporter.Export([TestAlerts.Create()])).Message, StringComparison.Ordinal);
        File.WriteAllText(_directory.Combine("token"), "good\n");
        exporter.Export([TestAlerts.Create()]);
        Assert.Equal("Bearer good", Assert.Single(_server.Requests).Headers["Authorization"]);
    }

    [Fact]
    public async Task TheNodeEnds_WhileItWaits_ItStops()
    {
        _server.Answer = static _ => (200, null, TimeSpan.FromMinutes(5));
        using var exporter = Create();
        using var stop = new CancellationTokenSource();
        var exporting = Task.Run(() => exporter.Export([TestAlerts.Create()], stop.Token), TestContext.Current.CancellationToken);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => exporting.WaitAsync(Wait.DefaultTimeout, TestContext.Current.CancellationToken));
    }

    private HttpExporter Create(Action<HttpExporterOptions>? set = null)
    {
        var options = new HttpExporterOptions { Url = $"{_server.Url}/alerts?key=1" };
        options.Headers["X-Custom"] = "value";
        set?.Invoke(options);
        Assert.Null(options.FindMistake());
        return new HttpExporter(options, _clock);
    }

    private List<string?> RuleNames() =>
    [
        .. _server.Requests.SelectMany(static request => JsonDocument.Parse(request.Body).RootElement.GetProperty("spec").GetProperty("alerts").EnumerateArray())
            .Select(static alert => alert.GetProperty("ruleName").GetString()),
    ];
}

using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using KubeCop.Host;
using KubeCop.Host.Client;
using KubeCop.Host.Http;
using KubeCop.Host.Node;
using KubeCop.Host.Tls;
using KubeCop.Testing;
using KubeCop.Testing.Tls;
using KubeCop.Tests.Host.Node;

namespace KubeCop.Tests.Host.Tls;

/// <summary>The endpoints with a certificate, and the verbs of the command line that ask them.</summary>
public sealed class HttpsTests : IAsyncLifetime
{
    private readonly TestDirectory _directory = new();
    private readonly TestAuthority _authority = new("http");
    private readonly FakeSensor _sensor = new();
    private PemFiles _files = null!;
    private NodeHost _node = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private string DataDirectory => _directory.Combine("data");

    public async ValueTask InitializeAsync()
    {
        _sensor.ReadySource.SetResult();
        _files = new PemFiles(_directory.Combine("tls"), _authority.Issue("kubecop.kubecop.svc"), _authority.Pem);
        _node = await NodeHostFixture.StartAsync(
            DataDirectory, _sensor, more: [new("KubeCop:Http:CertificateFile", _files.Certificate), new("KubeCop:Http:KeyFile", _files.Key)]);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        _authority.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task Verb_WithTheSilosDataDirectory_BelievesItsCertificate()
    {
        Assert.Equal($"https://{_node.Address}", (await File.ReadAllTextAsync(NodeFiles.AddressFile(DataDirectory), Cancellation)).Trim());

        using var client = new NodeClient(NodeAddress.Find(option: null, DataDirectory));
        Assert.Equal(NodeHostFixture.NodeName, await NameAsync(client));
    }

    [Fact]
    public async Task Verb_FromElsewhere_NeedsTheAuthority()
    {
        var address = NodeAddress.Find($"https://{_node.Address}", _directory.Combine("elsewhere"));
        using var without = new NodeClient(address);
        var refusal = await Assert.ThrowsAsync<UsageException>(() => NameAsync(without));
        Assert.Contains("--cacert FILE", refusal.Message, StringComparison.Ordinal);

        using var with = new NodeClient(address, _files.Authorities);
        Assert.Equal(NodeHostFixture.NodeName, await NameAsync(with));
    }

    [Fact]
    public async Task Verb_WithAnotherAuthority_DoesNotBelieveEvenTheSilosOwn()
    {
        using var other = new TestAuthority("http");
        var file = _directory.Combine("other.crt");
        await File.WriteAllTextAsync(file, other.Pem, Cancellation);

        using var client = new NodeClient(NodeAddress.Find(option: null, DataDirectory), file);
        await Assert.ThrowsAsync<UsageException>(() => NameAsync(client));
        Assert.Throws<UsageException>(() => new NodeClient(NodeAddress.Find(option: null, DataDirectory), _directory.Combine("none")));
    }

    /// <summary>Its name and its authority would do; it is not the silo that wrote into the data directory.</summary>
    [Fact]
    public async Task Verb_SomebodyElseAnswers_SendsNothing()
    {
        await File.WriteAllTextAsync(NodeFiles.HttpCertificateFile(DataDirectory), _authority.Issue().Certificate, Cancellation);

        using var client = new NodeClient(NodeAddress.Find(option: null, DataDirectory));
        await Assert.ThrowsAsync<UsageException>(() => NameAsync(client));
    }

    [Fact]
    public async Task Endpoints_InPlainText_AnswerNothing()
    {
        using var client = new NodeClient(NodeAddress.Find($"http://{_node.Address}", DataDirectory));

        var refusal = await Assert.ThrowsAsync<NoSiloException>(() => NameAsync(client));
        Assert.Contains($"its address is https://{_node.Address}", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Verb_SchemeNotGiven_FindsOutThatItIsHttps()
    {
        using var elsewhere = new NodeClient(NodeAddress.Find(_node.Address, _directory.Combine("elsewhere")), _files.Authorities);
        Assert.Equal(NodeHostFixture.NodeName, await NameAsync(elsewhere));

        var here = NodeAddress.Find(_node.Address, DataDirectory);
        Assert.Equal((new Uri($"https://{_node.Address}/"), true), (here.Uri, here.IsSchemeKnown));
        Assert.Equal(new Uri($"http://{_node.Address}/"), NodeAddress.Find($"http://{_node.Address}", DataDirectory).Uri);
    }

    [Fact]
    public async Task Verb_CertificateNotBelieved_SaysWhyInWordsForPeople()
    {
        var strangers = _directory.Combine("strangers.crt");
        using var other = new TestAuthority();
        await File.WriteAllTextAsync(strangers, other.Pem, Cancellation);
        using var byOthers = new NodeClient(NodeAddress.Find($"https://{_node.Address}", _directory.Combine("elsewhere")), strangers);
        using var bySystem = new NodeClient(NodeAddress.Find($"https://{_node.Address}", _directory.Combine("elsewhere")));

        Assert.Contains("is signed by none of the authorities given. Give", (await Assert.ThrowsAsync<UsageException>(() => NameAsync(byOthers))).Message, StringComparison.Ordinal);
        Assert.Contains("is signed by none of the system's authorities. Give", (await Assert.ThrowsAsync<UsageException>(() => NameAsync(bySystem))).Message, StringComparison.Ordinal);
    }

    /// <summary>Whoever listens on the way, or is there instead of the silo, is not to read it.</summary>
    [Fact]
    public async Task Verb_SchemeNotGiven_ShowsNoTokenBeforeItKnows()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var asked = ReadUntilTlsAsync(listener);
        using var client = new NodeClient(NodeAddress.Find($"{listener.LocalEndpoint}", DataDirectory));
        await Assert.ThrowsAnyAsync<Exception>(() => client.PostAsync("api/v1/alerts/test", new ByteArrayContent([]), Cancellation));

        var plain = await asked.WaitAsync(Wait.DefaultTimeout, Cancellation);
        Assert.NotEmpty(plain);
        Assert.All(plain, static request =>
        {
            Assert.StartsWith("GET /healthz/live HTTP/1.1", request, StringComparison.Ordinal);
            Assert.DoesNotContain("Authorization", request, StringComparison.OrdinalIgnoreCase);
        });
    }

    [Fact]
    public async Task Endpoints_CertificateReplaced_ShowTheNewOneWithoutARestart()
    {
        var renewed = _authority.Issue();
        _files.Write(renewed, _authority.Pem);

        await Wait.UntilAsync(ShownAsync, shown => shown == renewed.Certificate, "renewed certificate");
        await Wait.UntilAsync(() => File.ReadAllText(NodeFiles.HttpCertificateFile(DataDirectory)), written => written == renewed.Certificate, "renewed certificate for the verbs");
        using var client = new NodeClient(NodeAddress.Find(option: null, DataDirectory));
        Assert.Equal(NodeHostFixture.NodeName, await NameAsync(client));
    }

    [Fact]
    public async Task Node_CertificateNearsItsEnd_SaysSoAndWhenThatIs()
    {
        var until = DateTimeOffset.FromUnixTimeSeconds(DateTimeOffset.UtcNow.AddHours(3).ToUnixTimeSeconds());
        _files.Write(_authority.Issue(from: until.AddDays(-30), until: until), _authority.Pem);

        using var client = new NodeClient(NodeAddress.Find(option: null, DataDirectory));
        var degraded = await Wait.UntilAsync(
            async () => (await client.GetAsync("api/v1/node", ApiJson.Default.NodeView, Cancellation)).Degraded,
            static degraded => degraded.Any(static part => part.Part == NodeHealth.Endpoints),
            "certificate that is complained of");
        Assert.Contains("expires on", degraded.Single(static part => part.Part == NodeHealth.Endpoints).Reason, StringComparison.Ordinal);
        var metrics = Encoding.UTF8.GetString(await client.GetBytesAsync("metrics", Cancellation));
        Assert.Contains($"kubecop_certificate_expiry_timestamp_seconds{{part=\"endpoints\"}} {until.ToUnixTimeSeconds()}\n", metrics, StringComparison.Ordinal);
        Assert.Contains("kubecop_degraded{part=\"endpoints\"} 1\n", metrics, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Start_CertificateThatCannotBeUsed_IsRefusedAndNothingIsBegun()
    {
        var data = _directory.Combine("other-data");
        var refusal = await Assert.ThrowsAsync<UsageException>(
            () => NodeHostFixture.StartAsync(data, new FakeSensor(), more: [new("KubeCop:Http:CertificateFile", _files.Certificate), new("KubeCop:Http:KeyFile", _files.Authorities)]));

        Assert.Contains($"there is no key in PEM form in {_files.Authorities}", refusal.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(data), "The data directory was made all the same.");
    }

    /// <summary>What comes first on each connection, which is ended then, until one begins with TLS.</summary>
    private static async Task<List<string>> ReadUntilTlsAsync(TcpListener listener)
    {
        var read = new List<string>();
        while (true)
        {
            using var client = await listener.AcceptTcpClientAsync(Cancellation);
            var buffer = new byte[4096];
            var length = await client.GetStream().ReadAsync(buffer, Cancellation);
            if (length > 0 && TransportStream.IsTls(buffer[0]))
            {
                return read;
            }

            read.Add(Encoding.Latin1.GetString(buffer, 0, length));
        }
    }

    private static async Task<string> NameAsync(NodeClient client) => (await client.GetAsync("api/v1/node", ApiJson.Default.NodeView, Cancellation)).Name;

    private async Task<string> ShownAsync()
    {
        var shown = "";
        using var http = new HttpClient(new SocketsHttpHandler
        {
            SslOptions = new SslClientAuthenticationOptions
            {
                RemoteCertificateValidationCallback = (_, certificate, _, _) => (shown = ((X509Certificate2)certificate!).ExportCertificatePem() + "\n").Length > 0,
            },
        });
        await http.GetStringAsync($"https://{_node.Address}/healthz/live", Cancellation);
        return shown;
    }
}

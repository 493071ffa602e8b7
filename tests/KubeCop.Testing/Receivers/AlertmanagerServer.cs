using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Storage;
using Xunit;

namespace KubeCop.Testing.Receivers;

/// <summary>Alertmanager on a free port of loopback; with a password it asks for one, and for TLS.</summary>
public sealed class AlertmanagerServer : IAsyncDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly ServerCertificate _certificate = new();
    private readonly HttpClient _client;
    private readonly bool _isSecured;
    private ServerProcess? _process;

    private AlertmanagerServer(bool isSecured)
    {
        _isSecured = isSecured;
        _client = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = static (_, _, _, _) => true } });
        if (isSecured)
        {
            _client.DefaultRequestHeaders.Authorization = new("Basic", Convert.ToBase64String("kubecop:secret"u8));
        }
    }

    public int Port { get; } = ServerProcess.FreePort();

    public string Address => $"127.0.0.1:{Port}";

    public string Url => $"{(_isSecured ? "https" : "http")}://{Address}";

    public string AuthorityFile => _directory.Combine("authority.pem");

    /// <param name="isSecured">Whether it wants TLS, and user <c>kubecop</c> with the password <c>secret</c>.</param>
    public static async Task<AlertmanagerServer> StartNewAsync(bool isSecured = false)
    {
        DebianReceivers.SkipWithout();
        Assert.SkipUnless(System.Environment.IsPrivilegedProcess, "needs root: Alertmanager looks for its templates in /usr/share");
        var server = new AlertmanagerServer(isSecured);
        try
        {
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    public async Task StartAsync()
    {
        await File.WriteAllTextAsync(_directory.Combine("alertmanager.yml"), "route: { receiver: nobody }\nreceivers: [{ name: nobody }]\n");
        await File.WriteAllTextAsync(AuthorityFile, _certificate.AuthorityPem);
        await File.WriteAllTextAsync(_directory.Combine("certificate.pem"), _certificate.Certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(_directory.Combine("key.pem"), _certificate.KeyPem);

        // bcrypt of "secret".
        await File.WriteAllTextAsync(_directory.Combine("web.yml"), """
            tls_server_config: { cert_file: certificate.pem, key_file: key.pem }
            basic_auth_users: { kubecop: "$2b$04$8mBYqaoCU5ujM1kEvv1mIeELbjGR3W269gv/7xfW2vUuZeR59S16e" }

            """);
        string[] secured = _isSecured ? [$"--web.config.file={_directory.Combine("web.yml")}"] : [];
        _process = await ServerProcess.StartAsync(
            _directory.Combine("alertmanager.log"),
            [
                // Debian's looks for its templates where the package would have put them.
                Commands.Find("unshare")!, "--mount", "sh", "-c", "mount -t overlay overlay -o lowerdir=\"$0\":/usr/share /usr/share && exec \"$@\"", DebianReceivers.PathOf("usr/share"),
                DebianReceivers.PathOf("usr/bin/prometheus-alertmanager"), $"--config.file={_directory.Combine("alertmanager.yml")}", $"--storage.path={_directory.Combine("data")}",
                string.Create(CultureInfo.InvariantCulture, $"--web.listen-address=127.0.0.1:{Port}"), "--cluster.listen-address=", .. secured,
            ],
            async () => await ServerProcess.ListensAsync(Port));
    }

    public async Task StopAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
            _process = null;
        }
    }

    /// <summary>The alerts it has, those that are over too only as long as it shows them.</summary>
    public async Task<IReadOnlyList<JsonObject>> AlertsAsync() =>
        JsonSerializer.Deserialize<List<JsonObject>>(await _client.GetStringAsync($"{Url}/api/v2/alerts"))!;

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _client.Dispose();
        _certificate.Dispose();
        _directory.Dispose();
    }
}

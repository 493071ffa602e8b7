using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Storage;

namespace KubeCop.Testing.Receivers;

/// <summary>A real syslog server on loopback that takes datagrams, connections and TLS on a port each, and writes what it understood to a file.</summary>
public abstract class SyslogServer : IAsyncDisposable
{
    private readonly ServerCertificate _certificate = new();
    private ServerProcess? _process;

    public int UdpPort { get; } = ServerProcess.FreePort();

    public int TcpPort { get; } = ServerProcess.FreePort();

    public int TlsPort { get; } = ServerProcess.FreePort();

    /// <summary>The authority of the certificate that <see cref="TlsPort"/> has, for localhost.</summary>
    public string AuthorityFile => Directory.Combine("authority.pem");

    public abstract IReadOnlyList<SyslogLine> Lines { get; }

    protected TestDirectory Directory { get; } = new();

    protected string CertificateFile => Directory.Combine("certificate.pem");

    protected string KeyFile => Directory.Combine("key.pem");

    protected string Output => Directory.Combine("messages");

    public async Task StartAsync()
    {
        await File.WriteAllTextAsync(AuthorityFile, _certificate.AuthorityPem);
        await File.WriteAllTextAsync(CertificateFile, _certificate.Certificate.ExportCertificatePem());
        await File.WriteAllTextAsync(KeyFile, _certificate.KeyPem);
        _process = await StartProcessAsync(async () => await ServerProcess.ListensAsync(TcpPort) && await ServerProcess.ListensAsync(TlsPort));
    }

    public async Task StopAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
            _process = null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        Directory.Dispose();
        _certificate.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Skips the test, saying why, where there is none.</summary>
    protected static async Task<T> StartAsync<T>(T server)
        where T : SyslogServer
    {
        DebianReceivers.SkipWithout();
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

    protected abstract Task<ServerProcess> StartProcessAsync(Func<Task<bool>> answers);
}

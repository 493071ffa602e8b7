using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using KubeCop.Host;
using KubeCop.Host.Client;
using KubeCop.Testing;
using KubeCop.Testing.Tls;

namespace KubeCop.Tests.Host.Client;

public sealed class ServerTrustTests : IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly TestAuthority _authority = new("anybody");
    private readonly TestAuthority _other = new("others");

    public void Dispose()
    {
        _authority.Dispose();
        _other.Dispose();
        _directory.Dispose();
    }

    /// <summary>Whoever is there instead of the silo could have a verb ask for anything, from where it runs.</summary>
    [Theory, InlineData(true), InlineData(false)]
    public async Task Certificate_ThatSaysWhereItsAuthorityIs_FetchesNothing(bool withAuthorities)
    {
        var cancellation = TestContext.Current.CancellationToken;
        using var asked = new TcpListener(IPAddress.Loopback, 0);
        using var silo = new TcpListener(IPAddress.Loopback, 0);
        asked.Start();
        silo.Start();
        var pair = _authority.IssueWithUri($"http://{asked.LocalEndpoint}/authority.cer");
        using var certificate = X509Certificate2.CreateFromPem(pair.Certificate, pair.Key);
        var file = _directory.Combine("others.crt");
        await File.WriteAllTextAsync(file, _other.Pem, cancellation);

        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)silo.LocalEndpoint, cancellation);
        using var server = await silo.AcceptTcpClientAsync(cancellation);
        await using var serverTls = new SslStream(server.GetStream());
        await using var clientTls = new SslStream(client.GetStream());
        var serving = serverTls.AuthenticateAsServerAsync(
            new SslServerAuthenticationOptions { ServerCertificateContext = SslStreamCertificateContext.Create(certificate, [], offline: true) }, cancellation);
        var options = ServerTrust.Options(withAuthorities ? file : null, _directory.Combine("none"));
        options.TargetHost = TestAuthority.SiloName;
        await Assert.ThrowsAsync<AuthenticationException>(() => clientTls.AuthenticateAsClientAsync(options, cancellation).WaitAsync(Wait.DefaultTimeout, cancellation));

        Assert.False(asked.Pending(), "It was asked for the authority.");
        client.Close();
        await serving.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    [Fact]
    public void Authorities_FileWithoutAName_IsAMistakeOfUse() =>
        Assert.StartsWith("--cacert '' cannot be read", Assert.Throws<UsageException>(() => ServerTrust.Options("", "none")).Message, StringComparison.Ordinal);
}

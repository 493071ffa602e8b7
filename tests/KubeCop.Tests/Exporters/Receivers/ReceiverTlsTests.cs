using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using KubeCop.Exporters.Receivers;
using KubeCop.Testing;
using KubeCop.Testing.Tls;

namespace KubeCop.Tests.Exporters.Receivers;

/// <summary>Whom we send alerts to: a real handshake with each kind of certificate.</summary>
public sealed class ReceiverTlsTests : IDisposable
{
    private readonly TestDirectory _directory = new();
    private readonly TestAuthority _authority = new("receivers");

    public void Dispose()
    {
        _directory.Dispose();
        _authority.Dispose();
    }

    [Fact]
    public async Task Certificate_OfTheAuthorityInItsName_IsTrusted() =>
        await HandshakeAsync(_authority.Issue("logs.example", usages: TestAuthority.ServerUsage));

    [Fact]
    public async Task Certificate_OfAnAuthorityBelow_IsTrustedWhenTheReceiverSendsThat()
    {
        using var below = _authority.Below("below");
        await HandshakeAsync(below.Issue("logs.example"), below.Pem);
        await RefusedAsync(below.Issue("logs.example"));
    }

    [Fact]
    public async Task Certificate_InAnotherName_IsRefused() => await RefusedAsync(_authority.Issue("other.example"));

    [Fact]
    public async Task Certificate_ForClientsOnly_IsRefused() => await RefusedAsync(_authority.Issue("logs.example", usages: TestAuthority.ClientUsage));

    [Fact]
    public async Task Certificate_ThatHasExpired_IsRefused() => await RefusedAsync(_authority.Issue("logs.example", until: DateTimeOffset.UtcNow.AddMinutes(-1)));

    [Fact]
    public async Task Certificate_OfAnotherAuthority_IsRefused()
    {
        using var other = new TestAuthority("others");
        await RefusedAsync(other.Issue("logs.example"));
    }

    private async Task RefusedAsync(PemPair certificate)
    {
        var exception = await Assert.ThrowsAnyAsync<AuthenticationException>(() => HandshakeAsync(certificate));
        Assert.Contains("its certificate is not accepted", Options().Explain(exception), StringComparison.Ordinal);
    }

    private async Task HandshakeAsync(PemPair certificate, string between = "")
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        using var pem = X509Certificate2.CreateFromPem(certificate.Certificate, certificate.Key);
        using var own = X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), password: null);
        var chain = new X509Certificate2Collection();
        if (between.Length > 0)
        {
            chain.ImportFromPem(between);
        }

        var serving = Task.Run(async () =>
        {
            using var accepted = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
            await using var server = new SslStream(accepted.GetStream());
            await server.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions { ServerCertificateContext = SslStreamCertificateContext.Create(own, chain, offline: true) }, TestContext.Current.CancellationToken);
        }, TestContext.Current.CancellationToken);
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)listener.LocalEndpoint, TestContext.Current.CancellationToken);
        await using var stream = new SslStream(client.GetStream());
        await stream.AuthenticateAsClientAsync(Options().ToClientOptions("logs.example"), TestContext.Current.CancellationToken);
        await serving;
    }

    private ReceiverTlsOptions Options()
    {
        File.WriteAllText(_directory.Combine("ca.pem"), _authority.Pem);
        return new ReceiverTlsOptions { CaFile = _directory.Combine("ca.pem") };
    }
}

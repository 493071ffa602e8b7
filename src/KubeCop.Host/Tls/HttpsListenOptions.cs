using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;

namespace KubeCop.Host.Tls;

internal static class HttpsListenOptions
{
    /// <summary>Has the endpoints speak HTTPS; each connection begins with the certificate that is then in use.</summary>
    public static void UseCertificate(this ListenOptions listen, CertificateFiles files) => listen.UseHttps(new TlsHandshakeCallbackOptions
    {
        HandshakeTimeout = SiloTls.HandshakeTime,
        OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
        {
            ServerCertificateContext = files.Current.Context,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
        }),
    });
}

using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KubeCop.Exporters.Receivers;

/// <summary>
/// How a receiver proves itself, and we to it. Files are PEM and read anew for each connection, so that they can be replaced at any time. There is no
/// option that trusts whoever answers.
/// </summary>
public sealed class ReceiverTlsOptions
{
    // RFC 5280, 4.2.1.12: id-kp-serverAuth.
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";

    /// <summary>One of a public bundle of authorities has a quarter of that.</summary>
    private const int MostFileBytes = 1024 * 1024;

    /// <summary>Authorities that may have signed the receiver's certificate, and no others. Default: empty, for those of the system.</summary>
    public string CaFile { get; set; } = "";

    /// <summary>Our certificate, with those between it and its authority, where the receiver wants one. Default: empty, for none.</summary>
    public string CertificateFile { get; set; } = "";

    /// <summary>The key of <see cref="CertificateFile"/>, unencrypted. Default: empty, for none.</summary>
    public string KeyFile { get; set; } = "";

    internal string? FindMistake() => (CertificateFile.Length > 0) != (KeyFile.Length > 0) ? "CertificateFile and KeyFile belong together: give both or none." : null;

    /// <param name="host">The name that the certificate has to have.</param>
    internal SslClientAuthenticationOptions ToClientOptions(string host)
    {
        var options = new SslClientAuthenticationOptions
        {
            TargetHost = host,
            RemoteCertificateValidationCallback = (_, certificate, chain, errors) => IsTrusted(certificate, chain, errors),
        };
        if (CertificateFile.Length > 0)
        {
            options.LocalCertificateSelectionCallback = (_, _, _, _, _) => ReadCertificate();
        }

        return options;
    }

    private bool IsTrusted(X509Certificate? certificate, X509Chain? sent, SslPolicyErrors errors)
    {
        if (CaFile.Length == 0 || errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable) || errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch))
        {
            return errors == SslPolicyErrors.None;
        }

        using var chain = new X509Chain();
        chain.ChainPolicy.TrustMode = X509ChainTrustMode.CustomRootTrust;
        chain.ChainPolicy.RevocationMode = X509RevocationMode.NoCheck;
        chain.ChainPolicy.ApplicationPolicy.Add(new Oid(ServerAuthentication));

        // What is between the two the receiver sends; nothing is fetched from addresses in its certificate.
        chain.ChainPolicy.DisableCertificateDownloads = true;
        foreach (var between in sent?.ChainPolicy.ExtraStore ?? [])
        {
            chain.ChainPolicy.ExtraStore.Add(between);
        }

        chain.ChainPolicy.CustomTrustStore.ImportFromPem(PlainFile.ReadText(CaFile, MostFileBytes));
        using var leaf = new X509Certificate2(certificate!);
        return chain.Build(leaf);
    }

    private X509Certificate2 ReadCertificate()
    {
        using var pem = X509Certificate2.CreateFromPem(PlainFile.ReadText(CertificateFile, MostFileBytes), PlainFile.ReadText(KeyFile, MostFileBytes));

        // SslStream takes no key that was only read from a file.
        return X509CertificateLoader.LoadPkcs12(pem.Export(X509ContentType.Pkcs12), password: null);
    }

    /// <summary>What of a failure concerns TLS, in words about the option; null when nothing does.</summary>
    internal string? Explain(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            switch (cause)
            {
                case PlainFileException or CryptographicException when CaFile.Length > 0 || CertificateFile.Length > 0:
                    return $"a certificate file cannot be used: {cause.Message}";
                case System.Security.Authentication.AuthenticationException:
                    var authority = CaFile.Length > 0 ? $"in {CaFile}" : "of the system; CaFile names others";
                    return $"its certificate is not accepted, or ours by it: it has to be valid, in its name, and signed by an authority {authority} ({cause.Message})";
            }
        }

        return null;
    }
}

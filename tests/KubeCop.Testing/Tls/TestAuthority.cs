using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KubeCop.Testing.Tls;

/// <summary>A certificate and its key, both in PEM form.</summary>
public sealed record PemPair(string Certificate, string Key);

/// <summary>An authority made anew, and what it signs.</summary>
public sealed class TestAuthority : IDisposable
{
    public const string SiloName = "kubecop-silo";
    public const string ServerUsage = "1.3.6.1.5.5.7.3.1";
    public const string ClientUsage = "1.3.6.1.5.5.7.3.2";

    private static readonly DateTimeOffset Now = DateTimeOffset.UtcNow;

    private readonly ECDsa _key;
    private readonly X509Certificate2 _certificate;

    public TestAuthority(string name = "silos")
    {
        _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _certificate = Request(name, _key).CreateSelfSigned(Now.AddYears(-1), Now.AddYears(10));
    }

    private TestAuthority(ECDsa key, X509Certificate2 certificate) => (_key, _certificate) = (key, certificate);

    public string Pem => _certificate.ExportCertificatePem() + "\n";

    /// <summary>An authority below this one, for nine years.</summary>
    public TestAuthority Below(string name)
    {
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var signed = Request(name, key).Create(_certificate, Now.AddDays(-300), Now.AddYears(9), RandomNumberGenerator.GetBytes(8));
        return new TestAuthority(key, signed.CopyWithPrivateKey(key));
    }

    /// <param name="from">Default: an hour ago.</param>
    /// <param name="until">Default: in ninety days.</param>
    /// <param name="usages">Default: a server's and a client's.</param>
    public PemPair Issue(string dnsName = SiloName, DateTimeOffset? from = null, DateTimeOffset? until = null, params string[] usages) => Issue(dnsName, from, until, issuerUri: null, usages);

    /// <summary>A certificate that says where that of its authority can be fetched.</summary>
    public PemPair IssueWithUri(string issuerUri) => Issue(SiloName, from: null, until: null, issuerUri, []);

    public void Dispose()
    {
        _key.Dispose();
        _certificate.Dispose();
    }

    private PemPair Issue(string dnsName, DateTimeOffset? from, DateTimeOffset? until, string? issuerUri, string[] usages)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=a test's", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(dnsName);
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        var oids = new OidCollection();
        foreach (var usage in usages is [] ? [ServerUsage, ClientUsage] : usages)
        {
            oids.Add(new Oid(usage));
        }

        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension(oids, critical: false));
        request.CertificateExtensions.Add(X509AuthorityKeyIdentifierExtension.CreateFromCertificate(_certificate, includeKeyIdentifier: true, includeIssuerAndSerial: false));

        if (issuerUri is not null)
        {
            request.CertificateExtensions.Add(new X509AuthorityInformationAccessExtension(ocspUris: null, caIssuersUris: [issuerUri]));
        }

        // Not with the authority's certificate: that would refuse to sign what outlives it.
        using var signed = request.Create(
            _certificate.SubjectName,
            X509SignatureGenerator.CreateForECDsa(_key),
            from ?? DateTimeOffset.UtcNow.AddHours(-1),
            until ?? DateTimeOffset.UtcNow.AddDays(90),
            RandomNumberGenerator.GetBytes(8));
        return new PemPair(signed.ExportCertificatePem() + "\n", key.ExportPkcs8PrivateKeyPem() + "\n");
    }

    private static CertificateRequest Request(string name, ECDsa key)
    {
        var request = new CertificateRequest($"CN={name}", key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        request.CertificateExtensions.Add(new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign, critical: true));
        request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        return request;
    }
}

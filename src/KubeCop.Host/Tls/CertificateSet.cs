using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KubeCop.Host.Tls;

/// <summary>The files cannot be used; the message names the file and says why.</summary>
internal sealed class CertificateException(string message) : Exception(message);

/// <summary>A certificate with its key, and what it takes to show it and to judge others. Connections that began with one go on when another one takes its place.</summary>
internal sealed class CertificateSet
{
    private CertificateSet(X509Certificate2 certificate, X509Certificate2Collection between, X509Certificate2Collection authorities)
    {
        (Certificate, Between, Authorities) = (certificate, between, authorities);
        Context = SslStreamCertificateContext.Create(certificate, between, offline: true);
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>The certificates between this one and its authority.</summary>
    public X509Certificate2Collection Between { get; }

    /// <summary>Whose certificates are believed. Empty where nobody is asked for one.</summary>
    public X509Certificate2Collection Authorities { get; }

    /// <summary>The certificate as it is shown, with those between.</summary>
    public SslStreamCertificateContext Context { get; }

    public DateTimeOffset From => Certificate.NotBefore.ToUniversalTime();

    public DateTimeOffset Until => Certificate.NotAfter.ToUniversalTime();

    /// <param name="certificate">The file's name and content in PEM form; its first certificate is the one of the key.</param>
    /// <param name="key">Likewise.</param>
    /// <param name="authorities">Likewise; null for none.</param>
    /// <exception cref="CertificateException">They do not belong together, or one of them does not hold what it should.</exception>
    public static CertificateSet Parse((string Name, string Pem) certificate, (string Name, string Pem) key, (string Name, string Pem)? authorities)
    {
        var chain = Read(certificate);
        try
        {
            var withKey = X509Certificate2.CreateFromPem(certificate.Pem, key.Pem);
            chain.RemoveAt(0);
            return new CertificateSet(withKey, chain, authorities is { } file ? Read(file) : []);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            throw new CertificateException(key.Pem.Contains("ENCRYPTED", StringComparison.Ordinal)
                ? $"the key in {key.Name} is encrypted; it has to be readable without a password"
                : key.Pem.Contains("PRIVATE KEY-----", StringComparison.Ordinal)
                    ? $"the key in {key.Name} is not the one of the certificate in {certificate.Name}"
                    : $"there is no key in PEM form in {key.Name}");
        }
    }

    private static X509Certificate2Collection Read((string Name, string Pem) file)
    {
        var found = new X509Certificate2Collection();
        try
        {
            found.ImportFromPem(file.Pem);
        }
        catch (CryptographicException)
        {
            throw new CertificateException($"a certificate in {file.Name} cannot be read");
        }

        // Whatever lacks its end is left out by the reader, as of a file that is being written.
        return found.Count == 0 ? throw new CertificateException($"there is no certificate in PEM form in {file.Name}")
            : found.Count < file.Pem.Split("-----BEGIN CERTIFICATE-----").Length - 1 ? throw new CertificateException($"a certificate in {file.Name} is cut off")
            : found;
    }
}

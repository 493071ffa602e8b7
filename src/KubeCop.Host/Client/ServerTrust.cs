using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace KubeCop.Host.Client;

/// <summary>
/// Whether the certificate of the endpoints is believed. With a file of authorities those alone count. Else the very certificate that the silo has put into
/// its data directory is good, whatever names are in it: whoever can write there is the silo. Others have to be of the system's authorities.
/// </summary>
internal static class ServerTrust
{
    /// <param name="authorityFile">In PEM form; null for none.</param>
    /// <param name="silo">Where the silo's certificate is; it need not be there.</param>
    /// <exception cref="UsageException">The file of authorities cannot be used.</exception>
    public static SslClientAuthenticationOptions Options(string? authorityFile, string silo)
    {
        if (authorityFile is null)
        {
            return new SslClientAuthenticationOptions
            {
                // Nothing is fetched from addresses that an impostor's certificate names.
                CertificateChainPolicy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true },
                RemoteCertificateValidationCallback = (_, certificate, _, errors) => errors == SslPolicyErrors.None || (certificate is X509Certificate2 shown && IsSilos(shown, silo)),
            };
        }

        var policy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck, DisableCertificateDownloads = true };
        try
        {
            policy.CustomTrustStore.ImportFromPemFile(authorityFile);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new UsageException($"--cacert '{authorityFile}' cannot be read: {exception.Message}");
        }

        return policy.CustomTrustStore.Count > 0
            ? new SslClientAuthenticationOptions { CertificateChainPolicy = policy }
            : throw new UsageException($"--cacert '{authorityFile}' holds no certificate in PEM form.");
    }

    // Read each time: it is replaced with the silo's own.
    private static bool IsSilos(X509Certificate2 shown, string silo)
    {
        try
        {
            using var known = X509CertificateLoader.LoadCertificateFromFile(silo);
            return known.RawDataMemory.Span.SequenceEqual(shown.RawDataMemory.Span);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or CryptographicException)
        {
            return false;
        }
    }
}

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
            throw new UsageException($"--cacert '{authorityFile}' cannot be read: {exception.Message.TrimEnd('.')}.");
        }

        return policy.CustomTrustStore.Count > 0
            ? new SslClientAuthenticationOptions { CertificateChainPolicy = policy }
            : throw new UsageException($"--cacert '{authorityFile}' holds no certificate in PEM form.");
    }

    /// <summary>Why a certificate was not believed, as far as .NET tells it, which is in words about its own code.</summary>
    public static string Explain(Exception exception)
    {
        var text = (exception.InnerException ?? exception).Message;
        return text.Contains(nameof(SslPolicyErrors.RemoteCertificateNameMismatch), StringComparison.Ordinal) ? "its certificate is for other names"
            : text.Contains(nameof(X509ChainStatusFlags.NotTimeValid), StringComparison.Ordinal) ? "its certificate, or an authority of it, is not valid now"
            : text.Contains(nameof(X509ChainStatusFlags.PartialChain), StringComparison.Ordinal) || text.Contains(nameof(X509ChainStatusFlags.UntrustedRoot), StringComparison.Ordinal)
                ? "its certificate is signed by none of the authorities given"
            : text.Contains(nameof(RemoteCertificateValidationCallback), StringComparison.Ordinal) ? "its certificate is signed by none of the system's authorities"
            : text.TrimEnd('.');
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

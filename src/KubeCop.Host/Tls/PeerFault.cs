using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using KubeCop.Host.Configuration;

namespace KubeCop.Host.Tls;

/// <summary>Why a silo's certificate is refused. Silos send each other the number, so that both know: a number never changes its meaning.</summary>
internal enum PeerFault : byte
{
    /// <summary>It is not refused.</summary>
    None = 0,

    /// <summary>There is none.</summary>
    NoCertificate = 1,

    /// <summary>It is of none of the authorities.</summary>
    UnknownAuthority = 2,

    /// <summary>It has not the name that silos have.</summary>
    WrongName = 3,

    /// <summary>It is not for servers and clients both.</summary>
    WrongUsage = 4,

    /// <summary>It is valid no more.</summary>
    Expired = 5,

    /// <summary>It is not valid yet.</summary>
    NotYetValid = 6,

    /// <summary>One of its authorities is not valid now.</summary>
    AuthorityExpired = 7,
}

/// <summary>Judges the certificates of silos.</summary>
internal static class PeerFaults
{
    // RFC 5280 4.2.1.12: id-kp-serverAuth, id-kp-clientAuth. Each silo is both.
    private static readonly string[] Usages = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];

    /// <summary>How chains are built: from these authorities alone, and from what the peer has sent; nothing is fetched.</summary>
    public static X509ChainPolicy Policy(CertificateSet own, DateTimeOffset now)
    {
        var policy = new X509ChainPolicy
        {
            TrustMode = X509ChainTrustMode.CustomRootTrust,
            RevocationMode = X509RevocationMode.NoCheck,
            DisableCertificateDownloads = true,
            VerificationTimeIgnored = false,
            VerificationTime = now.UtcDateTime,
        };
        policy.CustomTrustStore.AddRange(own.Authorities);
        foreach (var usage in Usages)
        {
            policy.ApplicationPolicy.Add(new Oid(usage));
        }

        return policy;
    }

    /// <summary>The chain of a certificate, as good as it can be built.</summary>
    /// <param name="between">What came along with it.</param>
    public static X509Chain Build(X509Certificate2 certificate, X509Certificate2Collection between, CertificateSet own, DateTimeOffset now)
    {
        var chain = new X509Chain { ChainPolicy = Policy(own, now) };
        chain.ChainPolicy.ExtraStore.AddRange(between);
        chain.Build(certificate);
        return chain;
    }

    /// <summary>Of several faults the first.</summary>
    /// <inheritdoc cref="Find"/>
    public static PeerFault Judge(X509Certificate2? certificate, X509Chain? chain, string name, DateTimeOffset now) => Find(certificate, chain, name, now).FirstOrDefault();

    /// <summary>All that other silos with the same authorities would say of this node's own certificate.</summary>
    public static IReadOnlyList<PeerFault> JudgeOwn(CertificateSet own, string name, DateTimeOffset now)
    {
        using var chain = Build(own.Certificate, own.Between, own, now);
        return [.. Find(own.Certificate, chain, name, now)];
    }

    /// <summary>The rest of a sentence about a certificate.</summary>
    public static string Describe(PeerFault fault, X509Certificate2? certificate, string name) => fault switch
    {
        PeerFault.NoCertificate => "has shown no certificate",
        PeerFault.UnknownAuthority => $"is of none of the authorities in {ClusterTlsOptions.Section}:{nameof(ClusterTlsOptions.CaFile)}",
        PeerFault.WrongName => $"is not one of a silo: the DNS name {name} ({ClusterTlsOptions.Section}:{nameof(ClusterTlsOptions.PeerName)}) is not in it",
        PeerFault.WrongUsage => "is not for servers and clients both (extended key usage)",
        PeerFault.Expired => $"has expired on {Time(certificate?.NotAfter)}",
        PeerFault.NotYetValid => $"is valid from {Time(certificate?.NotBefore)} on; is a clock wrong?",
        PeerFault.AuthorityExpired => "is of an authority whose own certificate is not valid now",
        _ => $"has fault {(byte)fault}, which this version does not know",
    };

    /// <summary>For people: to the minute, in UTC.</summary>
    public static string Time(DateTimeOffset? time) => time is { } given ? given.ToUniversalTime().ToString("yyyy-MM-dd HH:mm 'UTC'", CultureInfo.InvariantCulture) : "an unknown day";

    /// <returns>The faults, in the order in which one would repair them.</returns>
    /// <param name="chain">As it was built by <see cref="Policy"/>.</param>
    /// <param name="name">Which it has to have.</param>
    private static IEnumerable<PeerFault> Find(X509Certificate2? certificate, X509Chain? chain, string name, DateTimeOffset now)
    {
        if (certificate is null || chain is null)
        {
            yield return PeerFault.NoCertificate;
            yield break;
        }

        var status = chain.ChainStatus.Aggregate(X509ChainStatusFlags.NoError, static (all, one) => all | one.Status);
        var isUnknown = (status & ~(X509ChainStatusFlags.NotTimeValid | X509ChainStatusFlags.NotValidForUsage)) != 0;
        if (isUnknown)
        {
            yield return PeerFault.UnknownAuthority;
        }

        if (!HasName(certificate, name))
        {
            yield return PeerFault.WrongName;
        }

        if ((status & X509ChainStatusFlags.NotValidForUsage) != 0)
        {
            yield return PeerFault.WrongUsage;
        }

        var (isOver, isToCome) = (now.UtcDateTime > certificate.NotAfter.ToUniversalTime(), now.UtcDateTime < certificate.NotBefore.ToUniversalTime());
        if (isOver || isToCome)
        {
            yield return isOver ? PeerFault.Expired : PeerFault.NotYetValid;
        }
        else if (!isUnknown && (status & X509ChainStatusFlags.NotTimeValid) != 0)
        {
            yield return PeerFault.AuthorityExpired;
        }
    }

    private static bool HasName(X509Certificate2 certificate, string name)
    {
        try
        {
            return certificate.MatchesHostname(name, allowWildcards: false, allowCommonName: false);
        }
        catch (CryptographicException)
        {
            // Its names cannot be read.
            return false;
        }
    }
}

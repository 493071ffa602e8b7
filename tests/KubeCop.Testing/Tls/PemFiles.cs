namespace KubeCop.Testing.Tls;

/// <summary>A silo's certificate, its key and its authorities, as files that can be replaced.</summary>
public sealed class PemFiles
{
    private readonly string _directory;

    public PemFiles(string directory, PemPair pair, string authorities)
    {
        _directory = Directory.CreateDirectory(directory).FullName;
        Write(pair, authorities);
    }

    public string Certificate => Path.Combine(_directory, "tls.crt");

    public string Key => Path.Combine(_directory, "tls.key");

    public string Authorities => Path.Combine(_directory, "ca.crt");

    /// <summary>Of a silo that uses them.</summary>
    public IReadOnlyDictionary<string, string> ClusterSettings => new Dictionary<string, string>
    {
        ["KubeCop:Cluster:Tls:CertificateFile"] = Certificate,
        ["KubeCop:Cluster:Tls:KeyFile"] = Key,
        ["KubeCop:Cluster:Tls:CaFile"] = Authorities,
    };

    /// <summary>Files that are good for every silo of a cluster, of an authority that nobody else has.</summary>
    public static PemFiles ForCluster(TestDirectory directory)
    {
        using var authority = new TestAuthority();
        return new PemFiles(directory.Combine("tls"), authority.Issue(), authority.Pem);
    }

    public void Write(PemPair pair, string authorities)
    {
        File.WriteAllText(Authorities, authorities);
        File.WriteAllText(Key, pair.Key);
        File.WriteAllText(Certificate, pair.Certificate);
    }
}

namespace KubeCop.Host.Configuration;

/// <summary>Whether silos prove to each other who they are.</summary>
internal enum TlsMode
{
    /// <summary>They do, both ways, and what they say is encrypted.</summary>
    Required,

    /// <summary>They do not: whoever reaches a silo's port can call every grain, and change what is detected.</summary>
    None,
}

/// <summary>
/// TLS between the silos of a cluster. Section <c>KubeCop:Cluster:Tls</c>. The files are read again when they change; new connections then go by
/// them, and those there are end if they would be refused. A silo that runs alone has no network and needs none of this.
/// </summary>
internal sealed class ClusterTlsOptions
{
    public const string Section = "KubeCop:Cluster:Tls";

    /// <summary>Default: required.</summary>
    public TlsMode Mode { get; set; }

    /// <summary>The silo's certificate and those between it and its authority, in PEM form. Default: empty.</summary>
    public string CertificateFile { get; set; } = "";

    /// <summary>The key of the certificate, in PEM form and not encrypted. Default: empty.</summary>
    public string KeyFile { get; set; } = "";

    /// <summary>The root authorities that silos' certificates are of, in PEM form; those of the system are not asked. Default: empty.</summary>
    public string CaFile { get; set; } = "";

    /// <summary>The DNS name that is in the certificate of every silo and of nothing else that has one of these authorities. Default: kubecop-silo.</summary>
    public string PeerName { get; set; } = "kubecop-silo";

    /// <summary>Whether any of the files is named.</summary>
    public bool NamesFiles => (CertificateFile + KeyFile + CaFile).Length > 0;
}

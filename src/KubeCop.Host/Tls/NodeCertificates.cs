using KubeCop.Host.Configuration;
using KubeCop.Host.Node;

namespace KubeCop.Host.Tls;

/// <summary>The certificates that this node shows to others.</summary>
internal sealed class NodeCertificates
{
    private NodeCertificates(NodeCertificate? cluster, NodeCertificate? http) => (Cluster, Http) = (cluster, http);

    /// <summary>To other silos; null when this one runs alone, or without TLS.</summary>
    public NodeCertificate? Cluster { get; }

    /// <summary>To those who ask the HTTP endpoints; null when they speak plain HTTP.</summary>
    public NodeCertificate? Http { get; }

    public IEnumerable<NodeCertificate> All => new[] { Cluster, Http }.OfType<NodeCertificate>();

    /// <exception cref="UsageException">Files cannot be used.</exception>
    public static NodeCertificates Load(Settings settings, TimeProvider time)
    {
        var (cluster, http) = (settings.Cluster, settings.Http);
        var usesTls = cluster.Membership != Membership.None && cluster.Tls.Mode != TlsMode.None;
        return new NodeCertificates(
            usesTls
                ? Open(ClusterTlsOptions.Section, () => new NodeCertificate(
                    NodeHealth.Cluster, new CertificateFiles(cluster.Tls.CertificateFile, cluster.Tls.KeyFile, cluster.Tls.CaFile), time, cluster.Tls.PeerName))
                : null,
            http.IsHttps ? Open(HttpOptions.Section, () => new NodeCertificate(NodeHealth.Endpoints, new CertificateFiles(http.CertificateFile, http.KeyFile, authorities: null), time)) : null);
    }

    private static NodeCertificate Open(string section, Func<NodeCertificate> open)
    {
        try
        {
            return open();
        }
        catch (CertificateException exception)
        {
            throw new UsageException($"The files of {section} cannot be used: {exception.Message}.");
        }
    }
}

using System.Collections.Concurrent;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Connections;

namespace KubeCop.Host.Tls;

/// <summary>
/// The connections with other silos that are in use. A certificate that was good at the handshake is judged again when this node's own files have changed, and
/// when it, or an authority of it, ends. If it is good no more the connection ends too; Orleans makes another one, and the peer shows what it has by then.
/// </summary>
internal sealed partial class PeerConnections(TimeProvider time, ILogger<PeerConnections> logger)
{
    private readonly ConcurrentDictionary<ConnectionContext, Peer> _open = new(ReferenceEqualityComparer.Instance);

    /// <param name="peer">Its address, for people.</param>
    /// <param name="by">Before what its certificate is good.</param>
    /// <returns>Ends its being looked at.</returns>
    public IDisposable Add(ConnectionContext connection, string peer, PeerCertificate certificate, CertificateSet by)
    {
        _open[connection] = new Peer(peer, certificate, by);
        return new Removal(this, connection);
    }

    /// <summary>Ends the connections whose certificates are good no more. To be called every few seconds.</summary>
    public void Review(NodeCertificate own)
    {
        var (by, now) = (own.Files.Current, time.GetUtcNow());
        foreach (var (connection, peer) in _open)
        {
            if (peer.JudgedBy == by && now <= peer.Certificate.Until)
            {
                continue;
            }

            if (peer.Certificate.Judge(by, own.PeerName, now) is var fault and not PeerFault.None)
            {
                _open.TryRemove(connection, out _);
                var reason = PeerFaults.Describe(fault, peer.Certificate.Certificate, own.PeerName);
                LogInformationEnded(peer.Name, reason);
                connection.Abort(new ConnectionAbortedException($"The certificate of {peer.Name} {reason}."));
            }

            peer.JudgedBy = by;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "A connection between two silos ends, and may be made anew: the certificate of {Peer} {Reason}.")]
    private partial void LogInformationEnded(string peer, string reason);

    private sealed class Peer(string name, PeerCertificate certificate, CertificateSet judgedBy)
    {
        public string Name => name;

        public PeerCertificate Certificate => certificate;

        public CertificateSet JudgedBy { get; set; } = judgedBy;
    }

    private sealed class Removal(PeerConnections connections, ConnectionContext connection) : IDisposable
    {
        public void Dispose() => connections._open.TryRemove(connection, out _);
    }
}

/// <summary>A certificate that another silo has shown, kept while its connection is open.</summary>
internal sealed class PeerCertificate
{
    private readonly X509Certificate2Collection _between = [];

    /// <param name="chain">As it was built for it. What belongs to it is gone after the handshake.</param>
    public PeerCertificate(X509Certificate2 certificate, X509Chain chain)
    {
        Certificate = X509CertificateLoader.LoadCertificate(certificate.RawDataMemory.Span);
        foreach (var other in chain.ChainPolicy.ExtraStore)
        {
            _between.Add(X509CertificateLoader.LoadCertificate(other.RawDataMemory.Span));
        }

        Until = UntilOf(chain);
    }

    public X509Certificate2 Certificate { get; }

    /// <summary>When the first one ends of it and its authorities.</summary>
    public DateTimeOffset Until { get; private set; }

    public PeerFault Judge(CertificateSet by, string name, DateTimeOffset now)
    {
        using var chain = PeerFaults.Build(Certificate, _between, by, now);
        Until = UntilOf(chain);
        return PeerFaults.Judge(Certificate, chain, name, now);
    }

    private static DateTimeOffset UntilOf(X509Chain chain) => chain.ChainElements.Select(static element => new DateTimeOffset(element.Certificate.NotAfter)).DefaultIfEmpty().Min();
}

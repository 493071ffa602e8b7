using KubeCop.Core.Workloads;
using KubeCop.Host.Configuration;
using KubeCop.Host.Node;
using Microsoft.Extensions.Options;

namespace KubeCop.Host.Tls;

/// <summary>
/// Looks at this node's certificates while it runs, and says what is wrong with them. Connections with other silos are held against those that came in their
/// place. That of the endpoints is put where the verbs of the command line find it.
/// </summary>
internal sealed partial class CertificateWatch(
    NodeCertificates certificates,
    PeerConnections connections,
    IOptions<ClusterOptions> cluster,
    IOptions<NodeOptions> node,
    TimeProvider time,
    ILogger<CertificateWatch> logger) : BackgroundService
{
    /// <summary>A new certificate is in use after two of them.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly Dictionary<NodeCertificate, string?> _told = [];
    private readonly Dictionary<NodeCertificate, string> _failures = [];
    private CertificateSet? _published;
    private string? _publishFailure;

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (cluster.Value is { Membership: not Membership.None, Tls.Mode: TlsMode.None })
        {
            LogWarningWithoutTls();
        }

        if (certificates.Http is null)
        {
            Publish(null);
        }

        LookAtAll();
        return base.StartAsync(cancellationToken);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!certificates.All.Any())
        {
            return;
        }

        using var timer = new PeriodicTimer(Period, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            LookAtAll();
        }
    }

    private void LookAtAll()
    {
        foreach (var certificate in certificates.All)
        {
            try
            {
                Look(certificate);
                _failures.Remove(certificate);
            }
            catch (Exception exception)
            {
                // Whatever it is, the certificate of before is in use, and the next look may be a better one.
                if (exception.Message != _failures.GetValueOrDefault(certificate))
                {
                    LogWarningNotLooked(certificate.Files.Name, exception);
                }

                _failures[certificate] = exception.Message;
            }
        }
    }

    private void Look(NodeCertificate certificate)
    {
        if (certificate.Look())
        {
            LogInformationReplaced(certificate.Files.Name, PeerFaults.Time(certificate.Files.Current.Until));
        }

        if (certificate.Fault is { } fault && fault != _told.GetValueOrDefault(certificate))
        {
            LogWarningFault(fault);
        }

        _told[certificate] = certificate.Fault;
        if (certificate == certificates.Cluster)
        {
            connections.Review(certificate);
        }
        else if (certificate.Files.Current != _published)
        {
            // Again with each look, until it is there: the disk may have been full.
            Publish(certificate.Files.Current);
        }
    }

    private void Publish(CertificateSet? set)
    {
        var file = NodeFiles.HttpCertificateFile(node.Value.DataDirectory);
        try
        {
            if (set is null)
            {
                File.Delete(file);
            }
            else
            {
                NodeFiles.WritePrivate(file, set.Certificate.ExportCertificatePem() + "\n");
            }

            (_published, _publishFailure) = (set, null);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            if (exception.Message != _publishFailure)
            {
                LogWarningNotPublished(file, exception.Message);
            }

            _publishFailure = exception.Message;
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The certificate in {File} was replaced by one that is valid until {Until}. New connections use it.")]
    private partial void LogInformationReplaced(string file, string until);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The certificate in {File} could not be looked at; it is used as it was.")]
    private partial void LogWarningNotLooked(string file, Exception exception);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Fault}")]
    private partial void LogWarningFault(string fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The endpoints' certificate could not be put into {File}; verbs that talk to this silo need --cacert until it is. {Reason}")]
    private partial void LogWarningNotPublished(string file, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The silos of this cluster prove nothing to each other (KubeCop:Cluster:Tls:Mode none): whoever reaches their port can change what is detected.")]
    private partial void LogWarningWithoutTls();
}

using KubeCop.Core.Workloads;
using KubeCop.Host.Configuration;
using KubeCop.Host.Node;
using Microsoft.Extensions.Options;

namespace KubeCop.Host.Tls;

/// <summary>Looks at this node's certificates while it runs, and says what is wrong with them. That of the endpoints is put where the verbs of the command line find it.</summary>
internal sealed partial class CertificateWatch(
    NodeCertificates certificates, IOptions<ClusterOptions> cluster, IOptions<NodeOptions> node, TimeProvider time, ILogger<CertificateWatch> logger) : BackgroundService
{
    /// <summary>A new certificate is in use after two of them.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private readonly Dictionary<NodeCertificate, string?> _told = [];

    public override Task StartAsync(CancellationToken cancellationToken)
    {
        if (cluster.Value is { Membership: not Membership.None, Tls.Mode: TlsMode.None })
        {
            LogWarningWithoutTls();
        }

        Publish();
        Look();
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
            Look();
        }
    }

    private void Look()
    {
        foreach (var certificate in certificates.All)
        {
            if (certificate.Look())
            {
                LogInformationReplaced(certificate.Files.Name, PeerFaults.Time(certificate.Files.Current.Until));
                Publish();
            }

            if (certificate.Fault is { } fault && fault != _told.GetValueOrDefault(certificate))
            {
                LogWarningFault(fault);
            }

            _told[certificate] = certificate.Fault;
        }
    }

    private void Publish()
    {
        var file = NodeFiles.HttpCertificateFile(node.Value.DataDirectory);
        try
        {
            if (certificates.Http is { } http)
            {
                NodeFiles.WritePrivate(file, http.Files.Current.Certificate.ExportCertificatePem() + "\n");
            }
            else
            {
                File.Delete(file);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogWarningNotPublished(file, exception.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "The certificate in {File} was replaced by one that is valid until {Until}. New connections use it.")]
    private partial void LogInformationReplaced(string file, string until);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Fault}")]
    private partial void LogWarningFault(string fault);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The endpoints' certificate could not be put into {File}; verbs that talk to this silo need --cacert. {Reason}")]
    private partial void LogWarningNotPublished(string file, string reason);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The silos of this cluster prove nothing to each other (KubeCop:Cluster:Tls:Mode none): whoever reaches their port can change what is detected.")]
    private partial void LogWarningWithoutTls();
}

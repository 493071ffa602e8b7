using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using KubeCop.Core.Alerts;

namespace KubeCop.Exporters.Syslog;

/// <summary>Sends alerts to a syslog server, as messages of RFC 5424.</summary>
internal sealed class SyslogExporter : IAlertExporter, IDisposable
{
    private readonly SyslogOptions _options;
    private readonly ISyslogTransport _transport;

    public SyslogExporter(SyslogOptions options)
    {
        _options = options;
        var (host, port) = options.ReadAddress()!.Value;
        Receiver = new UriBuilder(options.Protocol.ToString().ToLowerInvariant(), host, port).Uri.GetLeftPart(UriPartial.Authority);
        _transport = options.Protocol == SyslogProtocol.Udp
            ? new DatagramTransport(host, port, options.DatagramsPerSecond)
            : new StreamTransport(host, port, options.Timeout, options.Protocol == SyslogProtocol.Tls ? options.Tls : null);
    }

    public string Name => "syslog";

    public string Receiver { get; }

    public bool IsRetried => true;

    public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
    {
        var sent = 0;
        try
        {
            return _transport.Send([.. batch.Select(alert => SyslogMessage.Write(alert, _options, _options.MessageBytes))], count => sent = count, cancellationToken);
        }
        catch (Exception exception) when (cancellationToken.IsCancellationRequested)
        {
            _transport.Reset();
            throw new OperationCanceledException("The node ends.", exception, cancellationToken);
        }
        catch (SocketException exception) when (exception.SocketErrorCode == SocketError.MessageSize)
        {
            throw new AlertsRefusedException($"{Receiver}: a message is too long for a datagram; lower {SyslogOptions.Section}:{nameof(SyslogOptions.MaxMessageBytes)}.", exception);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or SocketException or AuthenticationException or CryptographicException or TimeoutException)
        {
            _transport.Reset();
            throw new ReceiverAwayException($"{Receiver} cannot be reached: {_options.Tls.Explain(exception) ?? exception.Message}", sent, inner: exception);
        }
    }

    public void Dispose() => _transport.Dispose();
}

using KubeCop.Exporters.Receivers;

namespace KubeCop.Exporters.Syslog;

/// <summary>How syslog messages travel.</summary>
public enum SyslogProtocol
{
    /// <summary>A datagram each (RFC 5426). Nobody tells whether it arrived.</summary>
    Udp,

    /// <summary>Messages with their length before them on a connection (RFC 6587, octet counting).</summary>
    Tcp,

    /// <summary>The same inside TLS (RFC 5425).</summary>
    Tls,
}

/// <summary>A syslog server. Section <c>KubeCop:Export:Syslog</c>.</summary>
public sealed class SyslogOptions
{
    public const string Section = "KubeCop:Export:Syslog";

    /// <summary>
    /// Where it is: <c>host[:port]</c>, port 514 by default, 6514 with TLS (RFC 5425). Default: that of <c>SYSLOG_HOST</c>, else empty, for none.
    /// </summary>
    public string Address { get; set; } = "";

    /// <summary><c>udp</c>, <c>tcp</c> or <c>tls</c>. Default: that of <c>SYSLOG_PROTOCOL</c>, else udp.</summary>
    public SyslogProtocol Protocol { get; set; } = SyslogProtocol.Udp;

    /// <summary>Facility of the messages, 0 to 23 (RFC 5424, 6.2.1). Default: 13, log audit.</summary>
    public int Facility { get; set; } = 13;

    /// <summary>
    /// The private enterprise number after the <c>@</c> of our structured data (RFC 5424, 7.2.2). Default: 32473, which is nobody's and meant for examples
    /// (RFC 5612); use your own where your receivers ask for it.
    /// </summary>
    public int EnterpriseNumber { get; set; } = 32473;

    /// <summary>
    /// Bytes of a message, 2048 to 65000. What is too long is shortened: the longest values first, the message last. Default: 0, for 2048 in datagrams,
    /// which every receiver should take (RFC 5424, 6.1), and 8192 on connections.
    /// </summary>
    public int MaxMessageBytes { get; set; }

    /// <summary>
    /// How many datagrams are sent a second, but for the first 64: a receiver that reads more slowly loses them, without anybody noticing. 0 to
    /// 1 000 000; 0 for as many as there are. Default: 1000.
    /// </summary>
    public int DatagramsPerSecond { get; set; } = 1000;

    /// <summary>How long to wait for a connection, and for the receiver's machine to acknowledge what was sent, 100 ms to 5 minutes. Default: 10 s.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    public ReceiverTlsOptions Tls { get; set; } = new();

    internal int MessageBytes => MaxMessageBytes > 0 ? MaxMessageBytes : Protocol == SyslogProtocol.Udp ? 2048 : 8192;

    /// <returns>A sentence that begins with the option's name; null when all are right.</returns>
    public string? FindMistake() =>
        Address.Length > 0 && ReadAddress() is null ? $"{nameof(Address)} (SYSLOG_HOST) '{Address}' is not accepted; expected HOST[:PORT], an IPv6 address in brackets."
        : Facility is < 0 or > 23 ? $"{nameof(Facility)} '{Facility}' is not accepted; expected 0 to 23."
        : EnterpriseNumber < 1 ? $"{nameof(EnterpriseNumber)} '{EnterpriseNumber}' is not accepted; expected a number from 1."
        : MaxMessageBytes is not 0 and (< 2048 or > 65000) ? $"{nameof(MaxMessageBytes)} '{MaxMessageBytes}' is not accepted; expected 2048 to 65000, or 0."
        : DatagramsPerSecond is < 0 or > 1_000_000 ? $"{nameof(DatagramsPerSecond)} '{DatagramsPerSecond}' is not accepted; expected 0 to 1000000."
        : Timeout < TimeSpan.FromMilliseconds(100) || Timeout > TimeSpan.FromMinutes(5) ? $"{nameof(Timeout)} '{Timeout}' is not accepted; expected 00:00:00.1 to 5m."
        : Tls.FindMistake() is { } mistake ? $"{nameof(Tls)}: {mistake}"
        : null;

    /// <returns>Null when <see cref="Address"/> is none.</returns>
    internal (string Host, int Port)? ReadAddress() =>
        Uri.TryCreate($"syslog://{Address}", UriKind.Absolute, out var uri) && uri is { UserInfo: "", PathAndQuery: "/" or "", Fragment: "", Host.Length: > 0, Port: not 0 }
            && !Address.EndsWith('/')
            ? (uri.IdnHost, uri.Port > 0 ? uri.Port : Protocol == SyslogProtocol.Tls ? 6514 : 514)
            : null;
}

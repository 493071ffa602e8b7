using KubeCop.Exporters.Receivers;

namespace KubeCop.Exporters.Http;

/// <summary>A receiver of KubeCop's own JSON. Section <c>KubeCop:Export:Http</c>.</summary>
public sealed class HttpExporterOptions : HttpReceiverOptions
{
    public const string Section = "KubeCop:Export:Http";

    /// <summary>Where it is, <c>http(s)://host[:port]/path</c>. Default: that of <c>HTTP_ENDPOINT_URL</c>, else empty, for none.</summary>
    public string Url { get; set; } = "";

    /// <summary><c>POST</c> or <c>PUT</c>. Default: POST.</summary>
    public string Method { get; set; } = "POST";

    /// <summary>The most alerts of a request, 1 to 10000. Default: 256.</summary>
    public int BatchSize { get; set; } = 256;

    /// <summary>
    /// The most alerts in a minute, from 1; 0 for no limit. That there are more is told as <c>AlertLimitReached</c>, once in that minute; they wait for the next
    /// one. Default: 10000.
    /// </summary>
    public int MaxAlertsPerMinute { get; set; } = 10_000;

    /// <summary>
    /// A file with a secret that the receiver knows too: requests then have <c>X-KubeCop-Timestamp</c> (seconds since 1970) and
    /// <c>X-KubeCop-Signature: sha256=HEX</c>, the HMAC-SHA256 of timestamp, a dot and the body. Default: empty, for none.
    /// </summary>
    public string HmacKeyFile { get; set; } = "";

    /// <returns>A sentence that begins with the option's name; null when all are right.</returns>
    public string? FindMistake() =>
        Url.Length > 0 && ReadUrl(Url) is null ? $"{nameof(Url)} (HTTP_ENDPOINT_URL) '{Shown(Url)}' is not accepted; expected http(s)://HOST[:PORT]/PATH, without a user."
        : Method is not ("POST" or "PUT") ? $"{nameof(Method)} '{Method}' is not accepted; expected POST or PUT."
        : BatchSize is < 1 or > 10_000 ? $"{nameof(BatchSize)} '{BatchSize}' is not accepted; expected 1 to 10000."
        : MaxAlertsPerMinute < 0 ? $"{nameof(MaxAlertsPerMinute)} '{MaxAlertsPerMinute}' is not accepted; expected a number from 0."
        : FindHttpMistake();
}

namespace KubeCop.Exporters.Receivers;

/// <summary>How to speak to a receiver over HTTP. Secrets are in files, read anew for each request, so that they can be replaced at any time.</summary>
public abstract class HttpReceiverOptions
{
    /// <summary>How long to wait for an answer, 100 ms to 5 minutes. Default: 10 s.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>A file with a bearer token. Default: empty, for none.</summary>
    public string TokenFile { get; set; } = "";

    /// <summary>The user for basic authentication. Default: empty, for none.</summary>
    public string Username { get; set; } = "";

    /// <summary>A file with the password of <see cref="Username"/>. Default: empty.</summary>
    public string PasswordFile { get; set; } = "";

    /// <summary>Further headers of each request. Default: empty.</summary>
    public IDictionary<string, string> Headers { get; } = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);

    public ReceiverTlsOptions Tls { get; set; } = new();

    /// <returns>A sentence that begins with the option's name; null when all are right.</returns>
    internal string? FindHttpMistake() =>
        Timeout < TimeSpan.FromMilliseconds(100) || Timeout > TimeSpan.FromMinutes(5) ? $"{nameof(Timeout)} '{Timeout}' is not accepted; expected 00:00:00.1 to 5m."
        : TokenFile.Length > 0 && Username.Length > 0 ? $"{nameof(TokenFile)} and {nameof(Username)} exclude each other."
        : (Username.Length > 0) != (PasswordFile.Length > 0) ? $"{nameof(Username)} and {nameof(PasswordFile)} belong together: give both or none."
        : Tls.FindMistake() is { } mistake ? $"{nameof(Tls)}: {mistake}"
        : Headers.Keys.FirstOrDefault(static name => !IsHeader(name)) is { } header ? $"{nameof(Headers)}: '{header}' cannot be set; expected the name of a header other than those of HTTP itself."
        : null;

    /// <summary>Reads <c>http(s)://host[:port][/path]</c>.</summary>
    /// <returns>Null when it is none.</returns>
    internal static Uri? ReadUrl(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var url) && url.Scheme is "http" or "https" && url.UserInfo.Length == 0 && url.Host.Length > 0 ? url : null;

    /// <summary>A URL as messages show it: not with what may be a password.</summary>
    internal static string Shown(string url) => url.LastIndexOf('@') is var at and >= 0 ? $"…{url[at..]}" : url.Split('?')[0];

    private static bool IsHeader(string name)
    {
        using var request = new HttpRequestMessage();
        try
        {
            return request.Headers.TryAddWithoutValidation(name, "") && !name.Equals("Host", StringComparison.OrdinalIgnoreCase);
        }
        catch (FormatException)
        {
            return false;
        }
    }
}

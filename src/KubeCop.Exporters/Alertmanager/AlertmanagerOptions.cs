using KubeCop.Exporters.Receivers;

namespace KubeCop.Exporters.Alertmanager;

/// <summary>Prometheus Alertmanagers. Section <c>KubeCop:Export:Alertmanager</c>.</summary>
public sealed class AlertmanagerOptions : HttpReceiverOptions
{
    public const string Section = "KubeCop:Export:Alertmanager";

    private const string ApiPath = "/api/v2/alerts";

    /// <summary>
    /// Where they are: <c>http(s)://host[:port][/prefix]</c>, or <c>host:port</c> for plain HTTP. Each gets all alerts, as Alertmanagers that form a
    /// cluster expect. Default: those of <c>ALERTMANAGER_URLS</c>, else empty.
    /// </summary>
    public IList<string> Urls { get; } = [];

    /// <summary>
    /// How long after it was last seen an alert counts as firing, 1 minute to 24 hours. Longer than the <c>group_wait</c> of the routes, or nobody is
    /// told of it. Default: 5 minutes.
    /// </summary>
    public TimeSpan ResolveAfter { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>Labels that all alerts get besides their own, such as the cluster's name. Default: empty.</summary>
    public IDictionary<string, string> Labels { get; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <returns>A sentence that begins with the option's name; null when all are right.</returns>
    public string? FindMistake() =>
        Urls.FirstOrDefault(static url => EndpointOf(url) is null) is { } wrong
            ? $"{nameof(Urls)} (ALERTMANAGER_URLS) '{Shown(wrong)}' is not accepted; expected HOST:PORT or http(s)://HOST[:PORT][/PREFIX], without a user."
        : Urls.Select(static url => NameOf(EndpointOf(url)!)).Distinct().Count() < Urls.Count ? $"{nameof(Urls)} (ALERTMANAGER_URLS) has the same Alertmanager twice."
        : ResolveAfter < TimeSpan.FromMinutes(1) || ResolveAfter > TimeSpan.FromHours(24) ? $"{nameof(ResolveAfter)} '{ResolveAfter}' is not accepted; expected 1m to 24h."
        : Labels.Keys.FirstOrDefault(static name => !IsLabel(name)) is { } label ? $"{nameof(Labels)}: '{label}' is no label; expected letters, digits and _, a letter first."
        : FindHttpMistake();

    /// <summary>Of the exporter: of http and https to one address there is but one.</summary>
    internal static string NameOf(Uri endpoint) => $"alertmanager:{endpoint.Authority}{endpoint.AbsolutePath[..^ApiPath.Length]}";

    /// <summary>The API's address for an entry of <see cref="Urls"/>.</summary>
    internal static Uri? EndpointOf(string url)
    {
        var isUrl = url.Contains("://", StringComparison.Ordinal);
        return ReadUrl(isUrl ? url : $"http://{url}") is { Query: "", Fragment: "" } parsed && (isUrl || (parsed.AbsolutePath == "/" && url.Contains(':', StringComparison.Ordinal)))
            ? new Uri($"{parsed.GetLeftPart(UriPartial.Path).TrimEnd('/')}{ApiPath}")
            : null;
    }

    private static bool IsLabel(string name) =>
        name.Length > 0 && (char.IsAsciiLetter(name[0]) || name[0] == '_') && name.All(static c => char.IsAsciiLetterOrDigit(c) || c == '_');
}

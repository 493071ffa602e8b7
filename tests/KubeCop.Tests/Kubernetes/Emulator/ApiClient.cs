using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using KubeCop.Testing.Kubernetes;

namespace KubeCop.Tests.Kubernetes.Emulator;

/// <summary>A plain HTTP client of the server, to see what it says to the letter.</summary>
internal sealed class ApiClient : IDisposable
{
    public const string Profiles = "/apis/kubescape.io/v1/namespaces/default/applicationprofiles";

    private readonly HttpClient _http;

    public ApiClient(ApiServer server, string? token = null)
    {
        _http = new HttpClient(new SocketsHttpHandler { SslOptions = { RemoteCertificateValidationCallback = static (_, _, _, _) => true } })
        {
            BaseAddress = new Uri(server.Url),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token ?? server.AdminToken);
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("emulator-tests/1.0");
    }

    public static string Profile(string name, string rest = "") =>
        $$"""{"apiVersion":"kubescape.io/v1","kind":"ApplicationProfile","metadata":{"name":"{{name}}"},"spec":{"containers":[{"name":"web","syscalls":["read"]}]}{{rest}}}""";

    public async Task<ApiResponse> SendAsync(HttpMethod method, string path, string? body = null, string contentType = "application/json", string accept = "application/json")
    {
        using var request = new HttpRequestMessage(method, path);
        request.Headers.Accept.ParseAdd(accept);
        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8, contentType);
        }

        using var response = await _http.SendAsync(request, TestContext.Current.CancellationToken);
        var text = await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        return new ApiResponse(
            (int)response.StatusCode,
            response.Content.Headers.ContentType?.MediaType == "application/json" ? JsonNode.Parse(text)!.AsObject() : [],
            text,
            response.Headers.TryGetValues("Warning", out var warnings) ? [.. warnings] : []);
    }

    public Task<ApiResponse> GetAsync(string path, string accept = "application/json") => SendAsync(HttpMethod.Get, path, accept: accept);

    public Task<ApiResponse> PostAsync(string path, string body) => SendAsync(HttpMethod.Post, path, body);

    public Task<ApiResponse> PutAsync(string path, JsonObject body) => SendAsync(HttpMethod.Put, path, body.ToJsonString());

    public Task<ApiResponse> MergeAsync(string path, string patch) => SendAsync(HttpMethod.Patch, path, patch, "application/merge-patch+json");

    /// <summary>Opens a watch; its events come one by one.</summary>
    public async Task<WatchReader> WatchAsync(string path, string accept = "application/json")
    {
        var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Accept.ParseAdd(accept);
        var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)response.StatusCode);
        return new WatchReader(response, await response.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
    }

    public void Dispose() => _http.Dispose();
}

internal sealed record ApiResponse(int Code, JsonObject Body, string Text, IReadOnlyList<string> Warnings)
{
    public string Message => Body["message"]?.GetValue<string>() ?? Text;

    public string Reason => Body["reason"]?.GetValue<string>() ?? "";

    public string Version => Body["metadata"]!["resourceVersion"]!.GetValue<string>();
}

internal sealed class WatchReader(HttpResponseMessage response, Stream stream) : IDisposable
{
    private readonly StreamReader _lines = new(stream);

    /// <returns>The next event; null when the watch has ended.</returns>
    public async Task<JsonObject?> NextAsync() =>
        await _lines.ReadLineAsync(TestContext.Current.CancellationToken) is { } line ? JsonNode.Parse(line)!.AsObject() : null;

    /// <returns>Type and name of the next event.</returns>
    public async Task<string> NextNameAsync() =>
        await NextAsync() is { } next ? $"{next["type"]} {next["object"]!["metadata"]!["name"]}" : "end";

    public void Dispose()
    {
        _lines.Dispose();
        response.Dispose();
    }
}

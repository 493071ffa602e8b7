using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using KubeCop.Host.Http;

namespace KubeCop.Host.Client;

/// <summary>There is no silo to talk to.</summary>
internal sealed class NoSiloException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The silo refused a request; the message is its reason.</summary>
internal sealed class RequestRefusedException(HttpStatusCode status, string message) : Exception(message)
{
    public HttpStatusCode Status { get; } = status;
}

/// <summary>Speaks to a running silo's <c>/api/v1</c>, for the verbs of the command line.</summary>
/// <param name="authorityFile">The authorities of its certificate; null for what <see cref="ServerTrust"/> finds.</param>
internal sealed class NodeClient(NodeAddress address, string? authorityFile = null) : IDisposable
{
    private readonly HttpClient _http = new(new SocketsHttpHandler
    {
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        SslOptions = ServerTrust.Options(authorityFile, address.CertificateFile),
    })
    {
        BaseAddress = address.Uri,
        Timeout = TimeSpan.FromSeconds(100),
    };

    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Get, path, content: null, address.FindToken(), cancellationToken);
        return await response.Content.ReadFromJsonAsync(type, cancellationToken) ?? throw new JsonException($"{path} answered null.");
    }

    public async Task<byte[]> GetBytesAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Get, path, content: null, address.FindToken(), cancellationToken);
        return await response.Content.ReadAsByteArrayAsync(cancellationToken);
    }

    /// <summary>Asks for a change, with the token that proves that we may read the data directory.</summary>
    /// <returns>What there is to say about it; empty when there is nothing.</returns>
    public Task<string> PostAsync<T>(string path, T body, JsonTypeInfo<T> type, CancellationToken cancellationToken) =>
        PostAsync(path, JsonContent.Create(body, type), cancellationToken);

    /// <inheritdoc cref="PostAsync{T}"/>
    public async Task<string> PostAsync(string path, HttpContent content, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(HttpMethod.Post, path, content, address.ReadToken(), cancellationToken);
        return await response.Content.ReadAsStringAsync(cancellationToken);
    }

    public void Dispose() => _http.Dispose();

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string path, HttpContent? content, string? token, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(method, path) { Content = content };
        request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        try
        {
            var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (response.IsSuccessStatusCode)
            {
                return response;
            }

            using (response)
            {
                var advice = response.StatusCode == HttpStatusCode.Unauthorized && token is null
                    ? $" None was sent: set {NodeAddress.TokenVariable}, or run this on the silo's machine as its user, with its --data-dir."
                    : "";
                throw new RequestRefusedException(response.StatusCode, await ReasonAsync(response, cancellationToken) + advice);
            }
        }
        catch (HttpRequestException exception) when (exception.HttpRequestError == HttpRequestError.SecureConnectionError)
        {
            throw new UsageException(
                $"{address.Uri} ({address.Source}) is not believed to be the silo: {exception.InnerException?.Message ?? exception.Message} "
                + "Give its --data-dir, where its certificate is, or its certificate's authorities with --cacert FILE.");
        }
        catch (HttpRequestException exception) when (exception.InnerException is SocketException or IOException || exception.HttpRequestError == HttpRequestError.ConnectionError)
        {
            throw new NoSiloException($"No silo answers at {address.Uri} ({address.Source}). Start one with 'kubecop run', or name it with --http ADDRESS:PORT.", exception);
        }
    }

    private static async Task<string> ReasonAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        if (response.Content.Headers.ContentType?.MediaType == Problem.ContentType)
        {
            var problem = await response.Content.ReadFromJsonAsync(ApiJson.Default.ProblemView, cancellationToken);
            return problem?.Detail ?? problem?.Title ?? response.StatusCode.ToString();
        }

        return $"The silo answered {(int)response.StatusCode} {response.ReasonPhrase}.";
    }
}

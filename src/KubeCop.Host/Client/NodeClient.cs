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
        Timeout = TimeSpan.FromSeconds(100),
    };

    private Uri? _base = address.IsSchemeKnown ? address.Uri : null;

    /// <param name="isGuarded">Whether it needs the token that proves that we may read the data directory.</param>
    public async Task<T> GetAsync<T>(string path, JsonTypeInfo<T> type, CancellationToken cancellationToken, bool isGuarded = false)
    {
        using var response = await SendAsync(HttpMethod.Get, path, content: null, isGuarded ? address.ReadToken() : address.FindToken(), cancellationToken);
        return await response.Content.ReadFromJsonAsync(type, cancellationToken) ?? throw new JsonException($"{path} answered null.");
    }

    /// <inheritdoc cref="GetAsync"/>
    public async Task<byte[]> GetBytesAsync(string path, CancellationToken cancellationToken, bool isGuarded = false)
    {
        using var response = await SendAsync(HttpMethod.Get, path, content: null, isGuarded ? address.ReadToken() : address.FindToken(), cancellationToken);
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
        var uri = address.Uri;
        try
        {
            uri = _base ??= await FindBaseAsync(cancellationToken);
            using var request = new HttpRequestMessage(method, new Uri(uri, path)) { Content = content };
            request.Headers.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
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
                $"{uri} ({address.Source}) is not believed to be the silo: {ServerTrust.Explain(exception)}. "
                + "Give its --data-dir, where its certificate is, or its certificate's authorities with --cacert FILE.");
        }
        catch (HttpRequestException exception) when (IsNotHttp(exception))
        {
            throw new NoSiloException(
                $"What is at {uri} ({address.Source}) has ended the connection without an answer."
                + (uri.Scheme == Uri.UriSchemeHttp ? $" If it is a silo with a certificate, its address is https://{uri.Authority}." : ""),
                exception);
        }
        catch (HttpRequestException exception) when (exception.InnerException is SocketException or IOException || exception.HttpRequestError == HttpRequestError.ConnectionError)
        {
            throw new NoSiloException($"No silo answers at {uri} ({address.Source}). Start one with '{ProgramName.Value} run', or name it with --http ADDRESS:PORT.", exception);
        }
    }

    /// <summary>Asks in plain HTTP whether that is what is spoken there: without the token, which is not to be read on the way to a silo that has a certificate.</summary>
    private async Task<Uri> FindBaseAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(address.Uri, HealthEndpoints.LivePath), HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return address.Uri;
        }
        catch (HttpRequestException exception) when (IsNotHttp(exception))
        {
            return new UriBuilder(address.Uri) { Scheme = Uri.UriSchemeHttps }.Uri;
        }
    }

    /// <summary>There is somebody, and what he says is not HTTP: TLS ends a connection that does not begin as it does.</summary>
    private static bool IsNotHttp(HttpRequestException exception) =>
        exception.HttpRequestError is HttpRequestError.ResponseEnded or HttpRequestError.InvalidResponse
        || exception is { InnerException: IOException { InnerException: SocketException { SocketErrorCode: SocketError.ConnectionReset } } };

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

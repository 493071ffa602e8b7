using System.Net;
using System.Net.Http.Headers;
using System.Text;
using KubeCop.Core.Alerts;

namespace KubeCop.Exporters.Receivers;

/// <summary>Sends bodies to a URL and says what the answers mean for the alerts in them.</summary>
internal sealed class HttpReceiver : IDisposable
{
    /// <summary>Characters of an answer's body that are worth telling.</summary>
    private const int MaxDetail = 300;

    private const int MostSecretBytes = 64 * 1024;

    private readonly HttpReceiverOptions _options;
    private readonly HttpClient _client;
    private readonly Uri _url;

    public HttpReceiver(Uri url, HttpReceiverOptions options)
    {
        (_url, _options) = (url, options);

        // A query may hold a key.
        Shown = url.GetLeftPart(UriPartial.Path);
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            ConnectTimeout = options.Timeout,

            // Names may get other addresses, and certificates be replaced.
            PooledConnectionLifetime = TimeSpan.FromMinutes(5),
            UseCookies = false,
            SslOptions = options.Tls.ToClientOptions(url.Host),
        })
        {
            Timeout = options.Timeout,
        };
    }

    /// <summary>The URL, for people.</summary>
    public string Shown { get; }

    /// <param name="addHeaders">Further headers, which depend on the body.</param>
    /// <returns>The status of the answer.</returns>
    /// <exception cref="ReceiverAwayException">No answer, or one that may be another one later.</exception>
    /// <exception cref="AlertsRefusedException">The receiver does not take this body.</exception>
    public string Send(HttpMethod method, ReadOnlyMemory<byte> body, Action<HttpRequestHeaders>? addHeaders, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(method, _url) { Content = new ReadOnlyMemoryContent(body) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            AddHeaders(request.Headers);
            addHeaders?.Invoke(request.Headers);
            using var response = _client.Send(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return response.IsSuccessStatusCode ? Status(response) : throw Refusal(response, cancellationToken);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ReceiverAwayException($"{Shown} did not answer within {_options.Timeout.TotalSeconds:0.#} s.", inner: exception);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException)
        {
            throw new ReceiverAwayException($"{Shown} cannot be reached: {_options.Tls.Explain(exception) ?? exception.Message}", inner: exception);
        }
    }

    public void Dispose() => _client.Dispose();

    /// <summary>A secret that is in a file, without the end of its line.</summary>
    /// <exception cref="ReceiverAwayException">It cannot be read, or is none: somebody has to put that right.</exception>
    public static string ReadSecret(string path)
    {
        try
        {
            return PlainFile.ReadText(path, MostSecretBytes).TrimEnd('\r', '\n') is { Length: > 0 } secret && !secret.AsSpan().ContainsAny('\r', '\n')
                ? secret
                : throw new ReceiverAwayException($"{path} has to have one line with a secret.");
        }
        catch (PlainFileException exception)
        {
            throw new ReceiverAwayException($"A secret cannot be had: {exception.Message}", inner: exception);
        }
    }

    private static string Status(HttpResponseMessage response) => $"{(int)response.StatusCode} {response.ReasonPhrase}".TrimEnd();

    private void AddHeaders(HttpRequestHeaders headers)
    {
        foreach (var (name, value) in _options.Headers)
        {
            headers.TryAddWithoutValidation(name, value);
        }

        if (_options.TokenFile.Length > 0)
        {
            headers.Authorization = new AuthenticationHeaderValue("Bearer", ReadSecret(_options.TokenFile).Trim());
        }
        else if (_options.Username.Length > 0)
        {
            headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{_options.Username}:{ReadSecret(_options.PasswordFile)}")));
        }
    }

    // Only what the body is to blame for is given up. All else, a wrong token or path too, somebody can put right while alerts wait.
    private Exception Refusal(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var message = $"{Shown} answered {Status(response)}{Detail(response, cancellationToken)}";
        return response.StatusCode is HttpStatusCode.BadRequest or HttpStatusCode.RequestEntityTooLarge or HttpStatusCode.UnprocessableEntity
            ? new AlertsRefusedException(message)
            : new ReceiverAwayException(message, retryAfter: RetryAfter(response));
    }

    private static TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } when date > DateTimeOffset.UtcNow => date - DateTimeOffset.UtcNow,
        _ => null,
    };

    private string Detail(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        // The client's own timeout ends with the headers.
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(_options.Timeout);
        try
        {
            var text = TerminalText.Escape(ReadAsync(response, patience.Token).GetAwaiter().GetResult()).Trim();
            return text.Length > 0 ? $": {text}" : ".";
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or OperationCanceledException)
        {
            return ".";
        }
    }

    private static async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var buffer = new byte[MaxDetail];
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        return Encoding.UTF8.GetString(buffer, 0, await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken));
    }
}

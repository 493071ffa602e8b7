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

    private readonly HttpReceiverOptions _options;
    private readonly HttpClient _client;

    public HttpReceiver(Uri url, HttpReceiverOptions options)
    {
        (Url, _options) = (url, options);
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

    public Uri Url { get; }

    /// <param name="addHeaders">Further headers, which depend on the body.</param>
    /// <returns>The status of the answer.</returns>
    /// <exception cref="ReceiverAwayException">No answer, or one that may be another one later.</exception>
    /// <exception cref="AlertsRefusedException">The receiver does not take this body.</exception>
    public string Send(HttpMethod method, ReadOnlyMemory<byte> body, Action<HttpRequestHeaders>? addHeaders, CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(method, Url) { Content = new ReadOnlyMemoryContent(body) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            AddHeaders(request.Headers);
            addHeaders?.Invoke(request.Headers);
            using var response = _client.Send(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            return response.IsSuccessStatusCode ? Status(response) : throw Refusal(response, cancellationToken);
        }
        catch (OperationCanceledException exception) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ReceiverAwayException($"{Url} did not answer within {_options.Timeout.TotalSeconds:0.#} s.", inner: exception);
        }
        catch (Exception exception) when (exception is HttpRequestException or IOException or UnauthorizedAccessException)
        {
            throw new ReceiverAwayException($"{Url} cannot be reached: {_options.Tls.Explain(exception) ?? exception.Message}", inner: exception);
        }
    }

    public void Dispose() => _client.Dispose();

    private static string Status(HttpResponseMessage response) => $"{(int)response.StatusCode} {response.ReasonPhrase}".TrimEnd();

    private void AddHeaders(HttpRequestHeaders headers)
    {
        foreach (var (name, value) in _options.Headers)
        {
            headers.TryAddWithoutValidation(name, value);
        }

        if (_options.TokenFile.Length > 0)
        {
            headers.Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(_options.TokenFile).Trim());
        }
        else if (_options.Username.Length > 0)
        {
            var password = File.ReadAllText(_options.PasswordFile).TrimEnd('\r', '\n');
            headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{_options.Username}:{password}")));
        }
    }

    // Only what the body is to blame for is given up. All else, a wrong token or path too, somebody can put right while alerts wait.
    private Exception Refusal(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var message = $"{Url} answered {Status(response)}{Detail(response, cancellationToken)}";
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

    private static string Detail(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            var buffer = new byte[MaxDetail];
            using var body = response.Content.ReadAsStream(cancellationToken);
            var text = TerminalText.Escape(Encoding.UTF8.GetString(buffer, 0, body.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false))).Trim();
            return text.Length > 0 ? $": {text}" : ".";
        }
        catch (Exception exception) when (exception is IOException or HttpRequestException or OperationCanceledException)
        {
            return ".";
        }
    }
}

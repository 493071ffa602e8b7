using System.Collections.Concurrent;
using System.Net;
using KubeCop.Testing.Storage;

namespace KubeCop.Testing.Receivers;

/// <summary>A request that was answered.</summary>
public sealed record ReceivedRequest(string Method, string Path, WebHeaderCollection Headers, byte[] Body)
{
    /// <summary>Of the answer.</summary>
    public int Status { get; init; }
}

/// <summary>An HTTP server on loopback that keeps what it is sent and answers what a test says.</summary>
public sealed class HttpReceiverServer : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<ReceivedRequest> _requests = new();
    private readonly CancellationTokenSource _stop = new();

    public HttpReceiverServer(int? port = null)
    {
        Port = port ?? ServerProcess.FreePort();
        _listener.Prefixes.Add($"http://127.0.0.1:{Port}/");
        _listener.Start();
        _ = RunAsync();
    }

    public int Port { get; }

    public string Url => $"http://127.0.0.1:{Port}";

    /// <summary>Status, its <c>Retry-After</c> if it has one, and how long to wait before. Default: 200 at once.</summary>
    public Func<ReceivedRequest, (int Status, string? RetryAfter, TimeSpan Delay)> Answer { get; set; } = static _ => (200, null, TimeSpan.Zero);

    /// <summary>All that came, also what was answered with an error.</summary>
    public IReadOnlyCollection<ReceivedRequest> Requests => _requests;

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Close();
    }

    private async Task RunAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ = AnswerAsync(await _listener.GetContextAsync());
            }
            catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        try
        {
            using var body = new MemoryStream();
            await context.Request.InputStream.CopyToAsync(body);
            var request = new ReceivedRequest(context.Request.HttpMethod, context.Request.RawUrl!, (WebHeaderCollection)context.Request.Headers, body.ToArray());
            var (status, retryAfter, delay) = Answer(request);
            await Task.Delay(delay, _stop.Token);
            _requests.Enqueue(request with { Status = status });
            context.Response.StatusCode = status;
            if (retryAfter is not null)
            {
                context.Response.AddHeader("Retry-After", retryAfter);
            }

            context.Response.Close();
        }
        catch (Exception exception) when (exception is HttpListenerException or ObjectDisposedException or OperationCanceledException or InvalidOperationException)
        {
            // The client has gone, or the test has ended.
        }
    }
}

using System.Net;
using System.Text.Json.Nodes;
using KubeCop.Testing.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// A kube-apiserver on loopback, as far as KubeCop and kubectl need one: it follows the documented API of Kubernetes 1.36, and is made to fail
/// in the ways that the real one does. What controllers would do is done only where <see cref="ResourceWriter"/> says it.
/// </summary>
public sealed partial class ApiServer : IAsyncDisposable
{
    /// <summary>The user of <see cref="AdminToken"/>, who may do everything.</summary>
    public const string Admin = "kubernetes-admin";

    /// <summary>What the real server takes (<c>MaxRequestBodyBytes</c> of k8s.io/apiserver).</summary>
    private const int LargestBody = 3 * 1024 * 1024;

    private static readonly TimeSpan TickPeriod = TimeSpan.FromMilliseconds(100);

    private readonly ApiServerOptions _options;
    private readonly ServerCertificate _certificate = new();
    private readonly Access _access = new();
    private readonly ObjectStore _store;
    private readonly ResourceKinds _kinds = new();
    private readonly ResourceReader _reader;
    private readonly ResourceEndpoint _resources;
    private readonly Reviews _reviews;
    private readonly Discovery _discovery;
    private readonly CancellationTokenSource _ended = new();
    private readonly Task _ticking;
    private WebApplication? _listener;

    private ApiServer(ApiServerOptions options)
    {
        _options = options;
        _store = new ObjectStore(options.History);
        _reader = new ResourceReader(_store);
        _resources = new ResourceEndpoint(_store, _kinds, _access, _reader, new ResourceWriter(_store, _kinds, _access, options.Clock), options.Clock);
        _reviews = new Reviews(_access);
        _discovery = new Discovery(_store, _kinds);
        _access.SetRules(Admin, [AccessRule.Everything]);
        AdminToken = _access.Issue(Admin);
        foreach (var name in (string[])["default", "kube-system", "kube-public", "kube-node-lease"])
        {
            Apply(new JsonObject { ["apiVersion"] = "v1", ["kind"] = "Namespace", ["metadata"] = new JsonObject { ["name"] = name } });
        }

        foreach (var definition in options.Definitions)
        {
            Apply(Json.Of(definition));
        }

        _ticking = TickAsync();
    }

    public int Port { get; } = ServerProcess.FreePort();

    public string Url => $"https://127.0.0.1:{Port}";

    public string AdminToken { get; }

    /// <summary>The certificate that clients trust.</summary>
    public string AuthorityPem => _certificate.AuthorityPem;

    /// <summary>Starts one that is empty but for the namespaces of every cluster, and the definitions.</summary>
    public static async Task<ApiServer> StartAsync(ApiServerOptions? options = null)
    {
        var server = new ApiServer(options ?? new ApiServerOptions());
        try
        {
            await server.StartAgainAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Listens again on the same port, with everything it had.</summary>
    public async Task StartAgainAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.Http2.MaxStreamsPerConnection = 250;
            kestrel.Listen(IPAddress.Loopback, Port, listen =>
            {
                listen.Protocols = HttpProtocols.Http1AndHttp2;
                listen.UseHttps(_certificate.Certificate);
            });
        });
        _listener = builder.Build();
        _listener.Run(HandleAsync);
        await _listener.StartAsync();
    }

    /// <summary>Goes away at once, cutting every connection. What it holds stays.</summary>
    public async Task StopAsync()
    {
        if (_listener is { } listener)
        {
            _listener = null;
            await listener.StopAsync(new CancellationToken(canceled: true));
            await listener.DisposeAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        await _ended.CancelAsync();
        await _ticking;
        _ended.Dispose();
        _certificate.Dispose();
    }

    /// <summary>The token of a user who may do what these rules allow, and nothing else.</summary>
    public string AddUser(string user, params IReadOnlyList<AccessRule> rules)
    {
        _access.SetRules(user, rules);
        return _access.Issue(user);
    }

    /// <summary>Another token of a user.</summary>
    public string IssueToken(string user) => _access.Issue(user);

    /// <summary>A token of a user that is not for the API server but for somebody else, as those of projected volumes with an audience.</summary>
    public string IssueToken(string user, string audience) => _access.Issue(user, audience);

    /// <summary>From here on the token is nobody's. What goes on already does so.</summary>
    public void RevokeToken(string token) => _access.Revoke(token);

    /// <summary>Makes every version but the present one too old to watch from, and every list that has begun too old to go on.</summary>
    public void ForgetHistory()
    {
        lock (_store.Gate)
        {
            foreach (var table in _store.Tables)
            {
                table.Forget(0);
            }
        }

        _reader.ForgetSnapshots();
    }

    private async Task HandleAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        var path = request.Path.Value ?? "";
        var call = ApiCall.Parse(request.Method, path, request.Query);
        var counted = call?.Request ?? new ApiRequest("", request.Method.ToLowerInvariant(), path, "", "", "");
        try
        {
            counted = counted with { User = _access.UserOf(request.Headers.Authorization.ToString()) };
            if (call is null)
            {
                await WriteAsync(response, _discovery.Answer(path) ?? ApiAnswer.NoPage, counted);
                return;
            }

            var faults = await SufferAsync(counted, context.RequestAborted);
            if (faults.Any(static fault => fault.Cuts))
            {
                _counts.Count(counted, 0);
                context.Abort();
                return;
            }

            call = call with
            {
                User = counted.User,
                Representation = Representation.Parse(request.Headers.Accept.ToString()),
                Body = await ReadBodyAsync(context),
                ContentType = request.ContentType?.Split(';')[0] ?? "application/json",
                UserAgent = request.Headers.UserAgent.ToString(),
            };
            if (call.Verb == "watch")
            {
                await WatchAsync(context, call, faults);
            }
            else
            {
                await WriteAsync(response, Execute(call), counted);
            }
        }
        catch (ApiStatusException refusal)
        {
            await WriteAsync(response, AnswerOf(refusal), counted);
        }
        catch (OperationCanceledException)
        {
            // The client went, or the server does.
        }
        catch (Exception exception) when (!response.HasStarted)
        {
            await WriteAsync(response, AnswerOf(new ApiStatusException(500, "InternalError", $"Internal error occurred: {exception.Message}")), counted);
        }
    }

    private async Task WatchAsync(HttpContext context, ApiCall call, IReadOnlyList<Fault> faults)
    {
        if (_resources.Admit(ref call, out var selectors) is not { } kind)
        {
            await WriteAsync(context.Response, ApiAnswer.NoPage, call.Request);
            return;
        }

        if (call.Text("sendInitialEvents").Length > 0)
        {
            throw ApiStatusException.NoInitialEvents();
        }

        Watch watch;
        lock (_store.Gate)
        {
            watch = new Watch(_store, call, kind, selectors, _options.Clock, _options.BookmarkPeriod, _options.WatchTimeout);
        }

        foreach (var fault in faults)
        {
            Afflict(watch, fault);
        }

        var counter = _counts.Count(call.Request, 200);
        context.Response.ContentType = "application/json";
        await using var cutting = watch.IsCut.Register(context.Abort);
        await watch.RunAsync(context.Response.BodyWriter, counter.Sent, context.RequestAborted);
    }

    /// <summary>What every request comes to, from outside and from the test itself.</summary>
    private ApiAnswer Execute(ApiCall call) =>
        _resources.Admit(ref call, out var selectors) is not { } kind ? ApiAnswer.NoPage
        : kind.IsReview ? _reviews.Answer(call, kind)
        : _resources.Answer(call, kind, selectors);

    private static ApiAnswer AnswerOf(ApiStatusException refusal) => new(refusal.Code, refusal.ToStatus()) { RetryAfterSeconds = refusal.RetryAfterSeconds };

    private static async Task<ReadOnlyMemory<byte>> ReadBodyAsync(HttpContext context)
    {
        var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (await context.Request.Body.ReadAsync(buffer, context.RequestAborted) is > 0 and var read)
        {
            body.Write(buffer, 0, read);
            if (body.Length > LargestBody)
            {
                throw ApiStatusException.BodyTooLarge(LargestBody);
            }
        }

        return body.ToArray();
    }

    private async Task WriteAsync(HttpResponse response, ApiAnswer answer, ApiRequest request)
    {
        _counts.Count(request, answer.Code).Sent(answer.Body.Length);
        response.StatusCode = answer.Code;
        response.ContentType = answer.ContentType;
        response.ContentLength = answer.Body.Length;
        foreach (var warning in answer.Warnings)
        {
            response.Headers.Append("Warning", $"299 - \"{warning.Replace("\"", "\\\"", StringComparison.Ordinal)}\"");
        }

        if (answer.RetryAfterSeconds is { } seconds)
        {
            response.Headers.RetryAfter = $"{seconds}";
        }

        await response.Body.WriteAsync(answer.Body);
    }

    /// <summary>The one clock of all watches.</summary>
    private async Task TickAsync()
    {
        using var timer = new PeriodicTimer(TickPeriod, _options.Clock);
        try
        {
            while (await timer.WaitForNextTickAsync(_ended.Token))
            {
                var now = _options.Clock.GetUtcNow();
                lock (_store.Gate)
                {
                    foreach (var watch in OpenWatches())
                    {
                        watch.Tick(now);
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Disposed.
        }
    }
}

using System.Globalization;
using System.Net;
using KubeCop.Kubernetes.Access;
using KubeCop.Kubernetes.Api;

namespace KubeCop.Host.Http;

/// <summary>
/// In front of all endpoints: lets a request through to those it has a right to (<see cref="EndpointAccess"/>). Rights have the silo's own
/// token, the dashboard's cookie, and in a cluster the tokens whose owners the API server says may request the path. Where a request is from
/// is decided by its connection alone, never by headers.
/// </summary>
/// <param name="reviews">Null outside of a cluster.</param>
internal sealed partial class AccessControl(AccessToken token, DashboardCookie cookie, TimeProvider time, ILogger<AccessControl> logger, AccessReviews? reviews = null)
{
    private const string Scheme = "Bearer ";

    /// <summary>
    /// What goes before our paths in a ClusterRole's <c>nonResourceURLs</c>. Without it everybody in a cluster would have a right to them: the
    /// role system:discovery gives /api/* to all who have signed in.
    /// </summary>
    private const string Prefix = "/kubecop";

    public const string MetricsPath = "/metrics";

    /// <summary>Strangers decide how often it happens.</summary>
    private static readonly TimeSpan PauseOfLog = TimeSpan.FromMinutes(1);

    private long _told;

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var access = EndpointAccess.Of(context);
        if (access == EndpointAccess.Public || (access == EndpointAccess.Read && IsLocal(context.Connection)) || cookie.Opens(context.Request))
        {
            await next(context);
            return;
        }

        try
        {
            await RequireAsync(context, TokenOf(context.Request), access);
        }
        catch (BadRequestException exception) when (SignIn.IsForPeople(context.Request))
        {
            await SignIn.WriteAsync(context, exception, TokenOf(context.Request).Length > 0);
            return;
        }

        await next(context);
    }

    /// <summary>Whether both ends of a connection are on this machine's loopback.</summary>
    internal static bool IsLocal(ConnectionInfo connection) => IsLoopback(connection.LocalIpAddress) && IsLoopback(connection.RemoteIpAddress);

    /// <summary>Whether who asks for something public may know more than that: who is on this machine, or has the silo's token.</summary>
    public bool MayKnowMore(HttpContext context) => IsLocal(context.Connection) || token.Is(TokenOf(context.Request));

    /// <summary>Asks for all that the cookie then opens, also what grains hold: a right to some pages is none to the others.</summary>
    /// <exception cref="BadRequestException">The token gives no right to every page of the dashboard.</exception>
    public Task RequireDashboardAsync(HttpContext context, string given) =>
        RequireAsync(context, given, "get", $"{Prefix}{Silo.SiloDashboard.Path}/*", "The dashboard");

    private static bool IsLoopback(IPAddress? address) =>
        address is not null && IPAddress.IsLoopback(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address);

    private static string TokenOf(HttpRequest request) =>
        request.Headers.Authorization.ToString() is var header && header.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase) ? header[Scheme.Length..].Trim() : "";

    private Task RequireAsync(HttpContext context, string given, EndpointAccess access)
    {
        var request = context.Request;

        // Who lets Prometheus read metrics of anything in a cluster writes just this.
        var path = request.Path == MetricsPath ? MetricsPath : Prefix + request.Path.Value;
        var subject = access == EndpointAccess.Guarded ? "What changes something or shows what is learned" : "Whatever is asked for from elsewhere than this machine's loopback";
        return RequireAsync(context, given, request.Method.ToLowerInvariant(), path, subject);
    }

    private async Task RequireAsync(HttpContext context, string given, string verb, string path, string subject)
    {
        if (token.Is(given))
        {
            return;
        }

        var answer = reviews is null || given.Length == 0 ? new AccessAnswer(AccessVerdict.UnknownToken, "") : await AskAsync(reviews, context, given, verb, path);
        switch (answer.Verdict)
        {
            case AccessVerdict.Allowed:
                return;
            case AccessVerdict.NotAsked:
                context.Response.Headers.RetryAfter = QuestionLimit.Window.TotalSeconds.ToString("0", CultureInfo.InvariantCulture);
                throw new BadRequestException(
                    $"Too many tokens have to be asked about now. Try again in {QuestionLimit.Window.TotalSeconds:0} s.", StatusCodes.Status429TooManyRequests);
            case AccessVerdict.Forbidden:
                throw new BadRequestException(
                    $"'{answer.User}' may not {verb} {path}. A ClusterRole bound to it has to have: nonResourceURLs: [\"{path}\"], verbs: [\"{verb}\"].",
                    StatusCodes.Status403Forbidden);
            default:
                context.Response.Headers.WWWAuthenticate = "Bearer";
                var others = reviews is null ? "" : $", or of somebody in the cluster with the right to {verb} {path}";
                throw new BadRequestException(
                    $"{(given.Length == 0 ? "" : "This token is not known. ")}{subject} needs a token: the header 'Authorization: Bearer TOKEN' with the content of the file "
                    + $"'token' in the silo's data directory{others}.",
                    StatusCodes.Status401Unauthorized);
        }
    }

    private async Task<AccessAnswer> AskAsync(AccessReviews reviews, HttpContext context, string given, string verb, string path)
    {
        try
        {
            return await reviews.AskAsync(given, verb, path, ClientNetwork.Of(context.Connection.RemoteIpAddress), context.RequestAborted);
        }
        catch (ApiException exception)
        {
            // Who has no right may not know where the API server is, and why it does not answer.
            LogNotAsked(exception.Message);
            throw new BadRequestException(
                $"Whether this token gives a right to {path} cannot be asked now; that of the silo's data directory does. "
                + (IsLocal(context.Connection) ? exception.Message : "The silo's log says why."),
                StatusCodes.Status503ServiceUnavailable);
        }
    }

    private void LogNotAsked(string reason)
    {
        var (now, last) = (time.GetTimestamp(), Volatile.Read(ref _told));
        if ((last == 0 || time.GetElapsedTime(last, now) >= PauseOfLog) && Interlocked.CompareExchange(ref _told, now, last) == last)
        {
            LogWarningNotAsked(reason);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Whether others' tokens give a right to what they request cannot be asked. {Reason}")]
    private partial void LogWarningNotAsked(string reason);
}

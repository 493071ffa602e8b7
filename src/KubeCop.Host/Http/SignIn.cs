using System.Text.Encodings.Web;
using KubeCop.Host.Silo;
using Microsoft.AspNetCore.Http.Features;

namespace KubeCop.Host.Http;

/// <summary>Where somebody with a token gets the dashboard's cookie. The token is in the body of a request, so no history or log has it.</summary>
internal static class SignIn
{
    private const string Path = $"{SiloDashboard.Path}/sign-in";
    private const string Field = "token";

    /// <summary>The longest body that is read, in bytes.</summary>
    private const int MaxBody = 32 * 1024;

    public static void MapSignIn(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(Path, static context => WriteAsync(context, StatusCodes.Status200OK, "")).WithMetadata(EndpointAccess.Public);

        // Open, because it is itself what asks for the token.
        endpoints.MapPost(Path, SignInAsync).WithMetadata(EndpointAccess.Public);
    }

    /// <summary>Whether a page is asked for, by a browser.</summary>
    public static bool IsForPeople(HttpRequest request) =>
        (request.Path == "/" || request.Path.StartsWithSegments(SiloDashboard.Path)) && request.Headers.Accept.ToString().Contains("text/html", StringComparison.OrdinalIgnoreCase);

    /// <summary>Answers a request that was refused with the form.</summary>
    public static Task WriteAsync(HttpContext context, BadRequestException refusal, bool hasToken) =>
        WriteAsync(context, refusal.Status, refusal.Status != StatusCodes.Status401Unauthorized ? refusal.Message : hasToken ? "This token is not known." : "");

    private static Task WriteAsync(HttpContext context, int status, string reason)
    {
        var response = context.Response;
        response.StatusCode = status;
        response.ContentType = "text/html; charset=utf-8";
        response.Headers.CacheControl = "no-store";
        response.Headers.ContentSecurityPolicy = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
        response.Headers["Referrer-Policy"] = "no-referrer";
        return response.WriteAsync(
            $"""
            <!DOCTYPE html>
            <html lang="en">
            <head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>KubeCop</title></head>
            <body>
            <h1>KubeCop</h1>
            <p>{HtmlEncoder.Default.Encode(reason)}</p>
            <form method="post" action="{Path}">
            <label>Token <input name="{Field}" type="password" autocomplete="off" required autofocus></label>
            <button>Sign in</button>
            </form>
            <p>The content of the file 'token' in the silo's data directory, or in a cluster a token with the right to the dashboard.</p>
            </body>
            </html>

            """,
            context.RequestAborted);
    }

    private static async Task SignInAsync(HttpContext context)
    {
        var given = "";
        try
        {
            given = await ReadAsync(context);
            await context.RequestServices.GetRequiredService<AccessControl>().RequireDashboardAsync(context, given);
        }
        catch (BadRequestException exception) when (IsForPeople(context.Request))
        {
            await WriteAsync(context, exception, given.Length > 0);
            return;
        }

        context.RequestServices.GetRequiredService<DashboardCookie>().GiveTo(context);
        context.Response.StatusCode = StatusCodes.Status303SeeOther;
        context.Response.Headers.Location = $"{SiloDashboard.Path}/";
    }

    /// <returns>The token that was typed; empty for none.</returns>
    private static async Task<string> ReadAsync(HttpContext context)
    {
        // Other forms may have files in them, which would be kept on the disk.
        if (context.Request.ContentType?.StartsWith("application/x-www-form-urlencoded", StringComparison.OrdinalIgnoreCase) is not true)
        {
            return "";
        }

        context.Features.GetRequiredFeature<IHttpMaxRequestBodySizeFeature>().MaxRequestBodySize = MaxBody;
        try
        {
            return (await context.Request.ReadFormAsync(context.RequestAborted))[Field].ToString().Trim();
        }
        catch (InvalidDataException exception)
        {
            throw new BadRequestException($"The form cannot be read: {exception.Message}");
        }
    }
}

using System.Globalization;
using System.Security.Cryptography;

namespace KubeCop.Host.Http;

/// <summary>
/// What a browser has after somebody signed in, because it cannot send a token by itself. It opens the dashboard's pages and nothing else:
/// other programs' pages on other ports of this machine are of the same site to a browser, which sends it with their requests too, so nothing
/// may change by it. The token itself is not in it.
/// </summary>
internal sealed class DashboardCookie(AccessToken token, TimeProvider time)
{
    public const string Name = "kubecop-dashboard";

    /// <summary>How long it can be used.</summary>
    public static readonly TimeSpan Lifetime = TimeSpan.FromHours(1);

    public void GiveTo(HttpContext context)
    {
        var ends = (time.GetUtcNow() + Lifetime).ToUnixTimeSeconds();
        context.Response.Cookies.Append(
            Name,
            string.Create(CultureInfo.InvariantCulture, $"{ends}.{Convert.ToHexStringLower(Sign(ends))}"),
            new CookieOptions { Path = Silo.SiloDashboard.Path, HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = context.Request.IsHttps, MaxAge = Lifetime });
    }

    public bool Opens(HttpRequest request)
    {
        if (!HttpMethods.IsGet(request.Method)
            || !request.Path.StartsWithSegments(Silo.SiloDashboard.Path)
            || request.Cookies[Name]?.Split('.') is not [var text, var signature]
            || !long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var ends)
            || ends <= time.GetUtcNow().ToUnixTimeSeconds())
        {
            return false;
        }

        Span<byte> given = stackalloc byte[HMACSHA256.HashSizeInBytes];
        return Convert.FromHexString(signature, given, out _, out var written) == System.Buffers.OperationStatus.Done
            && written == given.Length
            && CryptographicOperations.FixedTimeEquals(given, Sign(ends));
    }

    private byte[] Sign(long ends) => token.Sign(string.Create(CultureInfo.InvariantCulture, $"{Name} until {ends}"));
}

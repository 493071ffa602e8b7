using System.Globalization;

namespace KubeCop.Scanning.Clamd;

/// <summary>What clamd says of itself: <c>ClamAV 1.4.6/27450/Mon Nov 10 08:12:33 2025</c>.</summary>
/// <param name="Engine">Such as <c>ClamAV 1.4.6</c>.</param>
/// <param name="Database">Version of its daily database; null where there is none, as with a database of one's own.</param>
/// <param name="DatabaseTime">When that was made; clamd says it in its own time zone, which is taken for UTC.</param>
internal sealed record ClamdVersion(string Engine, int? Database, DateTimeOffset? DatabaseTime)
{
    /// <returns>Null when that is no version of clamd.</returns>
    public static ClamdVersion? Parse(string text)
    {
        var parts = text.Split('/', 3);
        if (!parts[0].StartsWith("ClamAV ", StringComparison.Ordinal))
        {
            return null;
        }

        var database = parts.Length > 1 && int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out var version) ? version : (int?)null;

        // As ctime(3) writes it, with the day padded by a space.
        var time = parts.Length > 2 && DateTimeOffset.TryParseExact(
            parts[2], "ddd MMM d HH:mm:ss yyyy", CultureInfo.InvariantCulture, DateTimeStyles.AllowWhiteSpaces | DateTimeStyles.AssumeUniversal, out var made)
            ? made : (DateTimeOffset?)null;
        return new ClamdVersion(parts[0], database, time);
    }
}

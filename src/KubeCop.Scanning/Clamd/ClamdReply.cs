using System.Globalization;
using System.Text;

namespace KubeCop.Scanning.Clamd;

/// <summary>Reads clamd's replies (clamd(8)): <c>PATH: SIGNATURE FOUND</c>, <c>PATH: OK</c> or <c>[PATH: ]MESSAGE ERROR</c>. All of it can be an attacker's choice.</summary>
internal static class ClamdReply
{
    private const int MaxTextLength = 256;

    // Those of clamd's messages that have the separator in themselves.
    private static readonly byte[][] MessagesInTwoParts = [": File path check failure"u8.ToArray(), ": lstat() failed"u8.ToArray(), ": Can't open file or directory"u8.ToArray()];

    private static ReadOnlySpan<byte> Separator => ": "u8;

    /// <summary>Takes the number of the command off a reply within a session.</summary>
    /// <returns>False when that is not the number expected.</returns>
    public static bool TryTakeNumber(ReadOnlySpan<byte> reply, uint expected, out ReadOnlySpan<byte> rest)
    {
        var end = reply.IndexOf(Separator);
        rest = end < 0 ? default : reply[(end + Separator.Length)..];
        return end > 0 && uint.TryParse(reply[..end], NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number == expected;
    }

    /// <returns>False when that is no reply of clamd's.</returns>
    /// <param name="path">As clamd names it: its bytes, of any kind. Empty when the reply names none.</param>
    public static bool TryParse(ReadOnlySpan<byte> reply, out ReadOnlySpan<byte> path, out ClamdVerdict verdict)
    {
        path = default;
        verdict = default;
        if (TryTakeEnd(reply, ": OK"u8, out path))
        {
            verdict = ClamdVerdict.Clean;
            return true;
        }

        if (TryTakeEnd(reply, " FOUND"u8, out var found) && found.LastIndexOf(Separator) is var at and >= 0)
        {
            // Names of signatures have no spaces, paths do.
            path = found[..at];
            verdict = FromSignature(Printable(WithoutDetails(found[(at + Separator.Length)..])));
            return true;
        }

        if (TryTakeEnd(reply, " ERROR"u8, out var error))
        {
            path = PathOfError(error);
            var message = path.Length == 0 ? error : error[(path.Length + Separator.Length)..];
            verdict = ClamdVerdict.NotScanned(
                message.StartsWith("INSTREAM size limit exceeded"u8) ? ClamdVerdict.OverLimit.Reason! : $"clamd: {Printable(message.TrimEnd((byte)'.'))}");
            return true;
        }

        return false;
    }

    /// <summary>For people: control characters and what is not ASCII are shown as question marks, what is too long is cut.</summary>
    public static string Printable(ReadOnlySpan<byte> text)
    {
        var builder = new StringBuilder(Math.Min(text.Length, MaxTextLength));
        foreach (var value in text[..Math.Min(text.Length, MaxTextLength)])
        {
            builder.Append(value is >= 0x20 and < 0x7f ? (char)value : '?');
        }

        return builder.ToString();
    }

    // With AlertExceedsMax clamd says of what it gave up that it found something.
    private static ClamdVerdict FromSignature(string signature) =>
        signature.StartsWith("Heuristics.Limits.Exceeded", StringComparison.Ordinal) ? ClamdVerdict.NotScanned($"over a limit of clamd: {signature}")
        : signature.Length == 0 ? ClamdVerdict.Found("unnamed")
        : ClamdVerdict.Found(signature);

    // ExtendedDetectionInfo of clamd.conf: NAME(MD5:SIZE).
    private static ReadOnlySpan<byte> WithoutDetails(ReadOnlySpan<byte> signature)
    {
        var open = signature.LastIndexOf((byte)'(');
        if (open < 1 || signature[^1] != ')')
        {
            return signature;
        }

        var details = signature[(open + 1)..^1];
        var colon = details.IndexOf((byte)':');
        return colon == 32 && details[..colon].IndexOfAnyExcept("0123456789abcdef"u8) < 0 && details[(colon + 1)..].IndexOfAnyExceptInRange((byte)'0', (byte)'9') < 0
            ? signature[..open]
            : signature;
    }

    private static ReadOnlySpan<byte> PathOfError(ReadOnlySpan<byte> error)
    {
        var end = Math.Max(error.LastIndexOf(Separator), 0);
        foreach (var message in MessagesInTwoParts)
        {
            if (error[..end].EndsWith(message))
            {
                return error[..(end - message.Length)];
            }
        }

        return error[..end];
    }

    private static bool TryTakeEnd(ReadOnlySpan<byte> text, ReadOnlySpan<byte> end, out ReadOnlySpan<byte> rest)
    {
        var ends = text.EndsWith(end);
        rest = ends ? text[..^end.Length] : default;
        return ends;
    }
}

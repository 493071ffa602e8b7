using System.Buffers;
using System.Globalization;
using System.Text;

namespace KubeCop.Scanning.Scans;

/// <summary>Paths for people and alerts.</summary>
internal static class PathText
{
    /// <summary>The longest path that a system call takes (PATH_MAX). Walks go deeper, and such a path has megabytes.</summary>
    public const int MaxBytes = 4096;

    private const string Truncated = "(truncated)";

    /// <summary>
    /// The path as UTF-8; bytes that are none as <c>\xff</c>. Of one that is longer than <see cref="MaxBytes"/> its end, behind <c>(truncated)</c>.
    /// </summary>
    public static string Of(ReadOnlySpan<byte> path)
    {
        var text = new StringBuilder(Math.Min(path.Length, MaxBytes));
        if (path.Length > MaxBytes)
        {
            text.Append(Truncated);
            path = path[^MaxBytes..];
        }

        while (!path.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(path, out var rune, out var length) == OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                foreach (var value in path[..length])
                {
                    text.Append(CultureInfo.InvariantCulture, $@"\x{value:x2}");
                }
            }

            path = path[length..];
        }

        return text.ToString();
    }

    /// <summary>The bytes of a path as the sensor writes it (docs/events.md): <c>\xNN</c> stands for a byte, all else for itself.</summary>
    public static byte[] Bytes(string sensorPath)
    {
        var bytes = new List<byte>(sensorPath.Length);
        var rest = sensorPath.AsSpan();
        while (!rest.IsEmpty)
        {
            if (rest.Length >= 4 && rest.StartsWith(@"\x") && byte.TryParse(rest[2..4], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
            {
                bytes.Add(value);
                rest = rest[4..];
                continue;
            }

            var next = rest[1..].IndexOf('\\') is >= 0 and var backslash ? backslash + 1 : rest.Length;
            bytes.AddRange(Encoding.UTF8.GetBytes(rest[..next].ToString()));
            rest = rest[next..];
        }

        return [.. bytes];
    }
}

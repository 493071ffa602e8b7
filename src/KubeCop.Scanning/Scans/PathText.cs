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
}

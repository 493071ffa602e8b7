using System.Buffers;
using System.Globalization;
using System.Text;

namespace KubeCop.Scanning.Scans;

/// <summary>Paths for people and alerts.</summary>
internal static class PathText
{
    /// <summary>The path as UTF-8; bytes that are none as <c>\xff</c>.</summary>
    public static string Of(ReadOnlySpan<byte> path)
    {
        var text = new StringBuilder(path.Length);
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

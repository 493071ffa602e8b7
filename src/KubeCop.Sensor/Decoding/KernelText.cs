using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace KubeCop.Sensor.Decoding;

/// <summary>
/// Paths and arguments are bytes to the kernel and text to people. Valid UTF-8 is taken as it is; any other byte becomes <c>\xNN</c>. So
/// that two different byte strings never become the same text, a backslash before an <c>x</c> is written <c>\x5c</c>.
/// </summary>
internal static class KernelText
{
    public static string Decode(ReadOnlySpan<byte> bytes) =>
        Utf8.IsValid(bytes) && bytes.IndexOf("\\x"u8) < 0 ? Encoding.UTF8.GetString(bytes) : Escape(bytes);

    private static string Escape(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length + 16);
        Span<char> characters = stackalloc char[2];
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var length) == System.Buffers.OperationStatus.Done && !bytes.StartsWith("\\x"u8))
            {
                text.Append(characters[..rune.EncodeToUtf16(characters)]);
            }
            else
            {
                length = 1;
                text.Append("\\x").Append(bytes[0].ToString("x2", CultureInfo.InvariantCulture));
            }

            bytes = bytes[length..];
        }

        return text.ToString();
    }
}

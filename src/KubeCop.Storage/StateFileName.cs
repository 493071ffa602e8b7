using System.Security.Cryptography;
using System.Text;

namespace KubeCop.Storage;

/// <summary>
/// The name of the file or blob of one state of one grain: <c>type@key@state.state</c>, readable for ordinary keys and different for different
/// grains whatever their keys hold.
/// </summary>
internal static class StateFileName
{
    public const string Extension = ".state";

    // File names have at most 255 bytes on Linux; the suffixes of temporary and set-aside files need some of them.
    private const int MaxLength = 200;
    private const int HashLength = 32;

    public static string Of(string stateName, GrainId grain)
    {
        var name = new StringBuilder();
        Escape(name, grain.Type.AsSpan());
        name.Append('@');
        Escape(name, grain.Key.AsSpan());
        name.Append('@');
        Escape(name, Encoding.UTF8.GetBytes(stateName));
        if (name.Length > MaxLength)
        {
            // '~' is escaped in parts, so that no short name looks like a shortened one.
            var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(name.ToString())))[..HashLength];
            name.Length = MaxLength - HashLength - 1;
            name.Append('~').Append(hash);
        }

        return name.Append(Extension).ToString();
    }

    private static void Escape(StringBuilder name, ReadOnlySpan<byte> part)
    {
        foreach (var value in part)
        {
            if (char.IsAsciiLetterOrDigit((char)value) || value is (byte)'-' or (byte)'_' or (byte)'.')
            {
                name.Append((char)value);
            }
            else
            {
                name.Append('%').Append(value.ToString("X2"));
            }
        }
    }
}

using System.Buffers.Text;
using System.IO.Hashing;
using System.Text;

namespace KubeCop.Storage.File;

internal enum StateFileCondition
{
    Valid,

    /// <summary>Torn, altered, or never ours.</summary>
    Damaged,

    /// <summary>Written by a later version of KubeCop.</summary>
    Newer,
}

/// <summary>
/// The content of a state file: one line of text, then the state as its serializer wrote it. The line is
/// <c>kubecop-state v1 etag length checksum</c>, each field of fixed width; the checksum is XxHash3 over all but itself. So
/// <c>tail -n +2 FILE</c> shows the state.
/// </summary>
internal static class StateFile
{
    private const int EtagLength = 32;
    private const int LengthDigits = 10;
    private const int ChecksumLength = 16;
    private const int EtagStart = 17;
    private const int LengthStart = EtagStart + EtagLength + 1;
    private const int ChecksumStart = LengthStart + LengthDigits + 1;
    private const int HeaderLength = ChecksumStart + ChecksumLength + 1;

    private static ReadOnlySpan<byte> Magic => "kubecop-state v"u8;

    private static ReadOnlySpan<byte> MagicWithVersion => "kubecop-state v1 "u8;

    public static string NewEtag() => Guid.NewGuid().ToString("N");

    public static byte[] Encode(string etag, ReadOnlySpan<byte> state)
    {
        var content = new byte[HeaderLength + state.Length];
        var header = $"kubecop-state v1 {etag} {state.Length:D10} ";
        Encoding.ASCII.GetBytes(header, content);
        state.CopyTo(content.AsSpan(HeaderLength));
        Encoding.ASCII.GetBytes($"{Checksum(content):x16}\n", content.AsSpan(ChecksumStart));
        return content;
    }

    /// <param name="etag">Empty unless valid.</param>
    /// <param name="state">The state within <paramref name="content"/>; empty unless valid.</param>
    public static StateFileCondition Decode(ReadOnlyMemory<byte> content, out string etag, out ReadOnlyMemory<byte> state)
    {
        etag = "";
        state = default;
        var bytes = content.Span;
        if (!bytes.StartsWith(MagicWithVersion))
        {
            return IsNewer(bytes) ? StateFileCondition.Newer : StateFileCondition.Damaged;
        }

        if (bytes.Length < HeaderLength
            || !Utf8Parser.TryParse(bytes.Slice(LengthStart, LengthDigits), out long length, out var digits)
            || digits != LengthDigits
            || length != bytes.Length - HeaderLength
            || !bytes[ChecksumStart..HeaderLength].SequenceEqual(Encoding.ASCII.GetBytes($"{Checksum(bytes):x16}\n")))
        {
            return StateFileCondition.Damaged;
        }

        etag = Encoding.ASCII.GetString(bytes.Slice(EtagStart, EtagLength));
        state = content[HeaderLength..];
        return StateFileCondition.Valid;
    }

    private static bool IsNewer(ReadOnlySpan<byte> bytes) =>
        bytes.StartsWith(Magic)
        && Utf8Parser.TryParse(bytes[Magic.Length..], out int version, out var digits)
        && version > 1
        && bytes.Length > Magic.Length + digits
        && bytes[Magic.Length + digits] == ' ';

    private static ulong Checksum(ReadOnlySpan<byte> content)
    {
        var hash = new XxHash3();
        hash.Append(content[..ChecksumStart]);
        hash.Append(content[HeaderLength..]);
        return hash.GetCurrentHashAsUInt64();
    }
}

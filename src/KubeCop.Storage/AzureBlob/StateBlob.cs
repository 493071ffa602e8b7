using System.Buffers.Text;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text;

namespace KubeCop.Storage.AzureBlob;

internal enum StateBlobCondition
{
    Valid,

    /// <summary>Ours, but torn or altered.</summary>
    Damaged,

    /// <summary>Never ours.</summary>
    Foreign,

    /// <summary>Written by a later version of KubeCop.</summary>
    Newer,
}

/// <summary>
/// The content of a state blob: one line of text, then the state as its serializer wrote it, compressed. The line is
/// <c>kubecop-blob v1 brotli length checksum</c>, each field of fixed width: the state's length before compression, and XxHash3 over all
/// but itself. So <c>tail -n +2 FILE | brotli -d</c> shows the state.
/// </summary>
internal static class StateBlob
{
    /// <summary>Longest state, in bytes; a hundred times the largest profile. What claims to be longer is damaged.</summary>
    public const int MaxStateLength = 256 * 1024 * 1024;

    // More costs several times the CPU for a tenth of the space.
    private const int Quality = 4;
    private const int Window = 22;

    private const int LengthStart = 23;
    private const int LengthDigits = 10;
    private const int ChecksumStart = LengthStart + LengthDigits + 1;
    private const int ChecksumLength = 16;
    private const int HeaderLength = ChecksumStart + ChecksumLength + 1;

    private static ReadOnlySpan<byte> Magic => "kubecop-blob v"u8;

    private static ReadOnlySpan<byte> MagicWithVersion => "kubecop-blob v1 brotli "u8;

    public static byte[] Encode(ReadOnlySpan<byte> state)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(state.Length, MaxStateLength, nameof(state));
        var content = new byte[HeaderLength + BrotliEncoder.GetMaxCompressedLength(state.Length)];
        if (!BrotliEncoder.TryCompress(state, content.AsSpan(HeaderLength), out var compressed, Quality, Window))
        {
            throw new InvalidOperationException($"{state.Length} bytes became more by compression than that can be.");
        }

        Array.Resize(ref content, HeaderLength + compressed);
        Encoding.ASCII.GetBytes($"kubecop-blob v1 brotli {state.Length:D10} ", content);
        Encoding.ASCII.GetBytes($"{Checksum(content):x16}\n", content.AsSpan(ChecksumStart));
        return content;
    }

    /// <param name="state">Empty unless valid.</param>
    public static StateBlobCondition Decode(ReadOnlySpan<byte> content, out byte[] state)
    {
        state = [];
        if (!content.StartsWith(MagicWithVersion))
        {
            return !content.StartsWith(Magic) ? StateBlobCondition.Foreign : IsNewer(content) ? StateBlobCondition.Newer : StateBlobCondition.Damaged;
        }

        if (content.Length < HeaderLength
            || !Utf8Parser.TryParse(content.Slice(LengthStart, LengthDigits), out int length, out var digits)
            || digits != LengthDigits
            || length is < 0 or > MaxStateLength
            || !content[ChecksumStart..HeaderLength].SequenceEqual(Encoding.ASCII.GetBytes($"{Checksum(content):x16}\n")))
        {
            return StateBlobCondition.Damaged;
        }

        var decompressed = new byte[length];
        if (!BrotliDecoder.TryDecompress(content[HeaderLength..], decompressed, out var written) || written != length)
        {
            return StateBlobCondition.Damaged;
        }

        state = decompressed;
        return StateBlobCondition.Valid;
    }

    // Another compression is another version.
    private static bool IsNewer(ReadOnlySpan<byte> content) =>
        Utf8Parser.TryParse(content[Magic.Length..], out int version, out var digits)
        && version > 1
        && content.Length > Magic.Length + digits
        && content[Magic.Length + digits] == ' ';

    private static ulong Checksum(ReadOnlySpan<byte> content)
    {
        var hash = new XxHash3();
        hash.Append(content[..ChecksumStart]);
        hash.Append(content[HeaderLength..]);
        return hash.GetCurrentHashAsUInt64();
    }
}

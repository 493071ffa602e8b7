using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;

namespace KubeCop.Core.Segments;

/// <summary>How the readable part of a segment ends.</summary>
public enum SegmentEnd
{
    /// <summary>With the file.</summary>
    Clean,

    /// <summary>In what an interrupted write left: nothing valid follows.</summary>
    Torn,

    /// <summary>In damage: valid records follow.</summary>
    Damaged,

    /// <summary>It is not a segment at all.</summary>
    Foreign,

    /// <summary>A later version of KubeCop wrote it.</summary>
    Newer,
}

/// <summary>
/// A segment file, little-endian: magic <c>KCJRNL</c> and a 16-bit version, then records of payload length (32 bits), sequence (64),
/// XxHash3 over these two and the payload (64), payload.
/// </summary>
public static class SegmentFormat
{
    public const int HeaderLength = 8;
    public const int RecordHeaderLength = 20;

    /// <summary>The longest payload; a longer length is taken for damage.</summary>
    public const int MaxPayloadLength = 8 * 1024 * 1024;

    private const ushort Version = 1;

    private static ReadOnlySpan<byte> Magic => "KCJRNL"u8;

    public static void WriteHeader(IBufferWriter<byte> output)
    {
        output.Write(Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(output.GetSpan(2), Version);
        output.Advance(2);
    }

    public static void WriteRecord(IBufferWriter<byte> output, long sequence, ReadOnlySpan<byte> payload)
    {
        var header = output.GetSpan(RecordHeaderLength);
        BinaryPrimitives.WriteInt32LittleEndian(header, payload.Length);
        BinaryPrimitives.WriteInt64LittleEndian(header[4..], sequence);
        BinaryPrimitives.WriteUInt64LittleEndian(header[12..], Checksum(header, payload));
        output.Advance(RecordHeaderLength);
        output.Write(payload);
    }

    /// <param name="record">Told of each record in order: its sequence, and where in <paramref name="segment"/> its payload lies.</param>
    /// <returns>How it ends, and where the readable part does.</returns>
    public static (SegmentEnd End, int Length) Scan(ReadOnlySpan<byte> segment, Action<long, Range> record)
    {
        if (segment.Length < HeaderLength)
        {
            return (Magic.StartsWith(segment[..Math.Min(segment.Length, Magic.Length)]) ? SegmentEnd.Torn : SegmentEnd.Foreign, 0);
        }

        if (!segment.StartsWith(Magic))
        {
            return (SegmentEnd.Foreign, 0);
        }

        var version = BinaryPrimitives.ReadUInt16LittleEndian(segment[Magic.Length..]);
        if (version != Version)
        {
            return (version > Version ? SegmentEnd.Newer : SegmentEnd.Foreign, 0);
        }

        var at = HeaderLength;
        while (at < segment.Length)
        {
            if (!TryRead(segment[at..], out var sequence, out var length))
            {
                return (AnyValid(segment[at..]) ? SegmentEnd.Damaged : SegmentEnd.Torn, at);
            }

            record(sequence, (at + RecordHeaderLength)..(at + RecordHeaderLength + length));
            at += RecordHeaderLength + length;
        }

        return (SegmentEnd.Clean, at);
    }

    private static bool TryRead(ReadOnlySpan<byte> bytes, out long sequence, out int length)
    {
        sequence = 0;
        length = 0;
        if (bytes.Length < RecordHeaderLength)
        {
            return false;
        }

        length = BinaryPrimitives.ReadInt32LittleEndian(bytes);
        sequence = BinaryPrimitives.ReadInt64LittleEndian(bytes[4..]);
        return length is > 0 and <= MaxPayloadLength
            && length <= bytes.Length - RecordHeaderLength
            && sequence > 0
            && BinaryPrimitives.ReadUInt64LittleEndian(bytes[12..]) == Checksum(bytes, bytes.Slice(RecordHeaderLength, length));
    }

    private static bool AnyValid(ReadOnlySpan<byte> bytes)
    {
        for (var at = 1; at <= bytes.Length - RecordHeaderLength; at++)
        {
            if (TryRead(bytes[at..], out _, out _))
            {
                return true;
            }
        }

        return false;
    }

    private static ulong Checksum(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        var hash = new XxHash3();
        hash.Append(header[..12]);
        hash.Append(payload);
        return hash.GetCurrentHashAsUInt64();
    }
}

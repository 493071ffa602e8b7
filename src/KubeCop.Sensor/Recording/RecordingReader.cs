using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Text.Json;
using KubeCop.Sensor.Containers;

namespace KubeCop.Sensor.Recording;

/// <summary>
/// Reads a recording. It may come from anybody, so nothing in it is believed: lengths are bounded, and every block is checked.
/// </summary>
internal sealed class RecordingReader : IDisposable
{
    private readonly Stream _file;
    private readonly string _path;
    private readonly byte[] _compressed = new byte[BrotliEncoder.GetMaxCompressedLength(RecordingFormat.MaxBlockBytes)];
    private readonly byte[] _block = new byte[RecordingFormat.MaxBlockBytes];
    private int _blockLength;
    private int _position;
    private long _blocks;

    /// <summary>Opens a recording and reads its header.</summary>
    /// <exception cref="RecordingException">It cannot be read, is no recording, or is one of another version.</exception>
    public RecordingReader(string path)
    {
        _path = path;
        try
        {
            _file = new FileStream(
                HostFile.OpenNamed(path) ?? throw new RecordingException($"{path} cannot be read: there is no such file."), FileAccess.Read, bufferSize: 64 * 1024);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new RecordingException($"{path} cannot be read: {exception.Message}", exception);
        }

        try
        {
            Header = ReadHeader();
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public RecordingHeader Header { get; }

    /// <summary>Set once the end was reached: it is not whole, because it was cut off or damaged; says where.</summary>
    public string? Damage { get; private set; }

    /// <summary>The next frame; its content is valid until the next call.</summary>
    /// <returns>False at the end.</returns>
    /// <exception cref="RecordingException">The file cannot be read any more.</exception>
    public bool TryRead(out FrameType type, out ReadOnlySpan<byte> content)
    {
        if (_position == _blockLength && !ReadBlock())
        {
            type = default;
            content = default;
            return false;
        }

        var rest = _block.AsSpan(_position, _blockLength - _position);
        if (rest.Length < RecordingFormat.FrameHeaderBytes
            || BinaryPrimitives.ReadInt32LittleEndian(rest[1..]) is var length && (length < 0 || length > rest.Length - RecordingFormat.FrameHeaderBytes))
        {
            throw new RecordingException($"{_path} is no recording that KubeCop wrote: block {_blocks} ends in the middle of a frame.");
        }

        type = (FrameType)rest[0];
        content = rest.Slice(RecordingFormat.FrameHeaderBytes, length);
        _position += RecordingFormat.FrameHeaderBytes + length;
        return true;
    }

    public void Dispose() => _file.Dispose();

    private RecordingHeader ReadHeader()
    {
        Span<byte> start = stackalloc byte[RecordingFormat.Magic.Length + 2];
        if (Fill(start) < start.Length || !start.StartsWith(RecordingFormat.Magic))
        {
            throw new RecordingException($"{_path} is no recording of KubeCop.");
        }

        if (BinaryPrimitives.ReadUInt16LittleEndian(start[RecordingFormat.Magic.Length..]) is var version && version != RecordingFormat.Version)
        {
            throw new RecordingException($"{_path} is a recording of version {version}; this KubeCop reads version {RecordingFormat.Version}. Use the KubeCop that wrote it.");
        }

        try
        {
            return TryRead(out var type, out var content) && type == FrameType.Header && JsonSerializer.Deserialize(content, RecordingJson.Default.RecordingHeader) is { } header
                ? header
                : throw new RecordingException($"{_path} has no header: it was cut off at its beginning.");
        }
        catch (JsonException exception)
        {
            throw new RecordingException($"{_path} has a header that is not understood: {exception.Message}", exception);
        }
    }

    private bool ReadBlock()
    {
        Span<byte> header = stackalloc byte[RecordingFormat.BlockHeaderBytes];
        var read = Fill(header);
        if (read == 0)
        {
            return false;
        }

        var compressedLength = BinaryPrimitives.ReadInt32LittleEndian(header);
        var length = BinaryPrimitives.ReadInt32LittleEndian(header[4..]);
        if (read < header.Length)
        {
            return Damaged("is cut off");
        }

        if (compressedLength <= 0 || compressedLength > _compressed.Length || length <= 0 || length > _block.Length)
        {
            return Damaged("is damaged");
        }

        var compressed = _compressed.AsSpan(0, compressedLength);
        if (Fill(compressed) < compressedLength)
        {
            return Damaged("is cut off");
        }

        if (!BrotliDecoder.TryDecompress(compressed, _block, out var decompressed) || decompressed != length
            || Crc32.HashToUInt32(_block.AsSpan(0, length)) != BinaryPrimitives.ReadUInt32LittleEndian(header[8..]))
        {
            return Damaged("is damaged");
        }

        (_blockLength, _position) = (length, 0);
        _blocks++;
        return true;
    }

    private bool Damaged(string what)
    {
        Damage = $"{_path} {what} after block {_blocks}; what is before was read.";
        return false;
    }

    private int Fill(Span<byte> buffer)
    {
        try
        {
            return _file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        }
        catch (IOException exception)
        {
            throw new RecordingException($"{_path} cannot be read any more: {exception.Message}", exception);
        }
    }
}

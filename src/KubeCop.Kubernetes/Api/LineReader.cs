using System.Buffers;

namespace KubeCop.Kubernetes.Api;

/// <summary>Lines of a stream, none longer than it may be. What it returns is valid until the next call.</summary>
internal sealed class LineReader(Stream stream, int longest) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
    private int _start;
    private int _end;

    /// <returns>A line without its end; empty at the end of the stream. Empty lines are passed over.</returns>
    /// <exception cref="InvalidDataException">A line is too long.</exception>
    public async ValueTask<ReadOnlyMemory<byte>> ReadAsync(CancellationToken cancellationToken)
    {
        for (var searched = _start; ;)
        {
            if (_buffer.AsSpan(searched, _end - searched).IndexOf((byte)'\n') is var index and >= 0)
            {
                var line = _buffer.AsMemory(_start, searched + index - _start);
                _start = searched = searched + index + 1;
                if (line.Length > 0)
                {
                    return line;
                }

                continue;
            }

            searched = MakeRoom();
            var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken);
            if (read == 0)
            {
                return default;
            }

            _end += read;
        }
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
    }

    /// <returns>From where the end of the line has not been looked for.</returns>
    private int MakeRoom()
    {
        var length = _end - _start;
        if (length > longest)
        {
            throw new InvalidDataException($"A line is longer than {longest} bytes.");
        }

        if (length == _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(2 * length);
            _buffer.AsSpan(_start, length).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        else
        {
            _buffer.AsSpan(_start, length).CopyTo(_buffer);
        }

        (_start, _end) = (0, length);
        return length;
    }
}

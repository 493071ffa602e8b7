using System.IO.Pipelines;

namespace KubeCop.Host.Tls;

/// <summary>The two pipes of a connection as one stream, as TLS takes it. It does not end them.</summary>
internal sealed class TransportStream(IDuplexPipe transport) : Stream
{
    // RFC 8446 5.1: the record types, from change_cipher_spec to application_data.
    private const byte FirstRecordType = 20;
    private const byte LastRecordType = 23;

    private readonly Stream _input = transport.Input.AsStream(leaveOpen: true);
    private readonly Stream _output = transport.Output.AsStream(leaveOpen: true);
    private byte[] _held = [];
    private int _heldStart;
    private int _heldEnd;

    /// <summary>The first byte that has come, which tells TLS from anything else; null when none has.</summary>
    public byte? FirstByte { get; private set; }

    public override bool CanRead => true;

    public override bool CanWrite => true;

    public override bool CanSeek => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    /// <summary>Whether TLS can begin with this byte.</summary>
    public static bool IsTls(byte first) => first is >= FirstRecordType and <= LastRecordType;

    /// <summary>Takes in what comes while nobody reads: the transport by itself would take in whatever is sent.</summary>
    /// <param name="most">How much that may be, in bytes.</param>
    /// <returns>Ends when the peer has ended, or has sent that much.</returns>
    /// <inheritdoc cref="ReceiveAsync"/>
    public async Task HoldAsync(int most, CancellationToken cancellationToken)
    {
        _held = new byte[most];
        while (_heldEnd < most && await ReceiveAsync(_held.AsMemory(_heldEnd), cancellationToken) is > 0 and var length)
        {
            _heldEnd += length;
        }
    }

    /// <inheritdoc cref="ReceiveAsync"/>
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_heldStart == _heldEnd)
        {
            return ReceiveAsync(buffer, cancellationToken);
        }

        var length = Math.Min(buffer.Length, _heldEnd - _heldStart);
        _held.AsMemory(_heldStart, length).CopyTo(buffer);
        _heldStart += length;
        if (_heldStart == _heldEnd)
        {
            _held = [];
        }

        return ValueTask.FromResult(length);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => _output.WriteAsync(buffer, cancellationToken);

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => _output.WriteAsync(buffer, offset, count, cancellationToken);

    public override Task FlushAsync(CancellationToken cancellationToken) => _output.FlushAsync(cancellationToken);

    // Only a connection that has failed is written to without awaiting: Orleans completes its pipe, which then tries again what it could not
    // write before, or has written without being told so. It is not said twice.
    public override void Flush()
    {
    }

    public override void Write(byte[] buffer, int offset, int count)
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    /// <exception cref="IOException">What has come is not TLS. TLS itself would wait for the rest of something.</exception>
    private async ValueTask<int> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var length = await _input.ReadAsync(buffer, cancellationToken);
        if (length > 0)
        {
            FirstByte ??= buffer.Span[0];
        }

        return FirstByte is { } first && !IsTls(first) ? throw new IOException("The peer does not use TLS.") : length;
    }
}

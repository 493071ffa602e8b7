using System.Runtime.InteropServices;

namespace KubeCop.Sensor.Bpf;

/// <summary>
/// The consumer's side of a BPF ring buffer, on the memory the kernel shares: a read-write page with the consumer's position, a read-only
/// page with the producer's, then the data twice in a row so that a record never wraps (kernel/bpf/ringbuf.c).
/// </summary>
internal sealed unsafe class RingBuffer : IDisposable
{
    private const uint BusyBit = 1u << 31;
    private const uint DiscardBit = 1u << 30;
    private const int HeaderSize = 8;

    private readonly int _size;
    private readonly byte* _consumer;
    private readonly byte* _producer;
    private readonly byte* _data;
    private long _position;
    private long _peak;

    /// <summary>Maps the ring.</summary>
    /// <param name="descriptor">Descriptor of the map; stays open for as long as this is used.</param>
    /// <param name="size">Bytes of the ring, as it was created.</param>
    public RingBuffer(int descriptor, int size)
    {
        var page = Environment.SystemPageSize;
        Descriptor = descriptor;
        _size = size;
        _consumer = Map(page, LibC.ProtRead | LibC.ProtWrite, 0);
        _producer = Map(page + (2 * size), LibC.ProtRead, page);
        _data = _producer + page;
        _position = *(long*)_consumer;

        byte* Map(int length, int protection, int offset)
        {
            var memory = LibC.Map(0, (nuint)length, protection, LibC.MapShared, descriptor, offset);
            return memory != (byte*)-1
                ? memory
                : throw new SensorException(
                    $"The event ring could not be mapped: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.",
                    "Lower KubeCop:Sensor:CriticalRingBytes and BulkRingBytes or give the process more memory.");
        }
    }

    public int Descriptor { get; }

    /// <summary>Bytes it holds.</summary>
    public int Size => _size;

    /// <summary>Bytes that wait to be read, records' headers included.</summary>
    public long Available => Volatile.Read(ref *(long*)_producer) - *(long*)_consumer;

    /// <summary>What of it is in use, and was at most. From any thread.</summary>
    public (long Unread, long Peak) Fill => (Available, Volatile.Read(ref _peak));

    /// <summary>What may be read: up to where the kernel has written. Looked at anew by each call.</summary>
    public long Written
    {
        get
        {
            var written = Volatile.Read(ref *(long*)_producer);
            if (written - _position is var unread && unread > _peak)
            {
                Volatile.Write(ref _peak, unread);
            }

            return written;
        }
    }

    /// <summary>The next record that was written before <paramref name="limit"/>; valid until <see cref="Advance"/>.</summary>
    /// <returns>False when there is none, or it is just being written.</returns>
    public bool TryPeek(long limit, out ReadOnlySpan<byte> record)
    {
        while (_position < limit)
        {
            var header = _data + (_position & (_size - 1));
            var length = Volatile.Read(ref *(uint*)header);
            if ((length & BusyBit) != 0)
            {
                break;
            }

            if ((length & DiscardBit) == 0)
            {
                record = new ReadOnlySpan<byte>(header + HeaderSize, (int)length);
                return true;
            }

            Advance();
        }

        record = default;
        return false;
    }

    /// <summary>The record that <see cref="TryPeek"/> gave has been used. Given back one by one: the kernel can reuse the space at once.</summary>
    public void Advance()
    {
        var length = *(uint*)(_data + (_position & (_size - 1))) & ~DiscardBit;
        _position += ((length + HeaderSize) + 7) & ~7;
        Volatile.Write(ref *(long*)_consumer, _position);
    }

    public void Dispose()
    {
        var page = Environment.SystemPageSize;
        _ = LibC.Unmap(_consumer, (nuint)page);
        _ = LibC.Unmap(_producer, (nuint)(page + (2 * _size)));
    }
}

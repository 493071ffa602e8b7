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

        byte* Map(int length, int protection, int offset)
        {
            var memory = LibC.Map(0, (nuint)length, protection, LibC.MapShared, descriptor, offset);
            return memory != (byte*)-1
                ? memory
                : throw new SensorException(
                    $"The event ring could not be mapped: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.",
                    "Lower KubeCop:Sensor:RingBytes or give the process more memory.");
        }
    }

    public int Descriptor { get; }

    /// <summary>Bytes that wait to be read, records' headers included.</summary>
    public long Available => Volatile.Read(ref *(long*)_producer) - *(long*)_consumer;

    /// <summary>Hands records to <paramref name="consumer"/> until the ring is empty or <paramref name="limit"/> is reached.</summary>
    /// <returns>The number of records read.</returns>
    public int Read(IRecordConsumer consumer, int limit)
    {
        var read = 0;
        var position = *(long*)_consumer;
        while (read < limit && position < Volatile.Read(ref *(long*)_producer))
        {
            var header = _data + (position & (_size - 1));
            var length = Volatile.Read(ref *(uint*)header);
            if ((length & BusyBit) != 0)
            {
                break;
            }

            if ((length & DiscardBit) == 0)
            {
                consumer.Consume(new ReadOnlySpan<byte>(header + HeaderSize, (int)length));
                read++;
            }

            position += (((length & ~DiscardBit) + HeaderSize) + 7) & ~7;
            // Given back one by one: the kernel can reuse the space at once, and wakes us only when we have caught up with it.
            Volatile.Write(ref *(long*)_consumer, position);
        }

        // The kernel wakes us only if it sees that we have caught up, so our position must be visible before we look a last time.
        Interlocked.MemoryBarrier();
        return read;
    }

    public void Dispose()
    {
        var page = Environment.SystemPageSize;
        _ = LibC.Unmap(_consumer, (nuint)page);
        _ = LibC.Unmap(_producer, (nuint)(page + (2 * _size)));
    }
}

/// <summary>Takes the records of a ring.</summary>
internal interface IRecordConsumer
{
    /// <summary>The record is only valid during the call.</summary>
    void Consume(ReadOnlySpan<byte> record);
}

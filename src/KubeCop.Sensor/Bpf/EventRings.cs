using KubeCop.Sensor.Decoding;

namespace KubeCop.Sensor.Bpf;

/// <summary>Takes the records of the rings.</summary>
internal interface IRecordConsumer
{
    /// <summary>The record is only valid during the call.</summary>
    void Consume(ReadOnlySpan<byte> record);
}

/// <summary>
/// The critical and the bulk ring as one stream in the order of the kernel's clock: a process's opens come before the exec that followed
/// them, and a container's end after everything it did. Used by one thread.
/// </summary>
internal sealed class EventRings(RingBuffer critical, RingBuffer bulk, KernelSlots slots) : IDisposable
{
    /// <summary>Descriptors to wait for.</summary>
    public IReadOnlyList<int> Descriptors { get; } = [critical.Descriptor, bulk.Descriptor];

    /// <summary>Bytes that wait to be read, records' headers included.</summary>
    public long Available => critical.Available + bulk.Available;

    /// <summary>How full each of them is, in bytes. From any thread.</summary>
    public IReadOnlyList<RingFill> Fill => [FillOf("critical", critical), FillOf("bulk", bulk)];

    /// <summary>Hands records to <paramref name="consumer"/> until both rings are empty or <paramref name="limit"/> is reached.</summary>
    /// <returns>The number of records read.</returns>
    public int Read(IRecordConsumer consumer, int limit)
    {
        var read = 0;
        for (var before = -1; read < limit && read != before;)
        {
            before = read;

            // In this order: what was written to the bulk ring before any record seen in the critical one is then seen too.
            var criticalEnd = critical.Written;
            var bulkEnd = bulk.Written;
            while (read < limit)
            {
                var hasCritical = critical.TryPeek(criticalEnd, out var urgent);
                var hasBulk = bulk.TryPeek(bulkEnd, out var other);
                if (!hasCritical && !hasBulk)
                {
                    break;
                }

                if (hasCritical && (!hasBulk || EventDecoder.Head(urgent).TimestampNs <= EventDecoder.Head(other).TimestampNs))
                {
                    Take(consumer, critical, urgent, 0);
                }
                else
                {
                    Take(consumer, bulk, other, 1);
                }

                read++;
            }
        }

        // The kernel wakes us only if it sees that we have caught up, so our position must be visible before we look a last time.
        Interlocked.MemoryBarrier();
        return read;
    }

    public void Dispose()
    {
        critical.Dispose();
        bulk.Dispose();
    }

    private static RingFill FillOf(string name, RingBuffer ring)
    {
        var (unread, peak) = ring.Fill;
        return new RingFill(name, ring.Size, unread, peak);
    }

    private void Take(IRecordConsumer consumer, RingBuffer ring, ReadOnlySpan<byte> record, int index)
    {
        ref readonly var head = ref EventDecoder.Head(record);
        var (slot, size) = head.Kind < RecordKind.CgroupCreated ? (head.Slot, head.Size) : ((ushort)0, 0u);
        consumer.Consume(record);
        ring.Advance();
        slots.Consumed(slot, index, size);
    }
}

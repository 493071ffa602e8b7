using System.Buffers;
using System.Globalization;
using KubeCop.Core.Alerts;
using KubeCop.Core.Segments;
using KubeCop.Storage;
using KubeCop.Storage.Segments;

namespace KubeCop.Exporters.Delivery;

/// <summary>
/// Alerts in the order in which they came: the older ones on the disk, the newer ones in memory. One thread takes and confirms, another one writes
/// to the disk, any adds. How far it is confirmed is a file of its own, written without a sync: after a power loss some are sent twice.
/// </summary>
internal sealed class OutboxQueue
{
    private const string Extension = ".alerts";
    private const int SegmentBytes = 256 * 1024;

    private readonly AlertCodec? _codec;
    private readonly SegmentStore? _store;
    private readonly string _directory = "";
    private readonly bool _isUsable = true;

    // Taken first by whoever needs both: all that reads or writes files. The other one is never held for longer than a few instructions.
    private readonly Lock _disk = new();
    private readonly Lock _gate = new();

    private readonly Queue<WaitingAlert> _memory = new();
    private readonly List<WrittenSegment> _segments = [];
    private readonly Queue<WaitingAlert> _readBack = new();
    private readonly ArrayBufferWriter<byte> _chunk = new();
    private Segment? _active;
    private long _last;
    private long _written;
    private long _sent;
    private long _inFlight;
    private bool _isClosed;

    /// <summary>A queue in memory.</summary>
    public OutboxQueue()
    {
    }

    /// <summary>A queue that goes on in the files of a directory, with what an earlier run left there.</summary>
    public OutboxQueue(string directory, AlertCodec codec, TimeProvider time, Microsoft.Extensions.Logging.ILogger logger)
    {
        (_directory, _codec) = (directory, codec);
        _store = new SegmentStore(directory, Extension, time, logger);
        _sent = ReadPosition();
        _isUsable = _store.Recover((segment, sequence) =>
        {
            if (_segments is not [.., var known] || known.Segment != segment)
            {
                _segments.Add(new WrittenSegment(segment, sequence));
            }

            _segments[^1].Last = sequence;
        });
        if (_segments is [var first, ..])
        {
            // A position that says less than what is there, or nothing, must not make a gap of what was sent long ago.
            _sent = Math.Max(_sent, first.First - 1);
            _written = _segments[^1].Last;
        }

        _last = _written = Math.Max(_written, _sent);
        DeleteSent();
    }

    private string PositionFile => Path.Combine(_directory, "sent");

    /// <summary>All that wait.</summary>
    public long Count
    {
        get
        {
            lock (_gate)
            {
                return Math.Max(0, _last - _sent);
            }
        }
    }

    public int InMemory
    {
        get
        {
            lock (_gate)
            {
                return _memory.Count;
            }
        }
    }

    public long DiskBytes
    {
        get
        {
            lock (_gate)
            {
                return _segments.Sum(static written => written.Segment.Length);
            }
        }
    }

    /// <summary>When the oldest in memory began to wait; null when there is none.</summary>
    public DateTimeOffset? OldestInMemory
    {
        get
        {
            lock (_gate)
            {
                return _memory.TryPeek(out var oldest) ? oldest.Since : null;
            }
        }
    }

    /// <returns>False when it takes no more.</returns>
    public bool TryAdd(Alert alert, DateTimeOffset since)
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return false;
            }

            _memory.Enqueue(new WaitingAlert(++_last, since, alert));
            return true;
        }
    }

    /// <summary>The oldest alerts; they go on waiting until they are confirmed, and are not given up before they are released.</summary>
    /// <param name="lost">Alerts that were on the disk and are damaged.</param>
    /// <exception cref="IOException">The disk does not give them now.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public IReadOnlyList<WaitingAlert> Peek(int most, out int lost)
    {
        lost = 0;

        // Both at once: between them, alerts could move from memory to the disk unseen.
        lock (_disk)
        {
            if (_store is not null && ReadBack(ref lost))
            {
                WaitingAlert[] batch = [.. _readBack.Take(most)];
                _inFlight = batch[^1].Sequence;
                return batch;
            }

            lock (_gate)
            {
                return [.. _memory.Take(most)];
            }
        }
    }

    /// <summary>What was peeked at is not being sent any more.</summary>
    public void Release()
    {
        lock (_disk)
        {
            _inFlight = 0;
        }
    }

    /// <summary>They need not be sent again: all up to this one.</summary>
    public void Confirm(long sequence)
    {
        lock (_gate)
        {
            _sent = Math.Max(_sent, sequence);
            while (_memory.TryPeek(out var first) && first.Sequence <= sequence)
            {
                _memory.Dequeue();
            }

            if (_segments.Count == 0)
            {
                return;
            }
        }

        lock (_disk)
        {
            while (_readBack.TryPeek(out var first) && first.Sequence <= sequence)
            {
                _readBack.Dequeue();
            }

            DeleteSent();
            WritePosition();
        }
    }

    /// <summary>Writes those to the disk that have waited since then, oldest first.</summary>
    /// <param name="room">Bytes there may be on the disk.</param>
    /// <returns>False when there was no room for all of them.</returns>
    /// <exception cref="IOException">The disk refuses; what was not written is in memory still.</exception>
    /// <exception cref="UnauthorizedAccessException">As before.</exception>
    public bool Write(DateTimeOffset waitingSince, long room)
    {
        lock (_disk)
        {
            if (!_isUsable && InMemory > 0)
            {
                throw new IOException("some of what waited before could not be read at the start, see the log; it is left as it is");
            }

            while (true)
            {
                WaitingAlert[] due;
                lock (_gate)
                {
                    due = [.. _memory.TakeWhile(waiting => waiting.Since <= waitingSince).Take(256)];
                }

                if (due.Length == 0)
                {
                    return true;
                }

                if (WriteChunk(due, room - DiskBytes) < due.Length)
                {
                    return false;
                }
            }
        }
    }

    /// <summary>Gives up the oldest file, unless it is being sent.</summary>
    /// <returns>The alerts in it; null when there is none to give up.</returns>
    /// <exception cref="IOException">It cannot be read.</exception>
    public IReadOnlyList<WaitingAlert>? DropOldest()
    {
        lock (_disk)
        {
            WrittenSegment oldest;
            lock (_gate)
            {
                if (_segments.Count == 0)
                {
                    return null;
                }

                oldest = _segments[0];
                if (_inFlight >= oldest.First && _inFlight > _sent)
                {
                    return null;
                }
            }

            var dropped = Read(oldest);
            _readBack.Clear();
            lock (_gate)
            {
                _sent = Math.Max(_sent, oldest.Last);
            }

            DeleteSent();
            WritePosition();
            return dropped;
        }
    }

    /// <summary>Takes no more, and gives up all that is in memory only.</summary>
    public IReadOnlyList<WaitingAlert> DropMemory()
    {
        lock (_gate)
        {
            _isClosed = true;
            WaitingAlert[] dropped = [.. _memory.Where(waiting => waiting.Sequence > _sent)];
            _memory.Clear();
            _last = Math.Max(_written, _sent);
            return dropped;
        }
    }

    /// <summary>Closes its files.</summary>
    public void Close()
    {
        lock (_disk)
        {
            CloseActive();
        }
    }

    /// <returns>How many it wrote.</returns>
    private int WriteChunk(WaitingAlert[] due, long room)
    {
        _chunk.ResetWrittenCount();
        var count = 0;
        foreach (var waiting in due)
        {
            var payload = _codec!.Encode(waiting);
            var length = SegmentFormat.RecordHeaderLength + payload.Length;
            if (SegmentFormat.HeaderLength + _chunk.WrittenCount + length > room)
            {
                break;
            }

            SegmentFormat.WriteRecord(_chunk, waiting.Sequence, payload);
            count++;
        }

        if (count == 0)
        {
            return 0;
        }

        if (_active?.Length + _chunk.WrittenCount > SegmentBytes)
        {
            CloseActive();
        }

        DiskReserve.Leave(_directory);
        _active ??= _store!.Next();
        try
        {
            _active.Append(_chunk.WrittenSpan);
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            _active.Abandon();
            _active = null;
            throw;
        }

        lock (_gate)
        {
            if (_segments is not [.., var newest] || newest.Segment != _active)
            {
                _segments.Add(new WrittenSegment(_active, due[0].Sequence));
            }

            _segments[^1].Last = _written = due[count - 1].Sequence;
            while (_memory.TryPeek(out var first) && first.Sequence <= _written)
            {
                _memory.Dequeue();
            }
        }

        // They may have been confirmed while they were written.
        DeleteSent();
        return count;
    }

    private void CloseActive()
    {
        _active?.Dispose();
        _active = null;
    }

    /// <returns>Whether there are alerts that were read back.</returns>
    private bool ReadBack(ref int lost)
    {
        while (_readBack.Count == 0)
        {
            WrittenSegment? oldest;
            lock (_gate)
            {
                oldest = _segments.FirstOrDefault();
            }

            if (oldest is null)
            {
                return false;
            }

            // With those before it, which were in a damaged end of the file before.
            var expected = oldest.Last - _sent;
            foreach (var waiting in Read(oldest))
            {
                _readBack.Enqueue(waiting);
            }

            lost += (int)(expected - _readBack.Count);
            if (expected > _readBack.Count && oldest.First <= _sent + 1)
            {
                oldest.IsDamaged = true;

                // What comes after the damage could not be found.
                if (oldest.Segment == _active)
                {
                    CloseActive();
                }
            }

            if (_readBack.Count > 0)
            {
                oldest.LastReadable = _readBack.Last().Sequence;
                continue;
            }

            lock (_gate)
            {
                _sent = oldest.Last;
            }

            DeleteSent();
        }

        return true;
    }

    /// <summary>What of a file has not been sent.</summary>
    private List<WaitingAlert> Read(WrittenSegment written)
    {
        var alerts = new List<WaitingAlert>();
        foreach (var (sequence, payload) in SegmentStore.Read(written.Segment))
        {
            if (sequence > _sent && sequence <= written.Last && _codec!.Decode(sequence, payload.Span) is { } waiting)
            {
                alerts.Add(waiting);
            }
        }

        return alerts;
    }

    private void DeleteSent()
    {
        while (true)
        {
            WrittenSegment? done;
            lock (_gate)
            {
                done = _segments is [var oldest, ..] && (oldest.IsDamaged ? oldest.LastReadable : oldest.Last) <= _sent ? oldest : null;
                if (done is not null)
                {
                    _segments.RemoveAt(0);
                    _sent = Math.Max(_sent, done.Last);
                }
            }

            if (done is null)
            {
                return;
            }

            if (done.Segment == _active)
            {
                CloseActive();
            }

            try
            {
                if (done.IsDamaged)
                {
                    _store!.SetAside(done.Segment);
                }
                else
                {
                    done.Segment.Delete();
                }
            }
            catch (Exception error) when (DiskErrors.IsDiskError(error))
            {
                // The position says that it was sent.
            }
        }
    }

    private long ReadPosition()
    {
        try
        {
            // Twice, so that a damaged one is none: one that says too much would lose what was not sent.
            return File.Exists(PositionFile)
                && File.ReadAllText(PositionFile).Split(' ') is [var one, var other] && one == other
                && long.TryParse(one, NumberStyles.None, CultureInfo.InvariantCulture, out var sent) ? sent : 0;
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            return 0;
        }
    }

    private void WritePosition()
    {
        try
        {
            var file = $"{PositionFile}.new";
            using (var handle = Posix.OpenOrCreate(file))
            {
                RandomAccess.SetLength(handle, 0);
                RandomAccess.Write(handle, System.Text.Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{_sent} {_sent}")), 0);
            }

            File.Move(file, PositionFile, overwrite: true);
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            // Then some are sent twice after a restart.
        }
    }

    private sealed class WrittenSegment
    {
        public WrittenSegment(Segment segment, long first) => (Segment, First, Last) = (segment, first, first);

        public Segment Segment { get; }

        public long First { get; }

        public long Last { get; set; }

        /// <summary>It has less than was written to it.</summary>
        public bool IsDamaged { get; set; }

        /// <summary>Of one that is damaged, the last that could be read.</summary>
        public long LastReadable { get; set; }
    }
}

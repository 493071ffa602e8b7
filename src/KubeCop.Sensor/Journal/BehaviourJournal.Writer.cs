using KubeCop.Core.Segments;
using KubeCop.Storage;
using KubeCop.Storage.Segments;
using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Journal;

/// <summary>The journal's writing thread.</summary>
public sealed partial class BehaviourJournal
{
    private void Run()
    {
        var stopping = false;
        while (!stopping)
        {
            _work.WaitOne();
            _hurry.WaitOne(_options.SyncInterval);
            lock (_gate)
            {
                stopping = _stopping;
            }

            if (!TryWriteAll() && !stopping)
            {
                _hurry.WaitOne(_options.RetryInterval);
                _work.Set();
                _hurry.Set();
            }
        }

        _active?.Dispose();
        FailWaiting(new SensorException("The behaviour journal was stopped before everything was written.", "Flush it before stopping."));
    }

    private bool TryWriteAll()
    {
        try
        {
            while (TakeChunk(out var count))
            {
                WriteChunk();
                Commit(count);
            }

            DeleteFinished();
            Succeeded();
            return true;
        }
        catch (Exception error)
        {
            Failed(error);
            return false;
        }
    }

    /// <summary>Encodes what fits into the active segment, without taking it from the queue: the disk may still refuse.</summary>
    /// <param name="count">How many of the queue it covers, the acknowledged and the dropped among them.</param>
    private bool TakeChunk(out int count)
    {
        count = 0;
        _chunk.ResetWrittenCount();
        lock (_gate)
        {
            var diskBytes = _segments.Sum(static segment => segment.Length);
            var room = _options.SegmentBytes - (_active?.Length ?? SegmentFormat.HeaderLength);
            foreach (var (sequence, payload) in _pending)
            {
                var length = SegmentFormat.RecordHeaderLength + payload.Length;
                if (!_unacknowledged.ContainsKey(sequence))
                {
                    // Stored before it was journaled.
                }
                else if (diskBytes + SegmentFormat.HeaderLength + _chunk.WrittenCount + length > _options.MaxDiskBytes)
                {
                    _unacknowledged.Remove(sequence);
                    CountOverflow("journal_full");
                }
                else if (_chunk.WrittenCount > 0 && _chunk.WrittenCount + length > room)
                {
                    break;
                }
                else
                {
                    SegmentFormat.WriteRecord(_chunk, sequence, payload);
                }

                count++;
            }
        }

        return count > 0;
    }

    private void WriteChunk()
    {
        if (_chunk.WrittenCount == 0)
        {
            return;
        }

        if (_active is not null && _active.Length + _chunk.WrittenCount > _options.SegmentBytes)
        {
            CloseActive();
        }

        _active ??= _store.Next();
        _active.Append(_chunk.WrittenSpan);
    }

    private void Commit(int count)
    {
        lock (_gate)
        {
            var written = _chunk.WrittenCount > 0;
            if (written && !_segments.Contains(_active!))
            {
                _segments.Add(_active!);
            }

            for (; count > 0; count--)
            {
                var (sequence, payload) = _pending.Dequeue();
                _bufferedBytes -= payload.Length + BookkeepingBytes;
                if (written && _unacknowledged.TryGetValue(sequence, out var entry))
                {
                    _unacknowledged[sequence] = entry with { Segment = _active };
                    _active!.Live++;
                }
            }

            var synced = _pending.TryPeek(out var next) ? next.Sequence - 1 : long.MaxValue;
            foreach (var waiting in _waiting.Where(waiting => waiting.Sequence <= synced))
            {
                waiting.Synced.SetResult();
            }

            _waiting.RemoveAll(waiting => waiting.Sequence <= synced);
        }
    }

    private void CloseActive()
    {
        _active?.Dispose();
        _active = null;
    }

    private void DeleteFinished()
    {
        while (true)
        {
            Segment? segment;
            lock (_gate)
            {
                segment = _segments.Find(static segment => segment.Live == 0);
            }

            if (segment is null)
            {
                return;
            }

            segment.Delete();
            if (segment == _active)
            {
                _active = null;
            }

            lock (_gate)
            {
                _segments.Remove(segment);
            }
        }
    }

    private void Succeeded()
    {
        lock (_gate)
        {
            if (_error is null)
            {
                return;
            }

            _error = null;
        }

        LogInformationRecovered(_store.Directory);
    }

    private void Failed(Exception error)
    {
        _active?.Abandon();
        _active = null;

        var (reason, remedy) = DiskErrors.IsDiskError(error)
            ? DiskErrors.Explain(error, _store.Directory)
            : (error.Message, "This is a defect of KubeCop: please report it with the log.");
        bool first;
        lock (_gate)
        {
            first = _error is null;
            _error = $"The behaviour journal in {_store.Directory} cannot be written: {reason}. {remedy}";
        }

        if (first)
        {
            // Of a disk's refusal the stack would tell nothing more.
            LogErrorFailing(_store.Directory, reason, remedy, DiskErrors.IsDiskError(error) ? null : error);
        }

        FailWaiting(new SensorException($"The behaviour journal in {_store.Directory} cannot be written: {reason}.", remedy, error));
    }

    private void FailWaiting(Exception error)
    {
        lock (_gate)
        {
            _waiting.ForEach(waiting => waiting.Synced.SetException(error));
            _waiting.Clear();
        }
    }

    [LoggerMessage(
        LogLevel.Error,
        "The behaviour journal in {Directory} cannot be written: {Reason}. {Remedy} Detection and learning go on; what is learned meanwhile is kept in memory and would be lost with the node")]
    private partial void LogErrorFailing(string directory, string reason, string remedy, Exception? error);

    [LoggerMessage(LogLevel.Information, "The behaviour journal in {Directory} is written again")]
    private partial void LogInformationRecovered(string directory);

    [LoggerMessage(
        LogLevel.Warning,
        "Learned behaviour goes to its workload without being journaled ({Reason}; limits: {BufferBytes} bytes in memory, {DiskBytes} on disk): lost if the node ends now. More are only counted")]
    private partial void LogWarningOverflow(string reason, long bufferBytes, long diskBytes);
}

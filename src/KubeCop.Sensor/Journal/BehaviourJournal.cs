using System.Buffers;
using KubeCop.Core.Profiles;
using KubeCop.Core.Segments;
using KubeCop.Core.Workloads;
using KubeCop.Storage;
using KubeCop.Storage.Segments;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace KubeCop.Sensor.Journal;

/// <summary>
/// The journal in segment files under <c>journal/</c> of the data directory. Appending encodes into memory; one thread writes and syncs
/// for all. Files whose records are all acknowledged are deleted; acknowledgements themselves are not kept, because replaying a delta
/// twice does no harm.
/// <para>The journal never stops the sensor: a disk that refuses is logged once and tried again, and what does not fit is counted.</para>
/// </summary>
public sealed partial class BehaviourJournal : IBehaviourJournal, IDisposable
{
    // An append this large does not wait for company.
    private const int HurryBytes = 1024 * 1024;
    private const int BookkeepingBytes = 64;

    private readonly JournalOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly SegmentStore _store;
    private readonly Thread _writer;
    private readonly AutoResetEvent _work = new(false);
    private readonly AutoResetEvent _hurry = new(false);

    // Everything below is guarded by the lock, but _active and _chunk, which only the writer uses.
    private readonly Lock _gate = new();
    private readonly Queue<Pending> _pending = new();
    private readonly Dictionary<long, Unacknowledged> _unacknowledged = [];
    private readonly List<Segment> _segments = [];
    private readonly List<Waiting> _waiting = [];
    private readonly Dictionary<string, long> _overflow = [];
    private long _lastSequence;
    private long _bufferedBytes;
    private string? _error;
    private bool _stopping;

    private readonly ArrayBufferWriter<byte> _chunk = new();
    private Segment? _active;

    /// <summary>Opens the journal and finds what an earlier run left.</summary>
    public BehaviourJournal(IOptions<NodeOptions> node, IOptions<JournalOptions> options, TimeProvider time, ILogger<BehaviourJournal> logger)
    {
        _options = options.Value;
        _time = time;
        _logger = logger;
        _store = new SegmentStore(Path.Combine(node.Value.DataDirectory, "journal"), ".journal", time, logger);
        var started = time.GetTimestamp();
        _store.Recover((segment, sequence) =>
        {
            if (_unacknowledged.TryAdd(sequence, new Unacknowledged(segment, started)))
            {
                segment.Live++;
            }

            if (_segments.LastOrDefault() != segment)
            {
                _segments.Add(segment);
            }

            _lastSequence = Math.Max(_lastSequence, sequence);
        });
        _writer = new Thread(Run) { Name = "kubecop-journal", IsBackground = true };
        _writer.Start();
    }

    public long Append(WorkloadKey workload, ProfileDelta delta)
    {
        var payload = JournalPayload.Encode(workload, delta);
        lock (_gate)
        {
            var sequence = ++_lastSequence;
            var bytes = payload.Length + BookkeepingBytes;
            if (_stopping)
            {
                CountOverflow("stopped");
            }
            else if (payload.Length > SegmentFormat.MaxPayloadLength)
            {
                CountOverflow("too_large");
            }
            else if (_bufferedBytes + bytes > _options.MaxBufferBytes)
            {
                CountOverflow("buffer_full");
            }
            else
            {
                _pending.Enqueue(new Pending(sequence, payload));
                _unacknowledged.Add(sequence, new Unacknowledged(null, _time.GetTimestamp()));
                _bufferedBytes += bytes;
                _work.Set();
                if (_bufferedBytes >= HurryBytes && _error is null)
                {
                    _hurry.Set();
                }
            }

            return sequence;
        }
    }

    /// <inheritdoc/>
    /// <remarks>Unknown numbers are ignored: a delta that did not fit has one too.</remarks>
    public void Acknowledge(long sequence)
    {
        lock (_gate)
        {
            if (_unacknowledged.Remove(sequence, out var entry) && entry.Segment is { } segment && --segment.Live == 0 && !_stopping)
            {
                _work.Set();
            }
        }
    }

    /// <inheritdoc/>
    /// <exception cref="SensorException">The disk refuses; what is left stays in memory and is tried again.</exception>
    public Task FlushAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource synced;
        lock (_gate)
        {
            if (_pending.Count == 0)
            {
                return Task.CompletedTask;
            }

            if (_stopping)
            {
                return Task.FromException(new SensorException("The behaviour journal was stopped before everything was written.", "Flush it before stopping."));
            }

            synced = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _waiting.Add(new Waiting(_lastSequence, synced));
            _work.Set();
            _hurry.Set();
        }

        return synced.Task.WaitAsync(cancellationToken);
    }

    /// <summary>What an earlier run left and its workload has not acknowledged. Read from disk as it is enumerated.</summary>
    public IEnumerable<JournalEntry> ReadUnacknowledged()
    {
        Segment[] left;
        lock (_gate)
        {
            left = [.. _segments.Where(static segment => segment.FromEarlierRun)];
        }

        return left.SelectMany(Read);
    }

    public JournalStatus GetStatus()
    {
        lock (_gate)
        {
            return new JournalStatus
            {
                Unacknowledged = _unacknowledged.Count,
                Lag = _unacknowledged.Count == 0 ? TimeSpan.Zero : _time.GetElapsedTime(_unacknowledged.Values.Min(static entry => entry.At)),
                BufferedBytes = _bufferedBytes,
                DiskBytes = _segments.Sum(static segment => segment.Length),
                Overflow = new Dictionary<string, long>(_overflow),
                Error = _error,
            };
        }
    }

    /// <summary>Writes what is left, once, and closes the files.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping)
            {
                return;
            }

            _stopping = true;
        }

        _work.Set();
        _hurry.Set();
        _writer.Join();
        _work.Dispose();
        _hurry.Dispose();
    }

    private IEnumerable<JournalEntry> Read(Segment segment)
    {
        IReadOnlyList<(long Sequence, ReadOnlyMemory<byte> Payload)> records;
        try
        {
            records = SegmentStore.Read(segment);
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            LogErrorUnreadable(segment.Path, error);
            yield break;
        }

        foreach (var (sequence, payload) in records)
        {
            if (IsUnacknowledged(sequence) && TryDecode(segment, sequence, payload.Span) is { } entry)
            {
                yield return entry;
            }
        }
    }

    private JournalEntry? TryDecode(Segment segment, long sequence, ReadOnlySpan<byte> payload)
    {
        try
        {
            return JournalPayload.Decode(sequence, payload);
        }
        catch (Exception error) when (error is System.Text.Json.JsonException or FormatException or NotSupportedException)
        {
            LogErrorNotUnderstood(sequence, segment.Path, error);
            return null;
        }
    }

    private bool IsUnacknowledged(long sequence)
    {
        lock (_gate)
        {
            return _unacknowledged.ContainsKey(sequence);
        }
    }

    private void CountOverflow(string reason)
    {
        _overflow[reason] = _overflow.GetValueOrDefault(reason) + 1;
        if (_overflow[reason] == 1)
        {
            LogWarningOverflow(reason, _options.MaxBufferBytes, _options.MaxDiskBytes);
        }
    }

    [LoggerMessage(LogLevel.Error, "The journal cannot read {Path}; what it holds is not replayed in this run. Check the disk and its permissions")]
    private partial void LogErrorUnreadable(string path, Exception error);

    [LoggerMessage(LogLevel.Error, "Record {Sequence} of the journal file {Path} is intact but not understood; it is kept. Run the version of KubeCop that wrote it to have it replayed")]
    private partial void LogErrorNotUnderstood(long sequence, string path, Exception error);

    /// <param name="Segment">Null until it is on the disk.</param>
    private readonly record struct Unacknowledged(Segment? Segment, long At);

    private readonly record struct Pending(long Sequence, byte[] Payload);

    private readonly record struct Waiting(long Sequence, TaskCompletionSource Synced);
}

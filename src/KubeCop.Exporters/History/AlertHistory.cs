using System.Buffers;
using KubeCop.Core.Alerts;
using KubeCop.Storage;
using Microsoft.Extensions.Logging;

namespace KubeCop.Exporters.History;

/// <summary>
/// The last alerts, kept as JSON lines in files of the data directory so that they survive a restart. Only their places are in memory.
/// A file that ends in the middle of a line, as after a power loss, is cut back to its last whole line.
/// </summary>
public sealed partial class AlertHistory : IAlertExporter, IDisposable
{
    public const int DefaultCapacity = 10_000;

    private const string DiskFull = "disk_full";
    private const string WriteFailed = "write_failed";

    private readonly Lock _lock = new();
    private readonly string _directory;
    private readonly int _capacity;
    private readonly int _linesPerSegment;
    private readonly ILogger _logger;
    private readonly List<AlertSegment> _segments = [];
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <param name="directory">Created when absent.</param>
    /// <param name="capacity">Alerts kept at least; when a file is full, older files that are not needed for this many are deleted.</param>
    public AlertHistory(string directory, ILogger<AlertHistory> logger, int capacity = DefaultCapacity)
    {
        _directory = directory;
        _capacity = capacity;
        _linesPerSegment = Math.Max(1, capacity / 10);
        _logger = logger;
        Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        foreach (var path in Directory.EnumerateFiles(directory, $"*{AlertSegment.Extension}").Order(StringComparer.Ordinal))
        {
            Load(path);
        }
    }

    public string Name => "history";

    public string Receiver => _directory;

    /// <summary>Alerts that can be read.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return Math.Min(_capacity, _segments.Sum(static segment => segment.Count));
            }
        }
    }

    /// <exception cref="ExportException">The disk is full or broken; nothing half-written remains.</exception>
    public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            // Whatever happens below, who waits looks again.
            _arrived.SetResult();
            _arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            var kept = 0;
            try
            {
                DiskReserve.Leave(_directory);
                for (; kept < batch.Count; kept++)
                {
                    _buffer.ResetWrittenCount();
                    AlertJson.Write(_buffer, batch[kept]);
                    _buffer.Write("\n"u8);
                    WritableSegment().Append(batch[kept].Id, _buffer.WrittenSpan);
                }
            }
            catch (IOException exception)
            {
                var reason = exception.HResult == DiskErrors.NoSpace ? DiskFull : WriteFailed;
                throw new ExportException(reason, batch.Count - kept, $"Alerts cannot be kept in {_directory}: {exception.Message}", exception);
            }
        }

        return "kept";
    }

    /// <summary>The newest alerts, oldest first, as the JSON they were written in.</summary>
    /// <param name="after">Only those after the alert of this id; of an alert that is not kept any more, all.</param>
    /// <param name="limit">At most this many, the newest of them.</param>
    public IReadOnlyList<byte[]> Read(string? after, int limit)
    {
        lock (_lock)
        {
            var places = _segments.SelectMany(static segment => segment.Places.Select(place => (Segment: segment, Place: place))).ToList();
            var first = Math.Max(0, places.Count - Math.Min(limit, _capacity));
            if (after is not null && places.FindLastIndex(entry => entry.Place.Id == after) is var known and >= 0)
            {
                first = Math.Max(first, known + 1);
            }

            return [.. places.Skip(first).Select(static entry => entry.Segment.Read(entry.Place))];
        }
    }

    /// <summary>Completes when there is an alert after the given one, at once if there is.</summary>
    public Task WaitAsync(string? after, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            var newest = _segments.LastOrDefault(static segment => segment.Count > 0)?.Places[^1].Id;
            return newest != after ? Task.CompletedTask : _arrived.Task.WaitAsync(cancellationToken);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            foreach (var segment in _segments)
            {
                segment.Dispose();
            }

            _segments.Clear();
        }
    }

    private AlertSegment WritableSegment()
    {
        if (_segments is [.., var last] && last.Count < _linesPerSegment)
        {
            return last;
        }

        var next = _segments.Count == 0 ? 1 : _segments[^1].Number + 1;
        var segment = AlertSegment.Open(_directory, next);
        _segments.Add(segment);
        while (_segments.Skip(1).Sum(static kept => kept.Count) >= _capacity)
        {
            _segments[0].Delete();
            _segments.RemoveAt(0);
        }

        return segment;
    }

    private void Load(string path)
    {
        if (!long.TryParse(Path.GetFileNameWithoutExtension(path), out var number))
        {
            return;
        }

        var segment = AlertSegment.Open(_directory, number);
        _segments.Add(segment);
        if (segment.Skipped > 0)
        {
            LogWarningDamagedHistory(path, segment.Skipped);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path} has {Lines} damaged lines, as after a power loss or a full disk; the other alerts in it are kept.")]
    private partial void LogWarningDamagedHistory(string path, int lines);
}

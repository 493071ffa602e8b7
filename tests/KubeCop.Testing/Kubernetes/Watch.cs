using System.Buffers;
using System.Globalization;
using System.IO.Pipelines;
using System.Threading.Channels;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// One client's watch. It sleeps until it is signalled: by a change of its kind, or by the server's one clock when a bookmark or its end is due.
/// </summary>
internal sealed class Watch
{
    private readonly Channel<bool> _signals = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _cut = new();
    private readonly ObjectStore _store;
    private readonly ResourceTable _table;
    private readonly Selectors _selectors;
    private readonly Rendering _rendering;
    private readonly TimeSpan? _bookmarkPeriod;
    private readonly DateTimeOffset _deadline;
    private readonly string _prefix;
    private readonly ApiStatusException? _error;
    private IEnumerable<StoredObject> _initial = [];
    private long _position;
    private DateTimeOffset _bookmarkAt;
    private volatile bool _isBookmarkDue;
    private volatile bool _isEnding;
    private volatile bool _isSilent;

    /// <summary>Opens a watch from where the call says. Called under the store's gate.</summary>
    /// <param name="bookmarkPeriod">Between two bookmarks, for clients that allow them.</param>
    /// <param name="longest">How long it lasts when the client does not say.</param>
    public Watch(ObjectStore store, ApiCall call, ResourceKind kind, Selectors selectors, TimeProvider clock, TimeSpan bookmarkPeriod, TimeSpan longest)
    {
        var now = clock.GetUtcNow();
        (_store, Call, _selectors, _rendering) = (store, call, selectors, new Rendering(call, kind, clock));
        _table = store.Of(kind);
        _bookmarkPeriod = call.IsSet("allowWatchBookmarks") ? bookmarkPeriod : null;
        _bookmarkAt = now + bookmarkPeriod;
        _deadline = now + (call.Number("timeoutSeconds") is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : longest);
        _prefix = kind.IsNamespaced && call.Namespace.Length > 0 ? StoredObject.KeyOf(call.Namespace, "") : "";
        var from = call.Number("resourceVersion") ?? 0;
        if (from == 0)
        {
            (_initial, _position) = (_table.Objects.Values, _table.End);
        }
        else if (from < _table.OldestVersion)
        {
            _error = ApiStatusException.Expired($"too old resource version: {from.ToString(CultureInfo.InvariantCulture)} ({_table.OldestVersion})");
        }
        else
        {
            _position = _table.After(from);
        }

        _table.Add(this);
    }

    public ApiCall Call { get; }

    /// <summary>Cancelled when the connection is to be cut.</summary>
    public CancellationToken IsCut => _cut.Token;

    /// <summary>There may be something to do.</summary>
    public void Signal() => _signals.Writer.TryWrite(true);

    /// <summary>Ends it in good order, as when its time is over.</summary>
    public void End()
    {
        _isEnding = true;
        Signal();
    }

    /// <summary>Cuts the connection.</summary>
    public void Cut() => _cut.Cancel();

    /// <summary>From here on the client hears nothing more, and the connection stays.</summary>
    public void Silence() => _isSilent = true;

    public void Tick(DateTimeOffset now)
    {
        if (now >= _deadline)
        {
            End();
        }
        else if (_bookmarkPeriod is { } period && now >= _bookmarkAt)
        {
            _bookmarkAt = now + period;
            _isBookmarkDue = true;
            Signal();
        }
    }

    /// <summary>Writes events until it ends or the client goes.</summary>
    /// <param name="sent">Told of how many bytes were written.</param>
    public async Task RunAsync(PipeWriter output, Action<long> sent, CancellationToken cancellation)
    {
        try
        {
            foreach (var stored in _isSilent ? [] : _initial.Where(IsSeen))
            {
                Write(_rendering.Added(stored));
            }

            _initial = [];
            var changes = new List<Change>();
            while (true)
            {
                var isLast = !TakeChanges(changes, out var version);
                if (_isSilent)
                {
                    await output.FlushAsync(cancellation);
                    await Task.Delay(Timeout.InfiniteTimeSpan, cancellation);
                }

                foreach (var change in changes)
                {
                    Write(LineOf(change));
                }

                if (_error is not null)
                {
                    Write(Rendering.Error(_error));
                }
                else if (_bookmarkPeriod is not null && (_isBookmarkDue || isLast))
                {
                    _isBookmarkDue = false;
                    Write(_rendering.Bookmark(version));
                }

                var result = await output.FlushAsync(cancellation);
                if (isLast || result.IsCompleted)
                {
                    return;
                }

                await _signals.Reader.ReadAsync(cancellation);
            }
        }
        finally
        {
            lock (_store.Gate)
            {
                _table.Remove(this);
            }

            _cut.Dispose();
        }

        void Write(byte[] line)
        {
            output.Write(line);
            sent(line.Length);
        }
    }

    /// <returns>False when these are the last ones.</returns>
    private bool TakeChanges(List<Change> changes, out long version)
    {
        changes.Clear();
        lock (_store.Gate)
        {
            var isKept = _table.TryRead(_position, changes);
            _position += changes.Count;
            version = _store.Version;
            if (isKept && _position < _table.End)
            {
                // There is more, which a bookmark may not pass over.
                version = changes[^1].After.Version;
                Signal();
            }

            return isKept && !_isEnding && _error is null;
        }
    }

    /// <returns>What this watch says of a change; nothing when it is about none of its objects.</returns>
    private byte[] LineOf(Change change)
    {
        // An object that begins to match is new to this watch, one that ceases to is gone.
        var (was, @is) = (change.Before is not null && IsSeen(change.Before), !change.IsRemoval && IsSeen(change.After));
        return (was, @is) switch
        {
            (true, true) => _rendering.Event("MODIFIED", change, change.After),
            (false, true) => _rendering.Event("ADDED", change, change.After),
            (true, false) => _rendering.Event("DELETED", change, change.IsRemoval ? change.After : change.Before!.At(change.After.Version)),
            _ => [],
        };
    }

    private bool IsSeen(StoredObject stored) => stored.Key.StartsWith(_prefix, StringComparison.Ordinal) && _selectors.Matches(stored);
}

using KubeCop.Core.Alerts;

namespace KubeCop.Scanning.Scans;

/// <summary>
/// Tells of findings: new ones to everybody, and that others are still there to those who hold alerts as firing. A container that is full of malware,
/// as one that writes it on purpose, raises at most <see cref="Limit"/> alerts in <see cref="Window"/>; what is beyond is not taken for told, and so is
/// told by a later scan. Any thread may use it.
/// </summary>
internal sealed class FindingAlerts(FindingBook book, IAlertDispatcher alerts, TimeProvider time)
{
    public const int Limit = 100;
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(60);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, int> _told = new(StringComparer.Ordinal);
    private long _openedAt = time.GetTimestamp();
    private long _held;

    /// <summary>Findings that were over the limit.</summary>
    public long Held => Volatile.Read(ref _held);

    /// <param name="alert">Of a finding that is there now.</param>
    /// <param name="until">When to take it for gone, if it is not told of again.</param>
    /// <param name="isNews">Whether everybody is told in any case, though it may have been found before: something was done about it.</param>
    /// <returns>Whether everybody was told.</returns>
    public bool Tell(Alert alert, DateTimeOffset until, bool isNews = false)
    {
        lock (_lock)
        {
            if (isNews || !book.Contains(alert.Fingerprint))
            {
                return TellNew(alert with { Until = until }, isNews);
            }

            book.Add(alert.Fingerprint, alert.LastSeen);
        }

        alerts.Dispatch(alert with { State = AlertState.Ongoing, Until = until });
        return false;
    }

    private bool TellNew(Alert alert, bool isNews)
    {
        if (time.GetElapsedTime(_openedAt) >= Window)
        {
            _openedAt = time.GetTimestamp();
            _told.Clear();
        }

        var told = _told.GetValueOrDefault(alert.Container.Id);
        if (told >= Limit && !isNews)
        {
            Interlocked.Increment(ref _held);
            return false;
        }

        _told[alert.Container.Id] = told + 1;
        book.Add(alert.Fingerprint, alert.LastSeen);
        alerts.Dispatch(told + 1 != Limit ? alert : alert with
        {
            Message = $"{alert.Message}; these were {Limit} files within {Window.TotalSeconds:0} s, and further ones are told by later scans",
        });
        return true;
    }
}

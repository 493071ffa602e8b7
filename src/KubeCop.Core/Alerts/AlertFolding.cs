namespace KubeCop.Core.Alerts;

/// <summary>
/// Folds the repeats of one container's alerts: the first of a kind is sent at once and opens a window of <see cref="Window"/>, repeats in
/// it are only counted, and when it closes one summary tells how many there were. Not thread safe.
/// </summary>
/// <param name="capacity">
/// The most windows open at a time. With all of them open an alert of a new kind is sent without a window, so its repeats are sent too:
/// an attacker can make noise but not silence.
/// </param>
public sealed class AlertFolding(IAlertDispatcher alerts, TimeProvider time, int capacity = 1024)
{
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(60);

    private readonly Dictionary<(string RuleId, string Subject), OpenWindow> _open = [];

    // All windows have one length, so they close in the order in which they were opened.
    private readonly Queue<OpenWindow> _closing = new();

    /// <summary>Alerts that were sent without a window because too many were open.</summary>
    public long Overflows { get; private set; }

    /// <summary>Counts a repeat.</summary>
    /// <param name="seen">When the event happened.</param>
    /// <param name="count">How often.</param>
    /// <returns>False when there is no open window: the alert has to be sent.</returns>
    public bool TryFold(string ruleId, string subject, DateTimeOffset seen, uint count = 1)
    {
        CloseDue();
        if (!_open.TryGetValue((ruleId, subject), out var window))
        {
            return false;
        }

        window.Count += count;
        window.LastSeen = seen > window.LastSeen ? seen : window.LastSeen;
        return true;
    }

    /// <summary>Sends an alert that <see cref="TryFold"/> did not take, and opens its window.</summary>
    public void Send(Alert alert, string subject)
    {
        alerts.Dispatch(alert);
        if (_open.Count >= capacity)
        {
            Overflows++;
            return;
        }

        var window = new OpenWindow(alert, subject, time.GetTimestamp());
        _open.Add((alert.RuleId, subject), window);
        _closing.Enqueue(window);
    }

    /// <summary>Closes the windows whose time is over.</summary>
    public void CloseDue()
    {
        while (_closing.TryPeek(out var window) && time.GetElapsedTime(window.OpenedAt) >= Window)
        {
            CloseFirst();
        }
    }

    /// <summary>Closes all windows: nothing more will come.</summary>
    public void CloseAll()
    {
        while (_closing.Count > 0)
        {
            CloseFirst();
        }
    }

    private void CloseFirst()
    {
        var window = _closing.Dequeue();
        _open.Remove((window.First.RuleId, window.Subject));
        if (window.Count > 1)
        {
            alerts.Dispatch(window.First with
            {
                Id = Guid.CreateVersion7(time.GetUtcNow()).ToString(),
                State = AlertState.Summary,
                Count = window.Count,
                LastSeen = window.LastSeen,
            });
        }
    }

    private sealed class OpenWindow(Alert first, string subject, long openedAt)
    {
        public Alert First { get; } = first;

        public string Subject { get; } = subject;

        public long OpenedAt { get; } = openedAt;

        public long Count { get; set; } = first.Count;

        public DateTimeOffset LastSeen { get; set; } = first.LastSeen;
    }
}

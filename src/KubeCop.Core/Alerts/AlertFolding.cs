namespace KubeCop.Core.Alerts;

/// <summary>What becomes of something that a rule found.</summary>
public enum AlertFate
{
    /// <summary>To be sent.</summary>
    New,

    /// <summary>A repeat of what was sent, counted for its summary.</summary>
    Folded,

    /// <summary>To be sent as the one that says that the rule has reached its limit.</summary>
    LastBeforeLimit,

    /// <summary>Over the limit, counted for the summary of the one that said so.</summary>
    OverLimit,
}

/// <summary>
/// Keeps one container's alerts from being a flood. The first of a kind is sent at once and opens a window of <see cref="Window"/>,
/// repeats in it are only counted, and when it closes one summary tells how many there were. What is not a repeat is limited for each rule:
/// over the limit one alert says so, and its summary how many it stands for. Not thread safe.
/// </summary>
/// <param name="limit">The most alerts of one rule in a window of time.</param>
/// <param name="capacity">
/// The most windows open at a time. With all of them open an alert of a new kind is sent without a window, so its repeats are sent too:
/// an attacker can make noise, up to the limit, but not silence.
/// </param>
public sealed class AlertFolding(IAlertDispatcher alerts, TimeProvider time, int limit, int capacity = 1024)
{
    public static readonly TimeSpan Window = TimeSpan.FromSeconds(60);

    private readonly Dictionary<(string RuleId, string Subject), OpenWindow> _open = [];
    private readonly Dictionary<string, Budget> _budgets = new(StringComparer.Ordinal);

    // All windows have one length, so they close in the order in which they were opened.
    private readonly Queue<OpenWindow> _closing = new();

    /// <summary>Decides about a finding, and counts it where nothing is to be sent.</summary>
    /// <param name="seen">When the event happened.</param>
    /// <param name="count">How often.</param>
    public AlertFate Offer(string ruleId, string subject, DateTimeOffset seen, uint count = 1)
    {
        CloseDue();
        if (_open.TryGetValue((ruleId, subject), out var window))
        {
            window.Add(seen, count);
            return AlertFate.Folded;
        }

        var budget = BudgetOf(ruleId);
        if (budget.Sent < limit)
        {
            return AlertFate.New;
        }

        if (budget.OverLimit is not { } over)
        {
            return AlertFate.LastBeforeLimit;
        }

        over.Add(seen, count);
        return AlertFate.OverLimit;
    }

    /// <summary>Sends an alert that is <see cref="AlertFate.New"/> and opens its window.</summary>
    /// <returns>False when too many are open: its repeats will be sent too.</returns>
    public bool Send(Alert alert, string subject)
    {
        alerts.Dispatch(alert);
        BudgetOf(alert.RuleId).Sent++;
        if (_open.Count >= capacity)
        {
            return false;
        }

        _open.Add((alert.RuleId, subject), Open(alert, subject));
        return true;
    }

    /// <summary>Sends an alert that is <see cref="AlertFate.LastBeforeLimit"/> and opens the window in which others are counted.</summary>
    public void SendLast(Alert alert)
    {
        alerts.Dispatch(alert);
        BudgetOf(alert.RuleId).OverLimit = Open(alert, subject: null);
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

    private Budget BudgetOf(string ruleId)
    {
        if (!_budgets.TryGetValue(ruleId, out var budget))
        {
            budget = new Budget { OpenedAt = time.GetTimestamp() };
            _budgets.Add(ruleId, budget);
        }
        else if (time.GetElapsedTime(budget.OpenedAt) >= Window)
        {
            (budget.OpenedAt, budget.Sent) = (time.GetTimestamp(), 0);
        }

        return budget;
    }

    private OpenWindow Open(Alert alert, string? subject)
    {
        var window = new OpenWindow(alert, subject, time.GetTimestamp());
        _closing.Enqueue(window);
        return window;
    }

    private void CloseFirst()
    {
        var window = _closing.Dequeue();
        if (window.Subject is { } subject)
        {
            _open.Remove((window.First.RuleId, subject));
        }
        else
        {
            _budgets[window.First.RuleId].OverLimit = null;
        }

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

    /// <summary>What a rule may still raise, and what is counted beyond.</summary>
    private sealed class Budget
    {
        public long OpenedAt { get; set; }

        public int Sent { get; set; }

        public OpenWindow? OverLimit { get; set; }
    }

    /// <param name="subject">Null where it is about all that is over a rule's limit.</param>
    private sealed class OpenWindow(Alert first, string? subject, long openedAt)
    {
        public Alert First { get; } = first;

        public string? Subject { get; } = subject;

        public long OpenedAt { get; } = openedAt;

        public long Count { get; private set; } = first.Count;

        public DateTimeOffset LastSeen { get; private set; } = first.LastSeen;

        public void Add(DateTimeOffset seen, uint count)
        {
            Count += count;
            LastSeen = seen > LastSeen ? seen : LastSeen;
        }
    }
}

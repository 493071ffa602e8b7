using KubeCop.Core.Alerts;

namespace KubeCop.Host.Demo;

/// <summary>Shows the alerts of the demo's container, remembers them, and lets the script wait for one. Other containers of the machine are left out.</summary>
internal sealed class DemoAlerts(IAlertExporter screen, Func<Alert, bool> isOurs) : IAlertExporter
{
    private readonly Lock _lock = new();
    private readonly List<(Alert Alert, DateTimeOffset ShownAt)> _alerts = [];
    private TaskCompletionSource _arrived = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public string Name => "demo";

    public string Receiver => screen.Receiver;

    public IReadOnlyList<(Alert Alert, DateTimeOffset ShownAt)> Alerts
    {
        get
        {
            lock (_lock)
            {
                return [.. _alerts];
            }
        }
    }

    public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
    {
        List<Alert> ours = [.. batch.Where(isOurs)];
        if (ours.Count == 0)
        {
            return "left out";
        }

        var answer = screen.Export(ours, cancellationToken);
        lock (_lock)
        {
            _alerts.AddRange(ours.Select(static alert => (alert, DateTimeOffset.UtcNow)));
            _arrived.SetResult();
            _arrived = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        return answer;
    }

    /// <returns>False when no alert of the rule came in time.</returns>
    public async Task<bool> WaitForAsync(string ruleId, TimeSpan patience, CancellationToken cancellationToken)
    {
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(patience);
        while (true)
        {
            Task arrived;
            lock (_lock)
            {
                if (_alerts.Exists(entry => entry.Alert.RuleId == ruleId))
                {
                    return true;
                }

                arrived = _arrived.Task;
            }

            try
            {
                await arrived.WaitAsync(timeout.Token);
            }
            catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
            {
                return false;
            }
        }
    }
}

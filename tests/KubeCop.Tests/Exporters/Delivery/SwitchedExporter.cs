using KubeCop.Core.Alerts;

namespace KubeCop.Tests.Exporters.Delivery;

/// <summary>An exporter that is retried, whose receiver a test takes away and brings back.</summary>
internal sealed class SwitchedExporter(string name) : IAlertExporter
{
    private readonly Lock _lock = new();
    private readonly List<Alert> _alerts = [];

    public string Name => name;

    public string Receiver => "memory";

    public int BatchSize { get; init; } = 256;

    public bool IsRetried => true;

    /// <summary>What it throws, told the batch; null for nothing.</summary>
    public Func<IReadOnlyList<Alert>, Exception?>? Failure { get; set; }

    /// <summary>While it is not set, the receiver does not answer.</summary>
    public ManualResetEventSlim Answers { get; } = new(true);

    public int Calls { get; private set; }

    public IReadOnlyList<string> Ids
    {
        get
        {
            lock (_lock)
            {
                return [.. _alerts.Select(static alert => alert.Id)];
            }
        }
    }

    public IReadOnlyList<Alert> Alerts
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
        Calls++;
        Answers.Wait(cancellationToken);
        if (Failure?.Invoke(batch) is { } failure)
        {
            if (failure is ReceiverAwayException { Delivered: > 0 } away)
            {
                Take(batch.Take(away.Delivered));
            }

            throw failure;
        }

        Take(batch);
        return "taken";
    }

    private void Take(IEnumerable<Alert> alerts)
    {
        lock (_lock)
        {
            _alerts.AddRange(alerts);
        }
    }
}

using System.Collections.Concurrent;
using KubeCop.Core;
using KubeCop.Core.Alerts;
using KubeCop.Core.Rules;
using KubeCop.Storage;
using Microsoft.Extensions.Logging;

namespace KubeCop.Exporters.Delivery;

/// <summary>One exporter, the alerts that wait for it, and the thread that hands them over: again and again, where the exporter is one that is retried.</summary>
internal sealed partial class ExportLane : IDisposable
{
    public const string QueueFull = "queue_full";
    public const string Stopped = "stopped";
    public const string Failed = "failed";
    public const string Refused = "refused";
    public const string Expired = "expired";
    public const string PushedOut = "pushed_out";
    public const string Unreadable = "unreadable";

    private readonly IAlertExporter _exporter;
    private readonly Outbox _outbox;
    private readonly DeliveryOptions _options;
    private readonly RuleCounters _rules;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ConcurrentDictionary<string, long> _drops = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<(Alert Alert, TaskCompletionSource<TestDelivery> Result)> _tests = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly AutoResetEvent _arrived = new(false);
    private readonly AutoResetEvent _hurry = new(false);
    private readonly CancellationTokenSource _stop = new();
    private RetryPause _pause;
    private int _limit;
    private long _exported;
    private long _waitingSince;
    private long _lastSuccess;
    private volatile ExportFailure? _failure;
    private volatile string? _diskFailure;
    private volatile bool _completed;
    private volatile bool _closed;

    public ExportLane(IAlertExporter exporter, Outbox outbox, DeliveryOptions options, RuleCounters rules, TimeProvider time, ILogger logger)
    {
        (_exporter, _outbox, _options, _rules, _time, _logger) = (exporter, outbox, options, rules, time, logger);
        _pause = new RetryPause(options.FirstPause, options.LongestPause);
        _limit = exporter.BatchSize;
        new Thread(Pump) { Name = $"export-{exporter.Name}", IsBackground = true }.Start();
    }

    public string Name => _exporter.Name;

    public bool IsRetried => _exporter.IsRetried;

    public IEnumerable<DropCount> Drops => _drops.Select(drop => new DropCount(Name, drop.Key, drop.Value));

    /// <summary>Why the last batch was not handed over, or not all of it, or cannot wait as it should; null when all is well.</summary>
    public ExportFailure? Failure => _failure ?? (_diskFailure is { } disk ? new ExportFailure(Name, disk) : null);

    public ExporterStatus Status => new()
    {
        Name = Name,
        Receiver = _exporter.Receiver,
        Exported = Interlocked.Read(ref _exported),
        Waiting = _outbox.Count,
        DiskBytes = _outbox.DiskBytes,
        Lag = Interlocked.Read(ref _waitingSince) is var since and > 0 ? _time.GetUtcNow() - new DateTimeOffset(since, TimeSpan.Zero) : TimeSpan.Zero,
        LastSuccess = Interlocked.Read(ref _lastSuccess) is var last and > 0 ? new DateTimeOffset(last, TimeSpan.Zero) : null,
        Failure = Failure?.Reason,
    };

    /// <summary>Whether it is time to write to the disk without waiting for more.</summary>
    public bool IsCrowded => IsRetried && _outbox.IsCrowded;

    /// <summary>Whether there is something that the disk should have, soon.</summary>
    public bool HasInMemory => IsRetried && _outbox.InMemory > 0;

    /// <returns>Whether it waits now.</returns>
    public bool Enqueue(Alert alert)
    {
        if (!_exporter.Takes(alert))
        {
            return false;
        }

        if (_completed || !_outbox.TryAdd(alert))
        {
            if (!_completed)
            {
                _failure ??= new ExportFailure(Name, $"It takes alerts more slowly than they come: {_outbox.Count} are waiting, and new ones are dropped.");
            }

            CountDrop(_completed ? Stopped : QueueFull, [alert]);
            return false;
        }

        _arrived.Set();
        return true;
    }

    /// <summary>Hands over an alert before all others that wait.</summary>
    public async Task<TestDelivery> TestAsync(Alert alert, TimeSpan patience, CancellationToken cancellationToken)
    {
        var result = new TaskCompletionSource<TestDelivery>(TaskCreationOptions.RunContinuationsAsynchronously);
        _tests.Enqueue((alert, result));
        _arrived.Set();
        _hurry.Set();
        try
        {
            return await result.Task.WaitAsync(patience, _time, cancellationToken);
        }
        catch (TimeoutException)
        {
            return new TestDelivery(Name, _exporter.Receiver, false, $"No answer within {patience.TotalSeconds:0} s.", patience);
        }
    }

    /// <summary>Writes what waits to the disk, so that it survives the process.</summary>
    /// <param name="everything">Also what has just come.</param>
    public void Spill(bool everything)
    {
        try
        {
            if (_outbox.Write(everything) is { Count: > 0 } pushedOut && CountDrop(PushedOut, [.. pushedOut.Select(static waiting => waiting.Alert)]))
            {
                LogErrorPushedOut(Name, _options.MaxDiskBytes);
            }

            _diskFailure = null;
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            var (reason, remedy) = DiskErrors.Explain(error, "the data directory");
            if (_diskFailure is null)
            {
                LogErrorNotSpilled(Name, reason, remedy);
            }

            _diskFailure = $"Alerts that wait are in memory only, and lost with the process: {reason}. {remedy}";
        }
    }

    /// <summary>Takes no more; completes when everything that waits was handed over, or was tried once more in vain.</summary>
    public Task CompleteAsync()
    {
        _completed = true;
        _arrived.Set();
        _hurry.Set();
        return _ended.Task;
    }

    /// <summary>Ends what is under way. What is left stays on the disk, or is lost.</summary>
    public void Close()
    {
        if (_closed)
        {
            return;
        }

        _closed = _completed = true;
        _stop.Cancel();
        _arrived.Set();
        if (IsRetried)
        {
            Spill(everything: true);
        }

        CountDrop(Stopped, [.. _outbox.DropMemory().Select(static waiting => waiting.Alert)]);
        _outbox.Close();
    }

    public void Dispose() => Close();

    private void Pump()
    {
        while (!_closed)
        {
            while (_tests.TryDequeue(out var test))
            {
                test.Result.SetResult(Test(test.Alert));
            }

            var batch = _outbox.Peek(_limit, out var unreadable);
            if (unreadable > 0)
            {
                CountUnreadable(unreadable);
            }

            if (batch.Count > 0)
            {
                Interlocked.Exchange(ref _waitingSince, batch[0].Since.UtcTicks);
                if (!Deliver(batch) && _completed)
                {
                    break;
                }

                continue;
            }

            Interlocked.Exchange(ref _waitingSince, 0);
            if (_completed)
            {
                break;
            }

            _arrived.WaitOne();
        }

        _ended.TrySetResult();
    }

    /// <returns>False when the receiver is away, after a pause.</returns>
    private bool Deliver(IReadOnlyList<WaitingAlert> batch)
    {
        if (_exporter.IsRetried && _time.GetUtcNow() - batch[0].Since > _options.MaxAge)
        {
            Drop(batch, batch.TakeWhile(waiting => _time.GetUtcNow() - waiting.Since > _options.MaxAge).Count(), Expired);
            return true;
        }

        var alerts = new Alert[batch.Count];
        for (var i = 0; i < alerts.Length; i++)
        {
            alerts[i] = batch[i].Alert;
        }

        try
        {
            _exporter.Export(alerts, _stop.Token);
            Succeeded(batch, batch.Count);
            _failure = null;
            _limit = Math.Min(_exporter.BatchSize, _limit * 2);
        }
        catch (ReceiverAwayException exception) when (_exporter.IsRetried)
        {
            Succeeded(batch, exception.Delivered);
            FailWith(exception.Message);
            Pause(_pause.Next(exception.RetryAfter));
            return false;
        }
        catch (AlertsRefusedException) when (batch.Count > 1)
        {
            _limit = batch.Count / 2;
        }
        catch (AlertsRefusedException exception)
        {
            FailWith(exception.Message);
            Drop(batch, 1, Refused, exception.Message);
        }
        catch (ExportException exception)
        {
            FailWith(exception.Message);
            Succeeded(batch, batch.Count - exception.Lost);
            Drop([.. batch.TakeLast(exception.Lost)], exception.Lost, exception.Reason, exception.Message);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return false;
        }
#pragma warning disable CA1031 // A broken exporter must not end the thread that the next alerts need.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            _failure = new ExportFailure(Name, $"The exporter failed, see the log: {exception.Message}");
            if (Drop(batch, batch.Count, Failed))
            {
                LogErrorExporterFailed(exception, Name);
            }
        }

        return true;
    }

    private TestDelivery Test(Alert alert)
    {
        var started = _time.GetTimestamp();
        try
        {
            var answer = _exporter.Export([alert], _stop.Token);
            return new TestDelivery(Name, _exporter.Receiver, true, answer, _time.GetElapsedTime(started));
        }
#pragma warning disable CA1031 // Whatever goes wrong is what was asked for.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            return new TestDelivery(Name, _exporter.Receiver, false, exception.Message, _time.GetElapsedTime(started));
        }
    }

    private void Succeeded(IReadOnlyList<WaitingAlert> batch, int delivered)
    {
        if (delivered == 0)
        {
            return;
        }

        _outbox.Confirm(batch[delivered - 1]);
        _pause.Succeeded();
        Interlocked.Exchange(ref _lastSuccess, _time.GetUtcNow().UtcTicks);
        Interlocked.Add(ref _exported, delivered);
        if (delivered == batch.Count && _failure is not null && _exporter.IsRetried)
        {
            LogInformationRecovered(Name, _exporter.Receiver, _outbox.Count);
        }
    }

    private void FailWith(string message)
    {
        if (_failure is null && _exporter.IsRetried)
        {
            LogWarningAway(Name, message);
        }

        _failure = new ExportFailure(Name, message);
    }

    /// <summary>A pause that a test alert and the end cut short.</summary>
    private void Pause(TimeSpan pause)
    {
        if (!_completed && _tests.IsEmpty)
        {
            _hurry.WaitOne(pause);
        }
    }

    /// <returns>True for the first drop of this reason.</returns>
    private bool Drop(IReadOnlyList<WaitingAlert> batch, int count, string reason, string detail = "")
    {
        if (count == 0)
        {
            return false;
        }

        _outbox.Confirm(batch[count - 1]);
        var isFirst = CountDrop(reason, [.. batch.Take(count).Select(static waiting => waiting.Alert)]);
        if (isFirst && reason != Failed)
        {
            LogErrorExporterLosesAlerts(Name, reason, detail);
        }

        return isFirst;
    }

    private void CountUnreadable(int count)
    {
        _drops.AddOrUpdate(Unreadable, count, (_, known) => known + count);
        LogErrorExporterLosesAlerts(Name, Unreadable, $"{count} that waited on the disk cannot be read.");
    }

    /// <returns>True for the first drop of this reason: logged once, counted always.</returns>
    private bool CountDrop(string reason, IReadOnlyList<Alert> lost)
    {
        if (lost.Count == 0)
        {
            return false;
        }

        foreach (var alert in lost)
        {
            _rules.Of(alert.RuleId).AddSuppressed(Suppression.ExporterDrop);
        }

        return _drops.AddOrUpdate(reason, lost.Count, (_, known) => known + lost.Count) == lost.Count;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Exporter {Exporter} loses alerts ({Reason}): {Detail} Further losses are only counted, see kubecop_alerts_dropped_total.")]
    private partial void LogErrorExporterLosesAlerts(string exporter, string reason, string detail);

    [LoggerMessage(Level = LogLevel.Error, Message = "Exporter {Exporter} failed. Further failures are only counted, see kubecop_alerts_dropped_total.")]
    private partial void LogErrorExporterFailed(Exception exception, string exporter);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Exporter {Exporter} cannot hand over alerts; they wait and are tried again. {Detail}")]
    private partial void LogWarningAway(string exporter, string detail);

    [LoggerMessage(Level = LogLevel.Information, Message = "Exporter {Exporter} hands over alerts again, to {Receiver}; {Waiting} are waiting.")]
    private partial void LogInformationRecovered(string exporter, string receiver, long waiting);

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Exporter {Exporter} gives up alerts below high severity for others: {Bytes} bytes are waiting on the disk. Further ones are only counted, see kubecop_alerts_dropped_total.")]
    private partial void LogErrorPushedOut(string exporter, long bytes);

    [LoggerMessage(Level = LogLevel.Error, Message = "Alerts that wait for exporter {Exporter} cannot be written to the disk: {Reason}. {Remedy} They are kept in memory and would be lost with the process.")]
    private partial void LogErrorNotSpilled(string exporter, string reason, string remedy);
}

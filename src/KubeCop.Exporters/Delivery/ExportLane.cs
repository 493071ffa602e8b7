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
    /// <summary>Alerts refused alone, one after the other, from which on the receiver is to blame and not the alert.</summary>
    private const int ManyRefusals = 3;

    /// <summary>Batches in a row that a receiver takes before it is given larger ones again: each that is too large costs a timeout.</summary>
    private const int BatchesBeforeLarger = 8;

    /// <summary>Tries of one alert that are refused, or fail, then.</summary>
    private const int MostTries = 5;

    private readonly IAlertExporter _exporter;
    private readonly Outbox _outbox;
    private readonly DeliveryOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly LaneDrops _drops;
    private readonly ConcurrentQueue<(Alert Alert, TaskCompletionSource<TestDelivery> Result)> _tests = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly AutoResetEvent _arrived = new(false);
    private readonly AutoResetEvent _hurry = new(false);
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private RetryPause _pause;
    private int _limit;
    private int _batchesUntilLarger;
    private int _refusals;
    private int _tries;
    private long _exported;
    private long _waitingSince;
    private long _lastSuccess;
    private volatile ExportFailure? _failure;
    private volatile string? _diskFailure;
    private volatile bool _completed;
    private volatile bool _closed;
    private bool _hasBegun;

    public ExportLane(IAlertExporter exporter, Outbox outbox, DeliveryOptions options, RuleCounters rules, TimeProvider time, ILogger logger)
    {
        (_exporter, _outbox, _options, _time, _logger) = (exporter, outbox, options, time, logger);
        _drops = new LaneDrops(exporter.Name, rules);
        _pause = new RetryPause(options.FirstPause, options.LongestPause);
        _limit = exporter.BatchSize;
        _thread = new Thread(Pump) { Name = $"export-{exporter.Name}", IsBackground = true };
    }

    public string Name => _exporter.Name;

    public bool IsRetried => _exporter.IsRetried;

    public IEnumerable<DropCount> Drops => _drops.Counts;

    /// <summary>Why the last batch was not handed over, or not all of it, or cannot wait as it should; null when all is well.</summary>
    public ExportFailure? Failure => (_failure, _diskFailure) switch
    {
        ({ } failure, { } disk) => failure with { Reason = $"{failure.Reason} {disk}" },
        (null, { } disk) => new ExportFailure(Name, disk),
        var (failure, _) => failure,
    };

    public ExporterStatus Status => new()
    {
        Name = Name,
        Receiver = _exporter.Receiver,
        Exported = Interlocked.Read(ref _exported),
        Waiting = _outbox.Count,
        DiskBytes = _outbox.DiskBytes,
        Lag = Interlocked.Read(ref _waitingSince) is var since and > 0 ? _outbox.Now - new DateTimeOffset(since, TimeSpan.Zero) : TimeSpan.Zero,
        LastSuccess = Interlocked.Read(ref _lastSuccess) is var last and > 0 ? new DateTimeOffset(last, TimeSpan.Zero) : null,
        Failure = Failure?.Reason,
    };

    /// <summary>Whether it is time to write to the disk without waiting for more.</summary>
    public bool IsCrowded => IsRetried && _outbox.IsCrowded;

    /// <summary>Whether there is something that the disk should have, soon.</summary>
    public bool HasInMemory => IsRetried && _outbox.InMemory > 0;

    /// <summary>Begins to hand over.</summary>
    public void Begin()
    {
        if (!_hasBegun && !_closed)
        {
            _hasBegun = true;
            _thread.Start();
        }
    }

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

            _drops.Add(_completed ? LaneDrops.Stopped : LaneDrops.QueueFull, [alert]);
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
            result.TrySetCanceled(CancellationToken.None);
            return new TestDelivery(Name, _exporter.Receiver, false, $"No answer within {patience.TotalSeconds:0} s.", patience);
        }
    }

    /// <summary>Writes what waits to the disk, so that it survives the process.</summary>
    /// <param name="everything">Also what has just come.</param>
    public void Spill(bool everything)
    {
        try
        {
            if (_outbox.Write(everything) is { Count: > 0 } pushedOut && _drops.Add(LaneDrops.PushedOut, pushedOut.Select(static waiting => waiting.Alert)))
            {
                LogErrorPushedOut(Name, _options.MaxDiskBytes);
            }

            _diskFailure = null;
        }
#pragma warning disable CA1031 // Of the thread that writes for all exporters: whatever goes wrong for one must not end it.
        catch (Exception error)
#pragma warning restore CA1031
        {
            var (reason, remedy) = DiskErrors.IsDiskError(error)
                ? DiskErrors.Explain(error, "the data directory")
                : (error.Message, "This is a defect of KubeCop: please report it with the log.");
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
        Begin();
        _completed = true;
        _arrived.Set();
        _hurry.Set();
        return _ended.Task;
    }

    /// <summary>Ends what is under way.</summary>
    public void Cancel()
    {
        _completed = true;
        _stop.Cancel();
        _arrived.Set();
        _hurry.Set();
    }

    /// <summary>Closes it: what is left stays on the disk, or is lost.</summary>
    /// <param name="patience">For what is under way, if it does not end at once.</param>
    public void Close(TimeSpan patience)
    {
        Cancel();
        if (_closed)
        {
            return;
        }

        _closed = true;
        if (_hasBegun)
        {
            _thread.Join(patience);
        }

        if (IsRetried)
        {
            Spill(everything: true);
        }

        _drops.Add(LaneDrops.Stopped, _outbox.DropMemory().Select(static waiting => waiting.Alert));
        _outbox.Close();
    }

    public void Dispose() => Close(TimeSpan.Zero);

    private void Pump()
    {
        while (!_closed)
        {
            while (_tests.TryDequeue(out var test))
            {
                if (!test.Result.Task.IsCompleted)
                {
                    test.Result.TrySetResult(Test(test.Alert));
                }
            }

            var isLastTry = _completed;
            var batch = Peek();
            if (batch is null || batch.Count > 0)
            {
                var isDelivered = batch is not null && !_closed && Deliver(batch);
                _outbox.Release();
                if (!isDelivered && isLastTry)
                {
                    break;
                }

                continue;
            }

            Interlocked.Exchange(ref _waitingSince, 0);
            if (isLastTry)
            {
                break;
            }

            _arrived.WaitOne();
        }

        _ended.TrySetResult();
    }

    /// <returns>Null when the disk does not give what waits there, after a pause.</returns>
    private IReadOnlyList<WaitingAlert>? Peek()
    {
        try
        {
            var batch = _outbox.Peek(_limit, out var unreadable);
            if (unreadable > 0)
            {
                _drops.Add(LaneDrops.Unreadable, unreadable);
                LogErrorExporterLosesAlerts(Name, LaneDrops.Unreadable, $"{unreadable} that waited on the disk cannot be read.");
            }

            return batch;
        }
        catch (Exception error) when (DiskErrors.IsDiskError(error))
        {
            var (reason, remedy) = DiskErrors.Explain(error, "the data directory");
            FailWith($"What waits on the disk cannot be read: {reason}. {remedy}");
            Pause(_pause.Next());
            return null;
        }
    }

    /// <returns>False when the receiver is away, after a pause.</returns>
    private bool Deliver(IReadOnlyList<WaitingAlert> batch)
    {
        Interlocked.Exchange(ref _waitingSince, batch[0].Since.UtcTicks);
        if (_exporter.IsRetried && _outbox.Now - batch[0].Since > _options.MaxAge)
        {
            Drop(batch, batch.TakeWhile(waiting => _outbox.Now - waiting.Since > _options.MaxAge).Count(), LaneDrops.Expired);
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
            (_failure, _refusals) = (null, 0);
            if (_batchesUntilLarger-- <= 0)
            {
                (_batchesUntilLarger, _limit) = (0, Math.Min(_exporter.BatchSize, _limit * 2));
            }

            return true;
        }
        catch (Exception) when (_exporter.IsRetried && _stop.IsCancellationRequested)
        {
            // Whatever it says of an exporter that is being ended, what it did not take is tried at the next start.
            return false;
        }
        catch (ReceiverAwayException exception) when (_exporter.IsRetried)
        {
            Succeeded(batch, exception.Delivered);
            if (exception.Delivered == 0)
            {
                // It may have been too much for the time there is.
                (_limit, _batchesUntilLarger) = (Math.Max(1, batch.Count / 2), BatchesBeforeLarger);
            }

            return Fail(exception.Message, exception.RetryAfter);
        }
        catch (AlertsRefusedException) when (batch.Count > 1)
        {
            _limit = batch.Count / 2;
            return true;
        }
        catch (AlertsRefusedException exception) when (_refusals >= ManyRefusals && ++_tries < MostTries)
        {
            return Fail($"It refuses each alert: {exception.Message}", retryAfter: null);
        }
        catch (AlertsRefusedException exception)
        {
            if (++_refusals > 1)
            {
                // The first may be that alert's own fault.
                FailWith($"It refuses alerts: {exception.Message}");
            }

            Drop(batch, 1, LaneDrops.Refused, exception.Message);
            return true;
        }
        catch (ExportException exception)
        {
            Succeeded(batch, batch.Count - exception.Lost);
            _failure = new ExportFailure(Name, exception.Message);
            Drop([.. batch.TakeLast(exception.Lost)], exception.Lost, exception.Reason, exception.Message);
            return true;
        }
#pragma warning disable CA1031 // A broken exporter must not end the thread that the next alerts need.
        catch (Exception exception)
#pragma warning restore CA1031
        {
            var message = $"The exporter failed, see the log: {exception.Message}";
            if (_failure?.Reason != message)
            {
                LogErrorExporterFailed(exception, Name);
            }

            if (_exporter.IsRetried && ++_tries < MostTries)
            {
                return Fail(message, retryAfter: null);
            }

            Drop(batch, batch.Count, LaneDrops.Failed);
            _failure = new ExportFailure(Name, message);
            return true;
        }
    }

    private bool Fail(string message, TimeSpan? retryAfter)
    {
        FailWith(message);
        Pause(_pause.Next(retryAfter));
        return false;
    }

    private TestDelivery Test(Alert alert)
    {
        var started = _time.GetTimestamp();
        if (!_exporter.Takes(alert))
        {
            return new TestDelivery(Name, _exporter.Receiver, true, "left out: such alerts do not go there", TimeSpan.Zero);
        }

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
        _tries = 0;
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
        _tries = 0;
        var isFirst = _drops.Add(reason, batch.Take(count).Select(static waiting => waiting.Alert));
        if (isFirst && reason != LaneDrops.Failed)
        {
            LogErrorExporterLosesAlerts(Name, reason, detail);
        }

        return isFirst;
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

    [LoggerMessage(
        Level = LogLevel.Error,
        Message = "Alerts that wait for exporter {Exporter} cannot be written to the disk: {Reason}. {Remedy} They are kept in memory and would be lost with the process.")]
    private partial void LogErrorNotSpilled(string exporter, string reason, string remedy);
}

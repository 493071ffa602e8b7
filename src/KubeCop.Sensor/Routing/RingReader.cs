using System.Diagnostics;
using KubeCop.Sensor.Bpf;
using Microsoft.Extensions.Logging;

namespace KubeCop.Sensor.Routing;

/// <summary>
/// The thread that empties the ring. At low rates the kernel wakes it for each event, so nothing waits; when wake-ups come close together
/// it tells the kernel to keep them for critical events and looks at the ring every millisecond instead.
/// </summary>
internal sealed partial class RingReader : IDisposable
{
    /// <summary>Records read before other work gets its turn.</summary>
    private const int Chunk = 4096;

    private const int NapMilliseconds = 1;
    private const int SleepMilliseconds = 100;

    /// <summary>So many wake-ups in a row, each within a nap of the one before, begin polling.</summary>
    private const int WakeupsToPoll = 8;

    /// <summary>A nap that found fewer events ends polling.</summary>
    private const int EventsToPoll = 16;

    private static readonly long ExpireInterval = Stopwatch.Frequency;

    private readonly KernelPrograms _programs;
    private readonly IRecordConsumer _consumer;
    private readonly ContainerRouter _router;
    private readonly RingWaiter _waiter;
    private readonly ILogger<RingReader> _logger;
    private readonly Thread _thread;
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _stopping;

    /// <param name="consumer">Takes the records: the router, or what stands before it.</param>
    public RingReader(KernelPrograms programs, IRecordConsumer consumer, ContainerRouter router, RingWaiter waiter, ILogger<RingReader> logger)
    {
        _programs = programs;
        _consumer = consumer;
        _router = router;
        _waiter = waiter;
        _logger = logger;
        _thread = new Thread(Run) { Name = "kubecop-ring", IsBackground = true };
    }

    /// <summary>Fails when the thread has; a sensor without reader is blind.</summary>
    public Task Completion => _drained.Task;

    public void Start() => _thread.Start();

    /// <summary>Reads what is in the ring, hands everything to the grains, then ends.</summary>
    /// <returns>Completes when every grain has taken its events, or the thread has given up.</returns>
    public Task StopAsync()
    {
        _stopping = true;
        _waiter.Wake();
        return _drained.Task;
    }

    public void Dispose()
    {
        _stopping = true;
        _waiter.Wake();
        if (_thread.IsAlive)
        {
            _thread.Join();
        }
    }

    private void Run()
    {
        try
        {
            Loop();
            _drained.TrySetResult();
        }
        catch (Exception exception)
        {
            LogFailed(exception);
            _drained.TrySetException(exception);
        }
    }

    private void Loop()
    {
        var polls = false;
        var closeWakeups = 0;
        var lastWakeup = 0L;
        var lastExpire = Stopwatch.GetTimestamp();
        Func<bool> hasWork = () => _router.HasWork;
        while (true)
        {
            var total = 0;
            int read;
            do
            {
                read = _programs.Rings.Read(_consumer, Chunk);
                total += read;
                if (_stopping)
                {
                    _router.Hurry();
                }

                _router.Settle();
            }
            while (read == Chunk);

            if (_stopping && total == 0 && _router.IsIdle)
            {
                return;
            }

            var now = Stopwatch.GetTimestamp();
            if (now - lastExpire > ExpireInterval)
            {
                _router.Expire();
                lastExpire = now;
            }

            var polled = polls;
            if (polls)
            {
                polls = total >= EventsToPoll;
                closeWakeups = 0;
            }
            else if (total > 0)
            {
                closeWakeups = Stopwatch.GetElapsedTime(lastWakeup, now).TotalMilliseconds < NapMilliseconds ? closeWakeups + 1 : 0;
                lastWakeup = now;
                polls = closeWakeups >= WakeupsToPoll;
            }

            _programs.ReaderPolls = polls;
            // After polling, an event may have been sent without a wake-up just before the kernel saw the change: look again soon.
            _waiter.Wait(polls || polled || _stopping ? NapMilliseconds : SleepMilliseconds, hasWork);
        }
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "The ring's reader has failed: no events are seen any more")]
    private partial void LogFailed(Exception exception);
}

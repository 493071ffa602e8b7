namespace KubeCop.Host.Silo;

/// <summary>
/// Collects the silo's counters for the dashboard's page of them, but only while somebody looks: the dashboard's own service does so every
/// second for ever, which takes 1 % of a core, half of what an idle silo uses.
/// </summary>
internal sealed class DashboardCounters : IHostedService, IAsyncDisposable
{
    /// <summary>How long after the last look they are still collected.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private readonly IServiceProvider _silo;
    private readonly Type _collector;
    private readonly TimeProvider _time;
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private IAsyncDisposable? _running;
    private long _looked;

    internal DashboardCounters(IServiceProvider silo, Type collector)
    {
        (_silo, _collector, _time) = (silo, collector, silo.GetRequiredService<TimeProvider>());
        _timer = _time.CreateTimer(_ => _ = StopWhenUnseenAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public bool AreCollected => _running is not null;

    /// <summary>To be called after the dashboard was added.</summary>
    /// <exception cref="InvalidOperationException">This version of the dashboard has no collector of that name.</exception>
    public static void AddTo(IServiceCollection services)
    {
        var collector = services.SingleOrDefault(static service => service.ServiceType.FullName == "Orleans.Dashboard.DashboardHost")?.ServiceType
            ?? throw new InvalidOperationException("Orleans' dashboard has no DashboardHost that could be stopped and started.");
        services.AddSingleton(silo => new DashboardCounters(silo, collector));
        services.AddHostedService(static silo => silo.GetRequiredService<DashboardCounters>());
    }

    /// <summary>Somebody looks at the dashboard.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        Lifecycle lifecycle;
        lock (_lock)
        {
            _looked = _time.GetTimestamp();
            if (_running is not null)
            {
                return;
            }

            var started = ActivatorUtilities.CreateInstance(_silo, _collector);
            lifecycle = new Lifecycle();
            ((ILifecycleParticipant<ISiloLifecycle>)started).Participate(lifecycle);
            _running = (IAsyncDisposable)started;
            _timer.Change(Period, Period);
        }

        await lifecycle.StartAsync(cancellationToken);
    }

    /// <summary>Ends the collection that the silo has begun when it started.</summary>
    public async Task StartAsync(CancellationToken cancellationToken) => await ((IAsyncDisposable)_silo.GetRequiredService(_collector)).DisposeAsync();

    public Task StopAsync(CancellationToken cancellationToken) => StopCollectingAsync();

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        await StopCollectingAsync();
    }

    private Task StopWhenUnseenAsync() => _time.GetElapsedTime(Volatile.Read(ref _looked)) < Patience ? Task.CompletedTask : StopCollectingAsync();

    private async Task StopCollectingAsync()
    {
        IAsyncDisposable? stopped;
        lock (_lock)
        {
            (stopped, _running) = (_running, null);
            if (stopped is not null)
            {
                _timer.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
        }

        if (stopped is not null)
        {
            await stopped.DisposeAsync();
        }
    }

    /// <summary>That of a silo which has started: what takes part in it starts at once.</summary>
    private sealed class Lifecycle : ISiloLifecycle
    {
        private readonly List<ILifecycleObserver> _observers = [];

        public int HighestCompletedStage => ServiceLifecycleStage.Active;

        public int LowestStoppedStage => int.MaxValue;

        public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
        {
            _observers.Add(observer);
            return Nothing.Instance;
        }

        public async Task StartAsync(CancellationToken cancellationToken)
        {
            foreach (var observer in _observers)
            {
                await observer.OnStart(cancellationToken);
            }
        }
    }

    private sealed class Nothing : IDisposable
    {
        public static readonly Nothing Instance = new();

        public void Dispose()
        {
        }
    }
}

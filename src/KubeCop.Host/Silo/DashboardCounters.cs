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
    private IHostedService? _running;
    private long _looked;

    internal DashboardCounters(IServiceProvider silo, Type collector)
    {
        (_silo, _collector, _time) = (silo, collector, silo.GetRequiredService<TimeProvider>());
        _timer = _time.CreateTimer(_ => _ = StopWhenUnseenAsync(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public bool AreCollected => _running is not null;

    /// <summary>Takes the place of the dashboard's service.</summary>
    /// <exception cref="InvalidOperationException">This version of the dashboard has no service of that name.</exception>
    public static void Replace(IServiceCollection services)
    {
        var service = services.SingleOrDefault(static service => TypeOf(service) is { Name: "DashboardHost" })
            ?? throw new InvalidOperationException("Orleans' dashboard has no service DashboardHost that could be started on demand.");
        services.Remove(service);
        services.AddSingleton(silo => new DashboardCounters(silo, TypeOf(service)!));
        services.AddHostedService(static silo => silo.GetRequiredService<DashboardCounters>());
    }

    /// <summary>Somebody looks at the dashboard.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        IHostedService started;
        lock (_lock)
        {
            _looked = _time.GetTimestamp();
            if (_running is not null)
            {
                return;
            }

            _running = started = (IHostedService)ActivatorUtilities.CreateInstance(_silo, _collector);
            _timer.Change(Period, Period);
        }

        await started.StartAsync(cancellationToken);
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => StopCollectingAsync();

    public async ValueTask DisposeAsync()
    {
        await _timer.DisposeAsync();
        await StopCollectingAsync();
    }

    // Registered by type, or by a function that returns it.
    private static Type? TypeOf(ServiceDescriptor service) => service.ServiceType != typeof(IHostedService)
        ? null
        : service.ImplementationType ?? service.ImplementationFactory?.Method.ReturnType;

    private Task StopWhenUnseenAsync() => _time.GetElapsedTime(Volatile.Read(ref _looked)) < Patience ? Task.CompletedTask : StopCollectingAsync();

    private async Task StopCollectingAsync()
    {
        IHostedService? stopped;
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
            await stopped.StopAsync(CancellationToken.None);
            await ((IAsyncDisposable)stopped).DisposeAsync();
        }
    }
}

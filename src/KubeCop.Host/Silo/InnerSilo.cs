using System.Diagnostics;
using KubeCop.Core.Bindings;
using KubeCop.Core.Malware;
using KubeCop.Core.Profiles;
using KubeCop.Grains;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Containers;
using KubeCop.Host.Configuration;
using KubeCop.Host.Node;
using KubeCop.Storage;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Dashboard;
using ClusterOptions = KubeCop.Host.Configuration.ClusterOptions;

namespace KubeCop.Host.Silo;

/// <summary>
/// One Orleans silo as a host of its own inside the process, from its start to its end. Sensor, journal, containers and endpoints belong to
/// the process and go on without it. It reaches them only through the ports that grains know.
/// </summary>
internal sealed partial class InnerSilo : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly FatalErrors _errors = new();
    private readonly ILogger _logger;
    private readonly ISiloStatusOracle _silos;
    private bool _isStarted;

    /// <param name="cluster">What it is to be a member of; <see cref="Membership.None"/> for a silo that runs alone.</param>
    public InnerSilo(IServiceProvider process, ClusterOptions cluster)
    {
        IsMember = cluster.Membership != Membership.None;
        _logger = process.GetRequiredService<ILogger<InnerSilo>>();
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddSingleton(process.GetRequiredService<ILoggerFactory>());
        builder.Services.AddSingleton<IHostLifetime, ProcessLifetime>();
        builder.Services.AddSingleton(process.GetRequiredService<IOptions<LearningOptions>>());
        builder.Services.AddSingleton(process.GetRequiredService<TimeProvider>());
        builder.Services.AddSingleton(process.GetRequiredService<StorageHealth>());
        builder.Services.AddSingleton(process.GetRequiredService<CurrentSilo>());
        builder.Services.AddSingleton(process.GetRequiredService<WatchedContainers>());
        builder.Services.AddSingleton(process.GetService<IMalwareScanner>() ?? new NoMalwareScanner());
        builder.Services.AddSingleton(process.GetService<IProfileMirror>() ?? new NoProfileMirror());
        builder.Services.AddSingleton(process.GetService<IProfileChanges>() ?? new NoProfileChanges());
        if (process.GetService<IPolicySource>() is { } policySource)
        {
            builder.Services.AddSingleton(policySource);
        }

        // What the dashboard's pages need of a web host.
        builder.Services.AddSingleton(process.GetRequiredService<DiagnosticListener>());
        builder.Services.AddRouting();
        builder.UseOrleans(silo =>
        {
            var node = process.GetRequiredService<IOptions<Core.Workloads.NodeOptions>>().Value;
            SiloMembership.AddTo(silo, cluster, process);
            silo.Configure<SiloOptions>(options => options.SiloName = node.Name);

            // Room is made for all of it at the start, a million by default, and each full collection of garbage looks through it.
            silo.Configure<GrainDirectoryOptions>(static options => options.CacheSize = 16_384);
            process.GetRequiredService<IOptions<StorageOptions>>().Value.AddTo(silo, NodeFiles.GrainDirectory(node.DataDirectory));
            silo.AddKubeCopGrains();
            if (process.GetService<IPolicySink>() is { } policySink)
            {
                silo.FollowPolicy(policySink);
            }

            // The process's logs do not pass through the silo, so there is nothing for the dashboard to trace.
            silo.AddDashboard(static options =>
            {
                options.HideTrace = true;

                // Each collection of the silo's statistics costs CPU, also while nobody looks.
                options.CounterUpdateIntervalMs = 10_000;
            });
            DashboardCounters.AddTo(silo.Services);
            process.GetService<SiloSetup>()?.Invoke(silo);
        });
        builder.Services.AddSingleton<IFatalErrorHandler>(_errors);
        _host = builder.Build();
        _silos = _host.Services.GetRequiredService<ISiloStatusOracle>();
    }

    public bool IsMember { get; }

    /// <summary>Ends with what it says when the silo cannot go on, as one that was cut off and declared dead by the others.</summary>
    public Task<string> Failed => _errors.First;

    public IServiceProvider Services => _host.Services;

    /// <summary>Active silos as this one sees them.</summary>
    public int CountSilos() => _silos.GetApproximateSiloStatuses(onlyActive: true).Count;

    /// <summary>
    /// Not cut short: a silo whose start is canceled logs that as an error and does not stop in order. Alone it takes a second or two; a member
    /// gives up by itself (<see cref="ClusterOptions.JoinTimeout"/>).
    /// </summary>
    public async Task StartAsync()
    {
        await _host.StartAsync(CancellationToken.None);
        _isStarted = true;
    }

    /// <summary>Has grains use it again, after another one has taken its place for a moment.</summary>
    public void Attach() => _host.Services.GetRequiredService<SiloAttachment>().Attach();

    /// <summary>Takes it from the process's containers before it has ended.</summary>
    public void Detach() => _host.Services.GetRequiredService<SiloAttachment>().Detach();

    public Task StopAsync(CancellationToken cancellationToken) => _host.StopAsync(cancellationToken);

    /// <summary>Stops and frees it. What it could not do within the time is in the journal, and containers do it again with the next silo.</summary>
    public async Task EndAsync(TimeSpan patience)
    {
        using var timeout = new CancellationTokenSource(patience);
        var stopped = await TryAsync(_host.StopAsync(timeout.Token).WaitAsync(timeout.Token));
        if (!_isStarted)
        {
            // Orleans refuses to stop a silo that it could not start; it would listen at its port on and on.
            stopped = await TryAsync(_host.Services.GetRequiredService<ISiloLifecycleSubject>().OnStop(timeout.Token).WaitAsync(timeout.Token));
        }

        if (!stopped)
        {
            await TryAsync(SiloRemains.StopAsync(_host.Services).WaitAsync(patience));
        }

        await TryAsync(DisposeAsync().AsTask().WaitAsync(patience));
    }

    public ValueTask DisposeAsync() => ((IAsyncDisposable)_host).DisposeAsync();

    /// <returns>Whether it has ended in time and without an error.</returns>
    private async Task<bool> TryAsync(Task end)
    {
        try
        {
            await end;
            return true;
        }
        catch (Exception exception)
        {
            LogDebugNotStopped(exception);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "A silo did not stop in order.")]
    private partial void LogDebugNotStopped(Exception exception);

    /// <summary>Orleans itself would abort the process.</summary>
    private sealed class FatalErrors : IFatalErrorHandler
    {
        private readonly TaskCompletionSource<string> _first = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task<string> First => _first.Task;

        public bool IsUnexpected(Exception exception) => exception is not ThreadAbortException;

        public void OnFatalException(object? sender = null, string? context = null, Exception? exception = null) =>
            _first.TrySetResult(string.Join(' ', new[] { context, exception?.Message }.Where(static text => !string.IsNullOrWhiteSpace(text))));
    }
}

/// <summary>More for the silo, from who puts the process together; applied last.</summary>
internal delegate void SiloSetup(ISiloBuilder silo);

/// <summary>The process decides when to end; hosts inside it listen to no signals of their own.</summary>
internal sealed class ProcessLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

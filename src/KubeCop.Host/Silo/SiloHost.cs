using System.Diagnostics;
using KubeCop.Core.Alerts;
using KubeCop.Core.Bindings;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Grains;
using KubeCop.Host.Configuration;
using KubeCop.Host.Node;
using KubeCop.Storage;
using Microsoft.Extensions.Options;
using Orleans.Configuration;
using Orleans.Dashboard;
using ClusterOptions = KubeCop.Host.Configuration.ClusterOptions;

namespace KubeCop.Host.Silo;

/// <summary>
/// The Orleans silo as a host of its own inside the process: sensor, journal and endpoints belong to the process and go on when the silo
/// is built anew. It reaches them only through the ports that grains know.
/// </summary>
internal sealed class SiloHost : IHostedService, IAsyncDisposable
{
    private readonly IHost _host;

    public SiloHost(IServiceProvider process)
    {
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Services.AddSingleton(process.GetRequiredService<ILoggerFactory>());
        builder.Services.AddSingleton<IHostLifetime, ProcessLifetime>();
        builder.Services.AddSingleton(process.GetRequiredService<IOptions<LearningOptions>>());
        builder.Services.AddSingleton(process.GetRequiredService<IOptions<AlertOptions>>());
        builder.Services.AddSingleton(process.GetRequiredService<IOptions<NodeOptions>>());
        builder.Services.AddSingleton(process.GetRequiredService<TimeProvider>());
        builder.Services.AddSingleton(process.GetRequiredService<StorageHealth>());
        builder.Services.AddSingleton(process.GetRequiredService<NodeRules>());
        builder.Services.AddSingleton(process.GetRequiredService<IAlertDispatcher>());
        builder.Services.AddSingleton(process.GetRequiredService<IBehaviourJournal>());
        builder.Services.AddSingleton(process.GetRequiredService<IKernelClock>());
        builder.Services.AddSingleton(process.GetRequiredService<IPodWorkloads>());
        builder.Services.AddSingleton(process.GetService<IRepeatFilter>() ?? new NoRepeatFilter());
        if (process.GetService<IPolicySource>() is { } policySource)
        {
            builder.Services.AddSingleton(policySource);
        }

        // What the dashboard's pages need of a web host.
        builder.Services.AddSingleton(process.GetRequiredService<DiagnosticListener>());
        builder.Services.AddRouting();
        builder.UseOrleans(silo =>
        {
            var node = process.GetRequiredService<IOptions<NodeOptions>>().Value;
            SiloMembership.AddTo(silo, process.GetRequiredService<IOptions<ClusterOptions>>().Value);
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
        builder.Services.AddSingleton<IFatalErrorHandler>(new SiloFailure(
            process.GetRequiredService<IHostApplicationLifetime>(), process.GetRequiredService<ILogger<SiloFailure>>()));
        _host = builder.Build();
    }

    /// <summary>The silo's services, for what is served from inside it.</summary>
    public IServiceProvider Services => _host.Services;

    public IGrainFactory Grains => _host.Services.GetRequiredService<IGrainFactory>();

    /// <summary>
    /// Not cut short: a silo whose start is canceled logs that as an error and does not stop in order. It takes a second or two, and is
    /// stopped then.
    /// </summary>
    public Task StartAsync(CancellationToken cancellationToken) => _host.StartAsync(CancellationToken.None);

    public Task StopAsync(CancellationToken cancellationToken) => _host.StopAsync(cancellationToken);

    public ValueTask DisposeAsync() => ((IAsyncDisposable)_host).DisposeAsync();
}

/// <summary>More for the silo, from who puts the process together; applied last.</summary>
internal delegate void SiloSetup(ISiloBuilder silo);

/// <summary>The process decides when to end; hosts inside it listen to no signals of their own.</summary>
internal sealed class ProcessLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}

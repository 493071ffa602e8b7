using KubeCop.Core.Alerts;
using KubeCop.Core.Bindings;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Exporters;
using KubeCop.Exporters.Delivery;
using KubeCop.Exporters.History;
using KubeCop.Exporters.Stdout;
using KubeCop.Grains;
using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Containers;
using KubeCop.Host.Bindings;
using KubeCop.Host.Configuration;
using KubeCop.Host.Http;
using KubeCop.Host.Logging;
using KubeCop.Host.Metrics;
using KubeCop.Host.Silo;
using KubeCop.Host.Tls;
using KubeCop.Kubernetes;
using KubeCop.Kubernetes.Access;
using KubeCop.Kubernetes.Api;
using KubeCop.Sensor;
using KubeCop.Sensor.Journal;
using KubeCop.Storage;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using MsOptions = Microsoft.Extensions.Options.Options;

namespace KubeCop.Host.Node;

/// <summary>
/// Everything that runs on a node, put together and started in the order in which one part needs the other: data directory, endpoints'
/// socket, kernel programs, silo, then the sensor feeds the silo.
/// </summary>
internal sealed partial class NodeHost : IAsyncDisposable
{
    /// <summary>Less than the 5 s in which the process promises to end.</summary>
    private static readonly TimeSpan StopTime = TimeSpan.FromSeconds(4);

    private static readonly TimeSpan ExportStopTime = TimeSpan.FromMilliseconds(400);

    private readonly DataDirectory _directory;
    private readonly WebApplication _app;
    private readonly string _addressFile;
    private bool _stopped;

    private NodeHost(DataDirectory directory, WebApplication app, string address, bool isHttps)
    {
        _directory = directory;
        _app = app;
        Address = address;
        IsHttps = isHttps;
        _addressFile = NodeFiles.AddressFile(directory.FullPath);
    }

    /// <summary>Where the endpoints are.</summary>
    public string Address { get; }

    /// <summary>Whether they speak HTTPS, and not HTTP.</summary>
    public bool IsHttps { get; }

    public IServiceProvider Services => _app.Services;

    /// <summary>Ends when the node wants to stop by itself, as when the sensor broke.</summary>
    public CancellationToken Stopping => _app.Lifetime.ApplicationStopping;

    /// <summary>Returns when it is ready.</summary>
    /// <param name="exporters">Where alerts go besides the history.</param>
    /// <param name="addSensor">The sensor; null for the real one.</param>
    /// <param name="ownsProcess">Whether the process does nothing else, so that it keeps only the capabilities that the node needs.</param>
    /// <exception cref="OperationCanceledException">It was to end before it was ready; what had started is stopped.</exception>
    /// <exception cref="BindingsRefusedException">The bindings are not valid.</exception>
    /// <exception cref="StorageException">The data directory cannot be used.</exception>
    /// <exception cref="UsageException">The endpoints' address, or a certificate, cannot be used.</exception>
    /// <exception cref="SensorException">The sensor cannot work here.</exception>
    public static async Task<NodeHost> StartAsync(
        Settings settings,
        IReadOnlyList<IAlertExporter> exporters,
        StatusLine? statusLine,
        CancellationToken cancellationToken,
        Action<IServiceCollection>? addSensor = null,
        bool ownsProcess = false)
    {
        // First: whoever has made a mistake in them, or may not run it, finds nothing changed.
        var policyFile = new PolicyFile(settings.Node.DataDirectory);
        var followsPolicy = settings.Bindings.Path.Length == 0 && KubernetesServiceCollectionExtensions.IsEnabled(settings.Kubernetes);
        var source = followsPolicy ? new NodePolicy(policyFile.Load()) : NodeBindings.SourceOf(settings.Bindings, TimeProvider.System);
        var bindings = new NodeBindings(source, TimeProvider.System);
        await bindings.LoadAsync(cancellationToken);
        var certificates = NodeCertificates.Load(settings, TimeProvider.System);
        if (addSensor is null)
        {
            SensorDoctor.RequirePrivileges();
        }

        var directory = DataDirectory.Open(settings.Node.DataDirectory);
        HttpListenSocket? socket = null;
        try
        {
            socket = HttpListenSocket.Bind(settings.Http);
            var app = Build(settings, bindings, policyFile, certificates, exporters, statusLine, socket, AddSensor);
            var node = new NodeHost(directory, app, socket.Address, settings.Http.IsHttps);
            await node.StartAsync(cancellationToken);
            return node;

            void AddSensor(IServiceCollection services)
            {
                (addSensor ?? (static services => services.AddSensor()))(services);
                AddPrivileges(services, settings, ownsProcess);
            }
        }
        catch
        {
            socket?.Dispose();
            directory.Dispose();
            throw;
        }
    }

    /// <summary>Stops in the reverse order: the sensor hands over what it saw, containers flush, the silo ends, the last alerts go out.</summary>
    public async Task StopAsync()
    {
        if (_stopped)
        {
            return;
        }

        _stopped = true;
        using var patience = new CancellationTokenSource(StopTime);
        try
        {
            if (File.Exists(_addressFile))
            {
                File.Delete(_addressFile);
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            LogWarningNotStopped(Services.GetRequiredService<ILogger<NodeHost>>(), exception);
        }

        try
        {
            await _app.StopAsync(patience.Token);
            await Services.GetRequiredService<IBehaviourJournal>().FlushAsync(patience.Token);
        }
        catch (Exception exception)
        {
            // Whatever one part could not finish, the others are stopped and the process ends; the journal is replayed at the next start.
            var logger = Services.GetRequiredService<ILogger<NodeHost>>();
            if (exception is SensorException or StorageException)
            {
                LogWarningNotAllStored(logger, exception.Message);
            }
            else
            {
                LogWarningNotStopped(logger, exception);
            }
        }

        using var exportPatience = new CancellationTokenSource(ExportStopTime);
        await Services.GetRequiredService<AlertDispatcher>().StopAsync(exportPatience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        try
        {
            await StopAsync();
        }
        finally
        {
            await _app.DisposeAsync();
            _directory.Dispose();
        }
    }

    private static WebApplication Build(
        Settings settings,
        NodeBindings bindings,
        PolicyFile policyFile,
        NodeCertificates certificates,
        IReadOnlyList<IAlertExporter> exporters,
        StatusLine? statusLine,
        HttpListenSocket socket,
        Action<IServiceCollection> addSensor)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "kubecop", ContentRootPath = AppContext.BaseDirectory });
        builder.Configuration.AddConfiguration(settings.Configuration);
        builder.Logging.AddStderr(settings.Output, statusLine);
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = ProfileEndpoints.MaxBody;
            kestrel.Limits.MaxConcurrentConnections = ConnectionLimit.Most;
            kestrel.Listen(socket.EndPoint, listen =>
            {
                listen.Use(next => connection => listen.ApplicationServices.GetRequiredService<ConnectionLimit>().InvokeAsync(connection, next));
                if (certificates.Http is { } certificate)
                {
                    listen.UseCertificate(certificate.Files);
                }
            });
        });
        var services = builder.Services;
        services.Configure<SocketTransportOptions>(transport => transport.CreateBoundListenSocket = _ => socket.Socket);
        services.AddRoutingCore();
        services.AddSingleton<IHostLifetime, ProcessLifetime>();
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(MsOptions.Create(settings.Node));
        services.AddSingleton(MsOptions.Create(settings.Learning));
        services.AddSingleton(MsOptions.Create(settings.Alerts));
        services.AddSingleton(MsOptions.Create(settings.Sensor));
        services.AddSingleton(MsOptions.Create(settings.Http));
        services.AddSingleton(MsOptions.Create(settings.Storage));
        services.AddSingleton(MsOptions.Create(settings.Cluster));
        var directory = settings.Node.DataDirectory;
        services.AddSingleton(new NodeRules(
            bindings.Rules,
            new RuleCounters(),
            settings.Node.ApiServer is { Length: > 0 } apiServer ? apiServer : null,
            new SiloCommand(ProgramName.Value, directory == new NodeOptions().DataDirectory ? null : directory)));
        services.AddSingleton(bindings);
        if (bindings.Policy is { } policy)
        {
            services.AddSingleton(policy);
            services.AddSingleton(policyFile);
            services.AddSingleton<IPolicySink>(policy);
            services.AddHostedService<PolicyService>();
        }

        services.AddSingleton(provider => new AlertHistory(NodeFiles.AlertDirectory(settings.Node.DataDirectory), provider.GetRequiredService<ILogger<AlertHistory>>()));
        services.AddSingleton(provider => new AlertDispatcher(
            [provider.GetRequiredService<AlertHistory>(), .. exporters, .. provider.GetServices<IAlertExporter>()],
            NodeFiles.OutboxDirectory(settings.Node.DataDirectory),
            settings.Export.Delivery,
            provider.GetRequiredService<NodeRules>().Counters,
            provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<AlertDispatcher>>(),
            isHeld: true));
        services.AddAlertExporters(settings.Export);
        services.AddSingleton<IAlertDispatcher>(static provider => provider.GetRequiredService<AlertDispatcher>());

        services.AddSingleton<StorageHealth>();
        AddPods(services, settings);

        services.AddSingleton(certificates);
        services.AddSingleton<PeerRefusals>();
        services.AddSingleton<PeerConnections>();
        services.AddSingleton(provider => new SiloTls(
            certificates.Cluster, provider.GetRequiredService<PeerRefusals>(), provider.GetRequiredService<PeerConnections>(), provider.GetRequiredService<TimeProvider>()));
        services.AddHostedService<CertificateWatch>();

        // The silo before the sensor: it is there when the sensor starts to feed, and until the sensor has stopped.
        services.AddSingleton<SiloHost>();
        services.AddSingleton<SiloDashboard>();
        services.AddHostedService(static provider => provider.GetRequiredService<SiloHost>());

        // Whoever lives longer than a request asks CurrentSilo each time.
        services.AddTransient(static provider => provider.GetRequiredService<CurrentSilo>().Grains);
        services.AddSingleton<IKeptProfiles>(provider => new KeptProfiles(
            NodeFiles.ProfileDirectory(settings.Node.DataDirectory), provider.GetRequiredService<ILogger<KeptProfiles>>()));
        services.AddWatchedContainers();
        services.AddSingleton<ContainerGrains>(static provider => provider.GetRequiredService<WatchedContainers>().Of);
        services.AddBehaviourJournal();
        addSensor(services);

        services.AddSingleton<NodeContainers>();
        services.AddSingleton<NodeHealth>();
        services.AddSingleton<AccessToken>();
        services.AddSingleton<DashboardCookie>();
        services.AddSingleton<AccessControl>();
        services.AddSingleton<HostCheck>();
        services.AddSingleton<ConnectionLimit>();
        services.AddNodeMetrics();
        if (statusLine is not null)
        {
            services.AddSingleton(statusLine);
        }

        services.AddHostedService<LearningProgress>();
        services.AddHostedService<RuleReport>();
        services.AddHostedService<BindingReload>();
        services.AddHostedService<PodReload>();

        var app = builder.Build();
        app.Use(Problem.Middleware);
        app.Use(static (context, next) =>
        {
            context.RequestServices.GetRequiredService<HostCheck>().Require(context.Request);
            return next(context);
        });
        app.Use(static (context, next) => context.RequestServices.GetRequiredService<AccessControl>().InvokeAsync(context, next));
        app.MapHealth();
        app.MapApi();
        app.MapGet(AccessControl.MetricsPath, static context => context.RequestServices.GetRequiredService<MetricsEndpoint>().InvokeAsync(context))
            .WithMetadata(settings.Http.PublicMetrics ? EndpointAccess.Public : EndpointAccess.Read);
        app.MapSignIn();
        MapDashboard(app);
        return app;
    }

    private static void MapDashboard(IEndpointRouteBuilder endpoints)
    {
        RequestDelegate serve = static context => context.RequestServices.GetRequiredService<SiloDashboard>().InvokeAsync(context);
        endpoints.MapGet($"{SiloDashboard.Path}/{{**path}}", serve).WithMetadata(EndpointAccess.Read);

        // It calls any grain that is named, which then is there, and shows what it answers: profiles.
        endpoints.MapGet($"{SiloDashboard.Path}/GrainState", serve).WithMetadata(EndpointAccess.Guarded);
    }

    private static void AddPods(IServiceCollection services, Settings settings)
    {
        if (!KubernetesServiceCollectionExtensions.IsEnabled(settings.Kubernetes))
        {
            services.AddSingleton<IPodWorkloads, RuntimeWorkloads>();
            return;
        }

        try
        {
            services.AddKubernetes(settings.Kubernetes);
            services.AddSingleton(provider => new AccessReviews(
                provider.GetRequiredService<ApiClient>(), settings.Http.TokenAudience, provider.GetRequiredService<TimeProvider>()));
        }
        catch (ArgumentException exception)
        {
            throw new UsageException(exception.Message);
        }
    }

    private static void AddPrivileges(IServiceCollection services, Settings settings, bool ownsProcess)
    {
        var keep = !ownsProcess ? ProcessPrivileges.KeptByOwner : settings.Privileges.Keep ? ProcessPrivileges.KeptBySetting : "";
        services.AddSingleton(provider => new ProcessPrivileges(
            NodePrivileges.Of(settings), keep, provider.GetRequiredService<ISensor>(), provider.GetRequiredService<ILogger<ProcessPrivileges>>()));
        services.AddHostedService(static provider => provider.GetRequiredService<ProcessPrivileges>());
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        try
        {
            // Made here, so that a token that cannot be written is told at the start and not to the first who needs it.
            _ = Services.GetRequiredService<AccessToken>();

            // And this, so that what happens before somebody looks is counted: what instruments tell is heard by who listens then.
            _ = Services.GetRequiredService<MetricsEndpoint>();
            await _app.StartAsync(cancellationToken);
            await Services.GetRequiredService<ISensor>().Ready.WaitAsync(cancellationToken);
            cancellationToken.ThrowIfCancellationRequested();

            // Not before: tens of thousands that an outage has left would take the processors from hooks that are not attached yet.
            Services.GetRequiredService<AlertDispatcher>().Begin();
            NodeFiles.WritePrivate(_addressFile, $"{(IsHttps ? "https://" : "")}{Address}\n");
        }
        catch
        {
            await DisposeAsync();
            throw;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Not everything was stored before the end. {Reason}")]
    private static partial void LogWarningNotAllStored(ILogger logger, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "A part of the node did not stop in order.")]
    private static partial void LogWarningNotStopped(ILogger logger, Exception exception);
}

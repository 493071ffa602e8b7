using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;
using KubeCop.Exporters.Delivery;
using KubeCop.Exporters.History;
using KubeCop.Host.Bindings;
using KubeCop.Host.Node;
using KubeCop.Host.Silo;
using KubeCop.Sensor;
using KubeCop.Sensor.Journal;
using Microsoft.Extensions.Options;

namespace KubeCop.Host.Http;

/// <summary><c>/api/v1</c>: what this node knows, for the command line and for other people's scripts.</summary>
internal static class ApiEndpoints
{
    private const int MaxWaitSeconds = 60;

    /// <summary>For each exporter's answer to a test alert: more than any waits for its receiver by default.</summary>
    private static readonly TimeSpan TestPatience = TimeSpan.FromSeconds(30);

    /// <summary>The version people see.</summary>
    public static string Version { get; } =
        typeof(ApiEndpoints).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0] ?? "0";

    public static void MapApi(this IEndpointRouteBuilder endpoints)
    {
        var started = TimeProvider.System.GetTimestamp();
        endpoints.MapGet("/api/v1/node", context => GetNodeAsync(context, started)).WithMetadata(EndpointAccess.Read);
        endpoints.MapGet("/api/v1/rules", static context =>
        {
            var services = context.RequestServices;
            var rules = RuleView.List(
                services.GetRequiredService<NodeBindings>().Rules.Rules, services.GetRequiredService<NodeRules>().Counters, services.GetRequiredService<ISensor>().GetStatus().Outages);
            return WriteAsync(context, rules, ApiJson.Default.ItemListRuleView);
        }).WithMetadata(EndpointAccess.Read);
        endpoints.MapGet("/api/v1/bindings", static context =>
        {
            RequireScope(context);
            return WriteAsync(context, BindingsView.Of(context.RequestServices.GetRequiredService<NodeBindings>()), ApiJson.Default.BindingsView);
        }).WithMetadata(EndpointAccess.Read);
        endpoints.MapGet("/api/v1/containers", static async context =>
        {
            RequireScope(context);
            var statuses = await context.RequestServices.GetRequiredService<NodeContainers>().ListAsync();
            await WriteAsync(context, new ItemList<ContainerView>([.. statuses.Select(ContainerView.Of)]), ApiJson.Default.ItemListContainerView);
        }).WithMetadata(EndpointAccess.Read);
        endpoints.MapGet("/api/v1/alerts", GetAlertsAsync).WithMetadata(EndpointAccess.Read);
        endpoints.MapPost("/api/v1/alerts/test", TestAlertsAsync).WithMetadata(EndpointAccess.Guarded);
        endpoints.MapProfiles();
    }

    internal static async Task WriteAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type)
    {
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, value, type, context.RequestAborted);
    }

    /// <summary>A silo that runs alone is the cluster, so both scopes answer the same.</summary>
    /// <exception cref="BadRequestException">Another scope.</exception>
    internal static void RequireScope(HttpContext context)
    {
        var scope = context.Request.Query["scope"];
        if (scope.Count > 0 && scope != "node" && scope != "cluster")
        {
            throw new BadRequestException($"scope '{scope}' is not accepted; expected node or cluster.");
        }
    }

    private static Task GetNodeAsync(HttpContext context, long started)
    {
        var services = context.RequestServices;
        var node = services.GetRequiredService<IOptions<NodeOptions>>().Value;
        var sensor = services.GetRequiredService<ISensor>().GetStatus();
        var journal = services.GetRequiredService<BehaviourJournal>().GetStatus();
        var dispatcher = services.GetRequiredService<AlertDispatcher>();
        var counters = services.GetRequiredService<NodeRules>().Counters;
        var silo = services.GetRequiredService<SiloHost>().Status;
        var privileges = services.GetRequiredService<ProcessPrivileges>().Status;
        return WriteAsync(
            context,
            new NodeView
            {
                Name = node.Name,
                Version = Version,
                Ready = HealthEndpoints.NotReady(services) is null,
                UptimeSeconds = (long)TimeProvider.System.GetElapsedTime(started).TotalSeconds,
                Degraded = services.GetRequiredService<NodeHealth>().GetDegradations(),
                DataDirectory = node.DataDirectory,
                LearningPeriodSeconds = (long)services.GetRequiredService<IOptions<LearningOptions>>().Value.Period.TotalSeconds,
                Rules = services.GetRequiredService<NodeBindings>().Rules.Rules.Rules.Count,
                Containers = sensor.Containers,
                Silo = new SiloView(Word.Of(silo.State), silo.Since, silo.Reason, silo.Changes),
                Sensor = new SensorView(
                    [.. sensor.Hooks.Select(static hook => new HookView(hook.Name, hook.Type, hook.Attached, hook.Detail))],
                    ByWord(sensor.Events),
                    ByWord(sensor.Repeats),
                    [.. sensor.Lost.Select(static loss => new LossView(Word.Of(loss.Kind), loss.Reason, loss.Count))],
                    [.. sensor.LostByContainer.Select(static lost =>
                        new ContainerLossView(lost.ContainerId, Word.Of(lost.Loss.Kind), lost.Loss.Reason, lost.Loss.Count))],
                    sensor.Cgroups,
                    sensor.FilteredCgroups,
                    sensor.FollowedCgroups,
                    sensor.SetupProcesses),
                Privileges = new PrivilegesView(
                    Word.Of(privileges.State), [.. privileges.Capabilities.Select(static capability => new KeptCapabilityView(capability.Name, capability.Reason))]),
                Runtimes = [.. sensor.Runtimes.Select(static runtime => new RuntimeView(
                    runtime.Socket, runtime.Runtime, runtime.Version, Word.Of(runtime.State), runtime.Detail))],
                Journal = new JournalView(journal.Unacknowledged, journal.BufferedBytes, journal.DiskBytes, journal.Overflow),
                Alerts = new AlertsView(
                    dispatcher.Alerts.Sum(static alert => alert.Count),
                    services.GetRequiredService<AlertHistory>().Count,
                    Word.Counts<Suppression>(counters.SuppressedFor),
                    counters.FoldingOverflows,
                    [.. dispatcher.Dropped.Select(static drop => new DropView(drop.Exporter, drop.Reason, drop.Count))],
                    [.. dispatcher.Exporters.Select(ExporterView.Of)]),
            },
            ApiJson.Default.NodeView);
    }

    /// <summary>Sends a test alert through every exporter, and answers when each has, or has had its time.</summary>
    private static async Task TestAlertsAsync(HttpContext context)
    {
        var services = context.RequestServices;
        var alert = TestAlert.Create(services.GetRequiredService<IOptions<NodeOptions>>().Value.Name, services.GetRequiredService<TimeProvider>().GetUtcNow());
        var deliveries = await services.GetRequiredService<AlertDispatcher>().TestAsync(alert, TestPatience, context.RequestAborted);
        var views = deliveries.Select(static test => new TestDeliveryView(test.Exporter, test.Receiver, test.Delivered, test.Answer, Math.Round(test.Duration.TotalMilliseconds, 1)));
        await WriteAsync(context, new ItemList<TestDeliveryView>([.. views]), ApiJson.Default.ItemListTestDeliveryView);
    }

    private static Dictionary<string, long> ByWord(IReadOnlyDictionary<EventKind, long> counts) =>
        counts.Where(static kind => kind.Key != EventKind.None).ToDictionary(static kind => Word.Of(kind.Key), static kind => kind.Value);

    /// <summary>The kept alerts as they were written; with <c>wait</c>, answers when there is one after <c>after</c> or the time is over.</summary>
    private static async Task GetAlertsAsync(HttpContext context)
    {
        RequireScope(context);
        var history = context.RequestServices.GetRequiredService<AlertHistory>();
        var limit = Number(context, "limit", AlertHistory.DefaultCapacity, AlertHistory.DefaultCapacity);
        var wait = Number(context, "wait", 0, MaxWaitSeconds);
        var after = context.Request.Query["after"].ToString() is { Length: > 0 } id ? id : null;
        if (wait > 0)
        {
            using var patience = CancellationTokenSource.CreateLinkedTokenSource(
                context.RequestAborted, context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
            patience.CancelAfter(TimeSpan.FromSeconds(wait));
            try
            {
                await history.WaitAsync(after, patience.Token);
            }
            catch (OperationCanceledException)
            {
                // An empty list says that nothing came.
            }
        }

        context.Response.ContentType = "application/json";
        var body = context.Response.BodyWriter;
        body.Write("{\"items\":["u8);
        var first = true;
        foreach (var alert in history.Read(after, limit))
        {
            body.Write(first ? ""u8 : ","u8);
            body.Write(alert);
            await body.FlushAsync(context.RequestAborted);
            first = false;
        }

        body.Write("]}"u8);
        await body.FlushAsync(context.RequestAborted);
    }

    private static int Number(HttpContext context, string name, int absent, int largest)
    {
        var text = context.Request.Query[name];
        return text.Count == 0 ? absent
            : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number <= largest ? number
            : throw new BadRequestException($"{name} '{text}' is not accepted; expected a number from 0 to {largest}.");
    }

    private static void Write(this System.IO.Pipelines.PipeWriter writer, ReadOnlySpan<byte> bytes) => System.Buffers.BuffersExtensions.Write(writer, bytes);
}

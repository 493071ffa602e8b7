using KubeCop.Host.Bindings;
using KubeCop.Host.Node;
using KubeCop.Sensor;

namespace KubeCop.Host.Http;

/// <summary>Probes. None of them calls a grain or the disk, so that neither can fail the liveness of a node that detects.</summary>
internal static class HealthEndpoints
{
    /// <summary>Answers whenever the process does.</summary>
    public const string LivePath = "/healthz/live";

    public static void MapHealth(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet(LivePath, static context => WriteAsync(context, "live")).WithMetadata(EndpointAccess.Public);
        endpoints.MapGet("/healthz/startup", static context =>
            context.RequestServices.GetRequiredService<IHostApplicationLifetime>().ApplicationStarted.IsCancellationRequested
                ? WriteAsync(context, "started")
                : Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "The silo is starting.")).WithMetadata(EndpointAccess.Public);
        endpoints.MapGet("/healthz/ready", static context => NotReady(context.RequestServices) is { } reason
            ? Problem.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, MayKnowMore(context) ? reason : "Not ready.")
            : WriteAsync(context, string.Join('\n', ["ready", .. Degradations(context)]))).WithMetadata(EndpointAccess.Public);
    }

    /// <returns>Null when hooks are attached, containers listed and bindings in force.</returns>
    public static string? NotReady(IServiceProvider services)
    {
        var lifetime = services.GetRequiredService<IHostApplicationLifetime>();
        if (lifetime.ApplicationStopping.IsCancellationRequested)
        {
            return "The silo is stopping.";
        }

        if (!lifetime.ApplicationStarted.IsCancellationRequested)
        {
            return "The silo is starting.";
        }

        var sensor = services.GetRequiredService<ISensor>().Ready;
        return sensor.IsFaulted ? sensor.Exception.InnerException!.Message
            : !sensor.IsCompletedSuccessfully ? "The sensor is attaching its hooks and listing the containers."
            : services.GetRequiredService<NodeBindings>().Rules.InForce is null ? "No set of bindings is in force."
            : null;
    }

    // Told and not gating: starting it anew would help none of these, and end detection for as long.
    private static IEnumerable<string> Degradations(HttpContext context) =>
        MayKnowMore(context)
            ? context.RequestServices.GetRequiredService<NodeHealth>().GetDegradations().Select(static degradation => $"degraded: {degradation.Part}: {degradation.Reason}")
            : [];

    // Reasons name addresses and paths, which are nobody's business elsewhere.
    private static bool MayKnowMore(HttpContext context) => context.RequestServices.GetRequiredService<AccessControl>().MayKnowMore(context);

    private static Task WriteAsync(HttpContext context, string text)
    {
        context.Response.ContentType = "text/plain";
        return context.Response.WriteAsync(text + "\n");
    }
}

using System.Text.Json;
using System.Text.RegularExpressions;
using KubeCop.Core.Bindings;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Namespaces;
using KubeCop.Grains.Abstractions.Workloads;

namespace KubeCop.Host.Http;

/// <summary><c>/api/v1/profiles</c>. Reading is guarded too: what is learned has the arguments of programs as they were, passwords among them.</summary>
internal static partial class ProfileEndpoints
{
    /// <summary>The longest body that is read, in bytes.</summary>
    public const int MaxBody = BindingLimits.Bytes;

    public static void MapProfiles(this IEndpointRouteBuilder endpoints)
    {
        endpoints.MapGet("/api/v1/profiles", ListAsync).WithMetadata(EndpointAccess.Guarded);
        endpoints.MapGet("/api/v1/profiles/{name}", static async context =>
        {
            ApiEndpoints.RequireScope(context);
            var workload = await FindAsync(context);
            var profile = await ReadAsync(Grain(context, workload)) ?? throw NotFound(workload.ProfileName);
            await ApiEndpoints.WriteAsync(context, ProfileView.Of(profile), ApiJson.Default.ProfileView);
        }).WithMetadata(EndpointAccess.Guarded);
        endpoints.MapPost("/api/v1/profiles/{name}/allow", AllowAsync).WithMetadata(EndpointAccess.Guarded);
        endpoints.MapPost("/api/v1/profiles/{name}/relearn", RelearnAsync).WithMetadata(EndpointAccess.Guarded);
        endpoints.MapPost("/api/v1/profiles", ImportAsync).WithMetadata(EndpointAccess.Guarded);
    }

    /// <summary>One profile at a time goes out, so that memory holds one.</summary>
    private static async Task ListAsync(HttpContext context)
    {
        ApiEndpoints.RequireScope(context);
        var workloads = await WorkloadsAsync(context, context.Request.Query["namespace"]);
        context.Response.ContentType = "application/json";
        await using var json = new Utf8JsonWriter(context.Response.BodyWriter);
        json.WriteStartObject();
        json.WriteStartArray("items");
        foreach (var workload in workloads)
        {
            ApplicationProfile? profile = null;
            try
            {
                profile = await ReadAsync(Grain(context, workload));
            }
            catch (Exception exception) when (exception is not OperationCanceledException)
            {
                LogWarningLeftOut(
                    context.RequestServices.GetRequiredService<ILoggerFactory>().CreateLogger(typeof(ProfileEndpoints)), workload, exception.GetBaseException().Message);
            }

            if (profile is not null)
            {
                JsonSerializer.Serialize(json, ProfileView.Of(profile), ApiJson.Default.ProfileView);
                await json.FlushAsync(context.RequestAborted);
            }
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>A damaged file is set aside by the read that meets it, which fails; the next one begins anew.</summary>
    private static async Task<ApplicationProfile?> ReadAsync(IWorkloadGrain workload)
    {
        try
        {
            return await workload.GetProfileAsync();
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            return await workload.GetProfileAsync();
        }
    }

    private static async Task AllowAsync(HttpContext context)
    {
        var request = await ReadAsync(context);
        var items = AllowedBehaviour.Of(request);
        var workload = await FindAsync(context);
        await AnswerAsync(context, async () =>
        {
            switch (await Grain(context, workload).AllowAsync(request.Container, items))
            {
                case AllowOutcome.UnknownContainer:
                    throw new BadRequestException(
                        $"Profile '{workload.ProfileName}' knows no container '{request.Container}'; '{ProgramName.Value} profiles show {workload.ProfileName}' lists them.",
                        StatusCodes.Status404NotFound);
                case AllowOutcome.Full:
                    throw new BadRequestException(
                        $"Profile '{workload.ProfileName}' is full: not all of it could be added. KubeCop:Learning:MaxEntriesPerKind sets the limit.",
                        StatusCodes.Status409Conflict);
            }
        });
    }

    private static async Task RelearnAsync(HttpContext context)
    {
        var workload = await FindAsync(context);
        await AnswerAsync(context, async () =>
        {
            if (!await Grain(context, workload).RelearnAsync())
            {
                throw NotFound(workload.ProfileName);
            }
        });
    }

    /// <summary>The body is the YAML or JSON of an ApplicationProfile; <c>source</c> is what messages call it.</summary>
    private static async Task ImportAsync(HttpContext context)
    {
        RequireLength(context.Request.ContentLength);
        using var body = new MemoryStream();
        await context.Request.Body.CopyToAsync(body, context.RequestAborted);
        RequireLength(body.Length);
        var time = context.RequestServices.GetRequiredService<TimeProvider>();
        var given = ProfileReader.Read(context.Request.Query["source"] is [{ Length: > 0 } source] ? source : "the body", body.ToArray(), time.GetUtcNow());

        // The namespace of the request is that of the node the profile is for, where the resource comes from another.
        var ns = context.Request.Query["namespace"] is [{ Length: > 0 } wanted] ? wanted : given.Namespace;
        if (ns.Length == 0)
        {
            throw new BadRequestException("The profile names no namespace; give it with --namespace NAMESPACE.");
        }

        if (!Namespace().IsMatch(ns))
        {
            throw new BadRequestException($"'{ns}' is no namespace: letters, digits, '.', '_' and '-' are expected, 253 at the most.");
        }

        var workload = (await WorkloadsAsync(context, ns)).FirstOrDefault(workload => workload.ProfileName == given.Name) ?? given.Workload(ns)
            ?? throw new BadRequestException($"'{given.Name}' is no profile's name: KIND-NAME of the workload is expected, as deployment-web or container-web.");
        await AnswerAsync(context, () => Grain(context, workload).ImportAsync(given.Containers), given.Remark);
    }

    /// <summary>204, or 200 with a remark; 202 with the reason in a sentence where the change is in force and not stored yet.</summary>
    private static async Task AnswerAsync(HttpContext context, Func<Task> change, string remark = "")
    {
        try
        {
            await change();
            if (remark.Length == 0)
            {
                context.Response.StatusCode = StatusCodes.Status204NoContent;
                return;
            }

            await context.Response.WriteAsync(remark, context.RequestAborted);
        }
        catch (NotStoredYetException exception)
        {
            context.Response.StatusCode = StatusCodes.Status202Accepted;
            await context.Response.WriteAsync($"In force, not stored yet, and lost if this silo ends before it is: {exception.Message}", context.RequestAborted);
        }
    }

    // Of Kubernetes, and of containerd, whose may also have capitals and underscores (containerd, pkg/identifiers).
    [GeneratedRegex("^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$", RegexOptions.CultureInvariant)]
    private static partial Regex Namespace();

    private static void RequireLength(long? length)
    {
        if (length > MaxBody)
        {
            throw new BadRequestException($"The body is larger than {MaxBody} bytes.", StatusCodes.Status413PayloadTooLarge);
        }
    }

    private static async Task<AllowRequest> ReadAsync(HttpContext context)
    {
        RequireLength(context.Request.ContentLength);
        try
        {
            return await JsonSerializer.DeserializeAsync(context.Request.Body, ApiJson.Default.AllowRequest, context.RequestAborted)
                ?? throw new BadRequestException("The body is null.");
        }
        catch (JsonException exception)
        {
            throw new BadRequestException(
                "The body is not what is expected, {\"container\":NAME,\"execs\":[PATH],\"executable\":PATH,\"opens\":[{\"path\":PATH,\"flags\":[FLAG]}],"
                + "\"syscalls\":[NAME],\"capabilities\":[\"CAP:SYSCALL\"],\"refusedCapabilities\":[\"CAP:SYSCALL\"],\"dns\":[NAME],"
                + $"\"connections\":[\"PROTO:ADDRESS:PORT\"],\"incoming\":[\"PROTO:PORT\"]}}: {exception.Message}");
        }
    }

    /// <exception cref="BadRequestException">No workload or several have a profile of the name.</exception>
    private static async Task<WorkloadKey> FindAsync(HttpContext context)
    {
        // Kestrel decodes all but %2F (Microsoft.AspNetCore.Internal.UrlDecoder), which workloads' names may hold outside Kubernetes.
        var name = ((string)context.Request.RouteValues["name"]!).Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        var found = (await WorkloadsAsync(context, context.Request.Query["namespace"])).Where(workload => workload.ProfileName == name).ToList();
        return found.Count switch
        {
            0 => throw NotFound(name),
            1 => found[0],
            _ => throw new BadRequestException(
                $"Profile '{name}' exists in the namespaces {string.Join(", ", found.Select(static workload => workload.Namespace))}; "
                + "name one of them (namespace=NAMESPACE, or NAMESPACE/NAME on the command line).",
                StatusCodes.Status409Conflict),
        };
    }

    private static async Task<IReadOnlyList<WorkloadKey>> WorkloadsAsync(HttpContext context, string? onlyNamespace)
    {
        var grains = context.RequestServices.GetRequiredService<IGrainFactory>();
        var namespaces = await grains.GetGrain<INamespaceIndexGrain>(INamespaceIndexGrain.AllNamespaces).ListAsync();
        var workloads = new List<WorkloadKey>();
        foreach (var name in namespaces.Where(name => onlyNamespace is null || name == onlyNamespace))
        {
            workloads.AddRange((await grains.GetGrain<INamespaceIndexGrain>(name).ListAsync()).Select(WorkloadKey.Parse));
        }

        return workloads;
    }

    private static IWorkloadGrain Grain(HttpContext context, WorkloadKey workload) =>
        context.RequestServices.GetRequiredService<IGrainFactory>().GetGrain<IWorkloadGrain>(workload.GrainKey);

    private static BadRequestException NotFound(string name) =>
        new($"There is no profile '{name}'; '{ProgramName.Value} profiles list' shows those there are.", StatusCodes.Status404NotFound);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The profile of {Workload} cannot be read and is left out of the list. {Reason}")]
    private static partial void LogWarningLeftOut(ILogger logger, WorkloadKey workload, string reason);
}

namespace KubeCop.Host.Http;

/// <summary>Who may request an endpoint, as its metadata. One that does not say it is <see cref="Guarded"/>.</summary>
internal sealed class EndpointAccess
{
    /// <summary>Everybody, from everywhere: it tells nothing of what runs here.</summary>
    public static readonly EndpointAccess Public = new();

    /// <summary>Everybody on this machine, others with a right to it. Only for GET: what changes something is never open.</summary>
    public static readonly EndpointAccess Read = new();

    /// <summary>Only who has a right to it, also on this machine: it changes something, or shows what was learned.</summary>
    public static readonly EndpointAccess Guarded = new();

    private EndpointAccess()
    {
    }

    public static EndpointAccess Of(HttpContext context) => context.GetEndpoint() switch
    {
        // Nothing is there, or nothing for this method: the latter is an endpoint of ASP.NET, without a route.
        null or not RouteEndpoint => Read,
        { Metadata: var metadata } when metadata.GetMetadata<EndpointAccess>() is { } declared && (declared != Read || HttpMethods.IsGet(context.Request.Method)) => declared,
        _ => Guarded,
    };
}

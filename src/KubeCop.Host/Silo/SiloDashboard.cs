using Orleans.Dashboard;

namespace KubeCop.Host.Silo;

/// <summary>Serves Orleans' dashboard from inside the silo. Its routes are made when somebody first looks at a silo: they would cost every start.</summary>
internal sealed class SiloDashboard
{
    public const string Path = "/dashboard";

    private readonly SiloHost _silo;
    private volatile Routes? _routes;

    public SiloDashboard(SiloHost silo) => _silo = silo;

    public async Task InvokeAsync(HttpContext context)
    {
        var outer = context.RequestServices;
        var silo = _silo.Services;
        await using var scope = silo.CreateAsyncScope();
        try
        {
            await silo.GetRequiredService<DashboardCounters>().LookAsync(context.RequestAborted);
            context.RequestServices = scope.ServiceProvider;
            context.SetEndpoint(null);
            context.Request.RouteValues.Clear();
            await RoutesOf(silo).Pipeline(context);
        }
        finally
        {
            context.RequestServices = outer;
        }
    }

    private Routes RoutesOf(IServiceProvider silo) => _routes is { } routes && routes.Silo == silo ? routes : _routes = new Routes(silo, Build(silo));

    private static RequestDelegate Build(IServiceProvider silo)
    {
        var app = new ApplicationBuilder(silo);
        app.UseRouting();
        app.Use((context, next) =>
        {
            if (AddressOf(context) is not { } address || IsSilo(silo.GetRequiredService<ISiloStatusOracle>(), address))
            {
                return next(context);
            }

            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
        app.UseEndpoints(static endpoints => endpoints.MapOrleansDashboard(Path));
        return app.Build();
    }

    /// <summary>The silo a page is about: the dashboard connects to whatever address that is.</summary>
    /// <returns>Null for other pages.</returns>
    private static string? AddressOf(HttpContext context)
    {
        var pattern = (context.GetEndpoint() as RouteEndpoint)?.RoutePattern;
        var name = pattern?.RawText?.Contains("/HistoricalStats/", StringComparison.OrdinalIgnoreCase) is true ? "path" : "address";
        return pattern?.GetParameter(name) is null ? null : context.Request.RouteValues[name] as string ?? "";
    }

    private static bool IsSilo(ISiloStatusOracle silos, string address) =>
        silos.GetApproximateSiloStatuses(onlyActive: true).Keys.Any(silo => silo.ToParsableString() == address);

    private sealed record Routes(IServiceProvider Silo, RequestDelegate Pipeline);
}

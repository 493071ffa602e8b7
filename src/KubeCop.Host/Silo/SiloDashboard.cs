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
        app.UseEndpoints(static endpoints => endpoints.MapOrleansDashboard(Path));
        return app.Build();
    }

    private sealed record Routes(IServiceProvider Silo, RequestDelegate Pipeline);
}

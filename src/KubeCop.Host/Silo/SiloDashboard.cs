using Orleans.Dashboard;

namespace KubeCop.Host.Silo;

/// <summary>Serves Orleans' dashboard from inside the silo. Its routes are made when somebody first looks: they would cost every start.</summary>
internal sealed class SiloDashboard
{
    public const string Path = "/dashboard";

    private readonly Lazy<RequestDelegate> _pipeline;
    private readonly SiloHost _silo;

    public SiloDashboard(SiloHost silo)
    {
        _silo = silo;
        _pipeline = new Lazy<RequestDelegate>(Build);
    }

    public async Task InvokeAsync(HttpContext context)
    {
        var outer = context.RequestServices;
        await using var scope = _silo.Services.CreateAsyncScope();
        try
        {
            await _silo.Services.GetRequiredService<DashboardCounters>().LookAsync(context.RequestAborted);
            context.RequestServices = scope.ServiceProvider;
            context.SetEndpoint(null);
            context.Request.RouteValues.Clear();
            await _pipeline.Value(context);
        }
        finally
        {
            context.RequestServices = outer;
        }
    }

    private RequestDelegate Build()
    {
        var app = new ApplicationBuilder(_silo.Services);
        app.UseRouting();
        app.UseEndpoints(static endpoints => endpoints.MapOrleansDashboard(Path));
        return app.Build();
    }
}

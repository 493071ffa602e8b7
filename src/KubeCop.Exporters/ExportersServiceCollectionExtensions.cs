using KubeCop.Core.Alerts;
using KubeCop.Exporters.Alertmanager;
using KubeCop.Exporters.Csv;
using KubeCop.Exporters.Http;
using KubeCop.Exporters.Syslog;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Exporters;

public static class ExportersServiceCollectionExtensions
{
    /// <summary>Adds an <see cref="IAlertExporter"/> for each receiver that the options name. They have no mistakes.</summary>
    public static IServiceCollection AddAlertExporters(this IServiceCollection services, ExportOptions options)
    {
        foreach (var url in options.Alertmanager.Urls)
        {
            services.AddSingleton<IAlertExporter>(provider => new AlertmanagerExporter(url, options.Alertmanager, provider.GetRequiredService<TimeProvider>()));
        }

        if (options.Syslog.Address.Length > 0)
        {
            services.AddSingleton<IAlertExporter>(_ => new SyslogExporter(options.Syslog));
        }

        if (options.Csv.Path.Length > 0 || options.Csv.MalwarePath.Length > 0)
        {
            services.AddSingleton<IAlertExporter>(_ => new CsvExporter(options.Csv));
        }

        if (options.Http.Url.Length > 0)
        {
            services.AddSingleton<IAlertExporter>(provider => new HttpExporter(options.Http, provider.GetRequiredService<TimeProvider>()));
        }

        return services;
    }
}

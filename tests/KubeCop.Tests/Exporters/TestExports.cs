using KubeCop.Core.Alerts;

namespace KubeCop.Tests.Exporters;

internal static class TestExports
{
    public static string Export(this IAlertExporter exporter, IReadOnlyList<Alert> batch) => exporter.Export(batch, TestContext.Current.CancellationToken);
}

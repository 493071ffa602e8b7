using KubeCop.Host.Metrics;

namespace KubeCop.Tests.Host.Metrics;

/// <summary>Writes docs/metrics.md, made of what a node lists.</summary>
internal static class MetricMarkdown
{
    private const string Head = """
        # Metrics

        <!-- Made by MetricsTests with KUBECOP_WRITE_DOCS=1; not to be edited. -->

        `/metrics` of each node answers in Prometheus' text form (0.0.4). Everything is read from where it is counted when somebody asks; a scrape waits for no
        container, disk or network. Counters begin with 0 when the process starts.

        Labels have few values, known beforehand: rules, kinds, states, reasons, never names of containers, images, workloads, pods or silos. What happens in one
        container is told by `/api/v1/containers`, `/api/v1/node` (losses) and the alerts.

        [Alerting rules](../charts/kubecop/files/prometheus/rules.yaml) and a [dashboard for Grafana](../charts/kubecop/files/grafana/kubecop.json) are in the chart;
        both use these metrics only. A metric or a label of this page is changed like any other interface: not without need, and said in the release.

        """;

    private static readonly Dictionary<string, string> Remarks = new()
    {
        ["Names of KubeCop"] =
            """
            The names under which KubeCop counts, without labels, for dashboards and alerts that exist. They count what KubeCop's are meant to: its `kubecop_syscall_counter`
            stays 0, its `kubecop_rule_counter` counts also rules that do not look at the event at all, and what its kernel side loses is not among
            `kubecop_ebpf_event_failure_counter`. `promtool check metrics` finds fault with these names, and with no others.
            """,
        ["Orleans"] =
            """
            Of Orleans' own meter, `Microsoft.Orleans`. Instruments that tell silos apart by their addresses are summed up or left out, and what is told better above is left
            out: storage, memory, sizes of messages. When another silo takes the place of this process's silo, counters go on and gauges are those of the new one.
            """,
    };

    public static string Write(MetricCatalog catalog)
    {
        var page = new StringWriter { NewLine = "\n" };
        page.Write(Head);
        foreach (var subject in catalog.All.GroupBy(static metric => metric.Subject))
        {
            page.WriteLine($"\n## {subject.Key}\n");
            if (Remarks.TryGetValue(subject.Key, out var remark))
            {
                page.WriteLine($"{remark}\n");
            }

            page.WriteLine("| metric | type | labels | meaning |\n|---|---|---|---|");
            foreach (var metric in subject)
            {
                var labels = string.Join("; ", metric.Labels.Select(static label => $"`{label.Name}`: {label.Values}"));
                page.WriteLine($"| `{metric.Name}` | {metric.Type} | {labels} | {metric.Help} |");
            }
        }

        return page.ToString();
    }
}

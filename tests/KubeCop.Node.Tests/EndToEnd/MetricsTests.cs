using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Metrics;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>What the real program answers on a real kernel, against what docs/metrics.md promises.</summary>
public sealed class MetricsTests(ContainerdFixture containerd)
{
    [RealContainersFact]
    public async Task Scrape_OfARealNode_IsWhatThePageLists_AndCountsWhatAContainerDoes()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { LearningPeriod = "10m", HostRoot = containerd.HostRoot });
        await using var container = await containerd.RunAsync("/bin/sh", "-c", "for i in $(/bin/seq 20); do /bin/cat /etc/passwd; done; exec /bin/sleep 1000");

        var scrape = await Wait.UntilAsync(
            async () => Scrape.Parse(await kubecop.Http.GetStringAsync("/metrics")),
            static scrape => scrape.Sum("kubecop_containers", ("state", "learning")) >= 1 && scrape.Sum("kubecop_rule_evaluations_total", ("rule_id", "R1000")) >= 20,
            "what the container does, counted");

        Assert.Empty(MetricPage.Load().Differences(scrape));
        Assert.True(scrape.Sum("kubecop_exec_counter") >= 20, "Execs are not counted under KubeCop's name.");
        Assert.True(scrape.Sum("kubecop_sensor_ring_peak_bytes", ("ring", "critical")) > 0, "Nothing was ever seen to wait in the ring of critical events.");
        Assert.Equal(0, scrape.Sum("kubecop_sensor_hook_attached") - scrape.Samples.Count(static sample => sample.Name == "kubecop_sensor_hook_attached" && sample.Value == 1));
        Assert.Equal(1, scrape.Sum("kubecop_sensor_ready"));
    }

    [RealContainersFact]
    public async Task Promtool_FindsFaultWithTheNamesOfKubeCopOnly()
    {
        Assert.SkipWhen(Promtool.Missing is not null, Promtool.Missing ?? "");
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot });

        var problems = await Promtool.CheckMetricsAsync(await kubecop.Http.GetStringAsync("/metrics", TestContext.Current.CancellationToken));

        Assert.Equal(13 * 2, problems.Count);
        Assert.All(problems, static problem => Assert.Matches("^kubecop_[a-z_]+_counter ", problem));
    }
}

using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Grains.Containers;
using KubeCop.Host.Metrics;
using KubeCop.Host.Node;
using KubeCop.Testing;
using KubeCop.Testing.Metrics;
using KubeCop.Tests.Core;
using KubeCop.Tests.Host.Node;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Host.Metrics;

/// <summary>What a whole node answers, against what docs/metrics.md promises.</summary>
public sealed class MetricsTests(NodeHostFixture node) : IClassFixture<NodeHostFixture>
{
    private const string Page = "docs/metrics.md";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private MetricCatalog Catalog
    {
        get
        {
            // Metrics are listed when their sources are made.
            _ = node.Node.Services.GetRequiredService<MetricsEndpoint>();
            return node.Node.Services.GetRequiredService<MetricCatalog>();
        }
    }

    [Fact]
    public void Page_IsCurrent()
    {
        var page = MetricMarkdown.Write(Catalog);
        var file = Repository.PathOf(Page);
        if (Environment.GetEnvironmentVariable("KUBECOP_WRITE_DOCS") == "1")
        {
            File.WriteAllText(file, page);
        }

        Assert.True(page == File.ReadAllText(file), $"{Page} is not what a node lists; make it anew: this test with KUBECOP_WRITE_DOCS=1");
    }

    [Fact]
    public async Task Scrape_IsWhatThePageLists()
    {
        var scrape = await ScrapeAsync();

        Assert.Empty(MetricPage.Load().Differences(scrape));
    }

    [Fact]
    public async Task Labels_HaveNoOtherValuesThanListed()
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "labels", "/dev/shm/x", "/dev/shm/x");
        var scrape = await ScrapeAsync();

        var labels = Catalog.All.ToDictionary(static metric => metric.Name, static metric => metric.Labels);
        Assert.DoesNotContain(scrape.Samples, sample => labels[sample.Metric].Any(label => !label.Allows(sample.Labels[label.Name])));
    }

    [PromtoolFact]
    public async Task Promtool_FindsFaultWithTheNamesOfKubeCopOnly()
    {
        var problems = await Promtool.CheckMetricsAsync(await node.Http.GetStringAsync("/metrics", Token));

        string[] old =
        [
            "kubecop_exec_counter", "kubecop_open_counter", "kubecop_network_counter", "kubecop_dns_counter", "kubecop_syscall_counter", "kubecop_capability_counter",
            "kubecop_randomx_counter", "kubecop_ebpf_event_failure_counter", "kubecop_rule_counter", "kubecop_alert_counter", "kubecop_application_profile_create_counter",
            "kubecop_application_profile_update_counter", "kubecop_application_profile_delete_counter",
        ];
        Assert.Equal(
            old.SelectMany(static name => (string[])[$"{name} counter metrics should have \"_total\" suffix", $"{name} metric name should not include type 'counter'"]).Order(),
            problems.Order());
        Assert.Equal(old.Order(), Catalog.All.Where(static metric => metric.Subject == KubeCopNames.Subject).Select(static metric => metric.Name).Order());
    }

    [Fact]
    public async Task NamesOfKubeCop_CountWhatTheyMean()
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "names", "/dev/shm/x", "/bin/sh");

        // Evaluations are counted once a second.
        var scrape = await Wait.UntilAsync(ScrapeAsync, static scrape => scrape.Sum("kubecop_rule_evaluations_total", ("rule_id", "R1000")) >= 2, "evaluations of R1000");

        Assert.Equal((7, 11, 5, 0), (scrape.Sum("kubecop_exec_counter"), scrape.Sum("kubecop_open_counter"), scrape.Sum("kubecop_syscall_counter"), scrape.Sum("kubecop_dns_counter")));
        Assert.Equal(3, scrape.Sum("kubecop_ebpf_event_failure_counter"));
        Assert.Equal(scrape.Sum("kubecop_rule_evaluations_total"), scrape.Sum("kubecop_rule_counter"));
        Assert.Equal(scrape.Sum("kubecop_alerts_total"), scrape.Sum("kubecop_alert_counter"));
        Assert.True(scrape.Sum("kubecop_alert_counter") >= 1, "The alert of R1000 is not counted.");
        Assert.All(
            scrape.Samples.Where(static sample => sample.Name == "kubecop_rule_evaluations_total" && sample.Value > 0),
            static sample => Assert.Contains(EventKind.Exec, RuleCatalog.Descriptors.Single(rule => rule.Id == sample.Labels["rule_id"]).Events));
    }

    [Fact]
    public async Task Sensor_TellsRingsAndBatches()
    {
        var scrape = await ScrapeAsync();

        Assert.Equal((4096, 512, 2048), (
            scrape.Sum("kubecop_sensor_ring_size_bytes", ("ring", "bulk")),
            scrape.Sum("kubecop_sensor_ring_unread_bytes", ("ring", "bulk")),
            scrape.Sum("kubecop_sensor_ring_peak_bytes", ("ring", "bulk"))));
        Assert.Equal(2, scrape.Sum("kubecop_sensor_batches_in_flight"));
        Assert.Equal(1, scrape.Sum("kubecop_sensor_lossy_containers"));
    }

    [Fact]
    public async Task Silo_TellsItsGrainsRequestsAndStorage()
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "stored", "/bin/true");
        var scrape = await ScrapeAsync();

        Assert.Equal(1, scrape.Sum("kubecop_cluster_silos"));
        Assert.Equal(1, scrape.Sum("kubecop_silo_state", ("state", "alone")));
        Assert.True(scrape.Sum("orleans_catalog_activations", ("grain_type", "workload")) >= 1, "No grain of a workload is counted.");
        Assert.True(scrape.Sum("orleans_app_requests_seconds_count") >= 1, "No call of a grain is counted.");
        Assert.True(scrape.Sum("kubecop_storage_operation_seconds_count", ("verb", "write"), ("result", "done")) >= 1, "No write of a state is counted.");
    }

    [Fact]
    public async Task Profiles_ThatShouldBeDone_AreToldAsOverdue()
    {
        await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, "overdue", "/bin/true");
        var services = node.Node.Services;
        var watched = services.GetRequiredService<WatchedContainers>();

        var now = new NodeContainers(node.Sensor, watched, TimeProvider.System).CountProfiles();
        var tomorrow = new NodeContainers(node.Sensor, watched, new FakeTimeProvider(DateTimeOffset.UtcNow.AddDays(1))).CountProfiles();

        Assert.Equal(node.Sensor.ContainerIds.Count, now.ByState[ProfileState.Learning]);
        Assert.Equal((0, 0), (now.Overdue, now.Unassigned));
        Assert.Equal(node.Sensor.ContainerIds.Count, tomorrow.Overdue);
    }

    private async Task<Scrape> ScrapeAsync() => Scrape.Parse(await node.Http.GetStringAsync("/metrics", Token));
}

using System.Globalization;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Node;

namespace KubeCop.Benchmarks;

/// <summary>
/// How soon a new container of a pod has its rules: each does what a signature rule finds as the second thing of its life. With an API server that knows its
/// pod, and with one that is away. Measured from the kernel's time of the event to the time the alert's line was read from stdout.
/// </summary>
internal static class BoundBenchmark
{
    private const string Node = "node-1";
    private const int Pods = 10;
    private const int ContainersPerPod = 20;

    public static async Task RunAsync()
    {
        Conditions.Print("bound", $"{Pods} pods of {ContainersPerPod} containers, one after the other");
        await using var containerd = new ContainerdFixture();
        await containerd.InitializeAsync();
        await using var api = await ApiServer.StartAsync();
        api.Apply("{apiVersion: kubescape.io/v1, kind: RuntimeRuleAlertBinding, metadata: {name: all}, spec: {rules: [{ruleID: R1000}]}}");
        using var files = new TestDirectory();
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            HostRoot = containerd.HostRoot,
            LearningPeriod = "1h",
            Settings = new Dictionary<string, string>
            {
                ["KubeCop:Node:Name"] = Node,
                ["KubeCop:Kubernetes:Kubeconfig"] = api.WriteKubeconfig(files.Combine("kubeconfig")),
            },
        });
        await Wait.UntilAsync(
            () => kubecop.GetAsync("/api/v1/bindings"), static bindings => bindings.GetProperty("source").GetString() == "kubernetes", "bindings of the API server");

        await MeasureAsync("with an API server", "here");
        await api.StopAsync();
        await MeasureAsync("with one that is away", "away");

        async Task MeasureAsync(string what, string deployment)
        {
            var milliseconds = new List<double>();
            var workload = new EmulatedWorkload(api, deployment);
            for (var number = 0; number < Pods; number++)
            {
                var (name, uid) = workload.Schedule(Node, $"{number}");
                await using var pod = await containerd.RunPodAsync(new PodOptions { Name = name, Uid = uid });
                for (var turn = 0; turn < ContainersPerPod; turn++)
                {
                    var container = await pod.StartAsync($"app-{turn}", ["/bin/sh", "-c", "/bin/ln -sf /bin/true /dev/shm/x; /dev/shm/x; /bin/sleep 1000"]);
                    var alert = await kubecop.WaitForAlertAsync(container.Id, "R1000", static alert => alert.RuleId == "R1000");
                    milliseconds.Add((alert.ReceivedAt - alert.Timestamp).TotalMilliseconds);
                    await container.RemoveAsync();
                }
            }

            var (median, p99) = (Statistics.Percentile(milliseconds, 0.5), Statistics.Percentile(milliseconds, 0.99));
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"  {what,-24} p50 {median:0.0} ms   p99 {p99:0.0} ms   highest {milliseconds.Max():0.0} ms   {milliseconds.Count} containers"));
        }
    }
}

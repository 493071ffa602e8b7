using System.Globalization;
using System.Text;
using KubeCop.Core.Bindings;
using KubeCop.Core.Workloads;
using KubeCop.Host.Bindings;

namespace KubeCop.Benchmarks;

/// <summary>
/// What a change of bindings costs: a thousand bindings are read, come into force, and each of 500 pods gets its rules. The worst of it is
/// that no two pods have the same combination of bindings. And what it costs that files are looked at five times a second.
/// </summary>
internal static class BindingsBenchmark
{
    private const int Bindings = 1000;
    private const int Pods = 500;
    private const int Namespaces = 50;
    private const int Rounds = 21;
    private const int Looks = 1000;

    public static Task RunAsync()
    {
        Conditions.Print("bindings", $"{Bindings} bindings, {Pods} pods, {Rounds} rounds after two to warm up, CPU of this thread");
        var yaml = Encoding.UTF8.GetBytes(Yaml());
        var pods = Enumerable.Range(0, Pods).Select(Pod).ToArray();
        var reading = Read(yaml);
        var set = new BindingSet(reading.Bindings.Count == Bindings ? reading.Bindings : throw new BindingsRefusedException(reading.Errors), "", default);
        var (read, compile, again) = (new List<double>(), new List<double>(), new List<double>());
        var combinations = 0;
        for (var round = -2; round < Rounds; round++)
        {
            var readTime = Milliseconds(() => Read(yaml));
            var bindings = new RuleBindings(new NamespaceNames());
            var compileTime = Milliseconds(() => Take(bindings, set, pods));
            var againTime = Milliseconds(() => Take(bindings, set, pods));
            combinations = pods.Select(bindings.RulesOf).Distinct().Count();
            if (round >= 0)
            {
                read.Add(readTime);
                compile.Add(compileTime);
                again.Add(againTime);
            }
        }

        Print($"reading and checking {yaml.Length / 1024} KiB of YAML", read);
        Print($"compiling for {Pods} pods, {combinations} different sets of rules", compile);
        Print("the same once more, as after a change of a comment", again);
        foreach (var size in new[] { 3 * 1024, 1024 * 1024, BindingLimits.Bytes })
        {
            LookAt(size);
        }

        return Task.CompletedTask;
    }

    private static void LookAt(int size)
    {
        var file = Path.GetTempFileName();
        try
        {
            File.WriteAllText(file, new string('#', size));
            var changes = new BindingFiles.Changes(new BindingFiles(file, TimeProvider.System));
            var looks = new List<double>();
            var allocated = GC.GetAllocatedBytesForCurrentThread();
            for (var look = 0; look < Looks; look++)
            {
                looks.Add(Milliseconds(() => changes.Next()));
            }

            allocated = (GC.GetAllocatedBytesForCurrentThread() - allocated) / Looks;
            Print($"looking at a file of {size / 1024} KiB, {allocated} bytes allocated", looks);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static BindingReading Read(byte[] yaml)
    {
        var documents = new YamlDocuments();
        documents.Add("bindings.yaml", yaml);
        return BindingReader.Read("bindings.yaml", new BindingInput("", documents.Documents, documents.Errors));
    }

    private static void Take(RuleBindings bindings, BindingSet set, ContainerDescription[] pods)
    {
        bindings.Apply(set);
        foreach (var pod in pods)
        {
            bindings.RulesOf(pod);
        }
    }

    // A tenth concerns everybody, a tenth a namespace, the rest some labels in some namespaces.
    private static string Yaml()
    {
        var yaml = new StringBuilder();
        for (var i = 0; i < Bindings; i++)
        {
            var namespaces = i % 10 == 0 ? "matchExpressions: [{ key: kubernetes.io/metadata.name, operator: NotIn, values: [kube-system, kube-public] }]"
                : $"matchExpressions: [{{ key: kubernetes.io/metadata.name, operator: In, values: [ns-{i % Namespaces}, ns-{i * 7 % Namespaces}, ns-{i * 13 % Namespaces}] }}]";
            var pods = i % 10 <= 1 ? "matchExpressions: [{ key: app.kubernetes.io/name, operator: NotIn, values: [kubecop] }]"
                : $"matchLabels: {{ tier: tier-{i % 5} }}, matchExpressions: [{{ key: app, operator: In, values: [app-{i % 97}, app-{i % 89}] }}, {{ key: debug, operator: DoesNotExist }}]";
            yaml.Append(CultureInfo.InvariantCulture, $$"""
                ---
                apiVersion: kubescape.io/v1
                kind: RuntimeRuleAlertBinding
                metadata: { name: binding-{{i}} }
                spec:
                  namespaceSelector: { {{namespaces}} }
                  podSelector: { {{pods}} }
                  rules:
                  - ruleID: R0001
                    severity: {{(i % 2 == 0 ? "low" : "high")}}
                  - ruleName: Unexpected file access
                    parameters: { ignoreMounts: true, ignorePrefixes: [/tmp, /cache-{{i}}] }
                  - ruleTags: [dns, syscall]
                  - ruleID: R1000
                  - ruleID: R1001

                """);
        }

        return yaml.ToString();
    }

    private static ContainerDescription Pod(int index) => new()
    {
        Id = $"container-{index}",
        Name = "app",
        Runtime = "containerd",
        Node = "node",
        Workload = new WorkloadKey($"ns-{index % Namespaces}", "Deployment", $"app-{index}"),
        Pod = new PodDescription
        {
            Name = $"app-{index}-x",
            Namespace = $"ns-{index % Namespaces}",
            Labels = new Dictionary<string, string>
            {
                ["app"] = $"app-{index % 97}",
                ["tier"] = $"tier-{index % 5}",
                ["app.kubernetes.io/name"] = $"app-{index}",
                ["pod-template-hash"] = $"{index:x8}",
            },
        },
        Origin = ContainerOrigin.Started,
        SeenAt = DateTimeOffset.UnixEpoch,
        CgroupId = (ulong)index,
        CgroupPath = $"/{index}",
        Revision = "r1",
    };

    private static double Milliseconds(Action action)
    {
        var cpu = LinuxClock.ThreadCpuSeconds();
        action();
        return (LinuxClock.ThreadCpuSeconds() - cpu) * 1000;
    }

    private static void Print(string what, List<double> milliseconds) =>
        Console.WriteLine($"  {what,-66} median {Statistics.Percentile(milliseconds, 0.5),8:0.000} ms   highest {milliseconds.Max(),8:0.000} ms");
}

using KubeCop.Core.Rules;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Attacks;

/// <summary>
/// A running kubecop and containers that have learned the simulator's normal behaviour, or, one, nothing at all: one is attacked in every way,
/// one goes on as it did and then does every harmless twin, and one is attacked as KubeCop's authors did. And a pod without R1007, which leaves
/// R1009 nothing to say elsewhere.
/// </summary>
[CollectionDefinition(nameof(AttackedContainers))]
public sealed class AttackedContainers(ContainerdFixture containerd) : IAsyncLifetime, ICollectionFixture<AttackedContainers>
{
    private readonly TestDirectory _files = new();
    private KubeCopProcess? _kubecop;
    private ContainerdContainer? _attacked;
    private ContainerdContainer? _harmless;
    private ContainerdContainer? _maliciousApp;
    private CriPod? _pod;

    public ContainerdContainer Attacked => _attacked!;

    /// <summary>The pod without R1007.</summary>
    public CriPod Pod => _pod!;

    /// <summary>What all scenarios together led to.</summary>
    public IReadOnlyList<AlertView> AttackAlerts { get; private set; } = [];

    /// <summary>What the steps of KubeCop's malicious app led to.</summary>
    public IReadOnlyList<AlertView> MaliciousAppAlerts { get; private set; } = [];

    /// <summary>What R1009's twin and then R1009 led to in the pod.</summary>
    public IReadOnlyList<AlertView> PodAlerts { get; private set; } = [];

    /// <summary>What a second turn of the normal behaviour led to.</summary>
    public IReadOnlyList<AlertView> NormalAlerts { get; private set; } = [];

    /// <summary>What all twins together led to.</summary>
    public IReadOnlyList<AlertView> TwinAlerts { get; private set; } = [];

    public async ValueTask InitializeAsync()
    {
        if (Machine.MissingForContainers is not null)
        {
            return;
        }

        var bindings = _files.Combine("bindings.yaml");
        await File.WriteAllTextAsync(bindings, Bindings());
        _kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            HostRoot = containerd.HostRoot,
            LearningPeriod = "10s",
            MoreArguments = ["--bindings", bindings],
            Settings = new Dictionary<string, string> { ["KUBERNETES_SERVICE_HOST"] = Simulator.ApiServer },
        });
        _attacked = await StartAsync(Simulator.Program, "workload");
        _harmless = await StartAsync(Simulator.Program, "workload");
        _maliciousApp = await StartAsync("/bin/sleep", "1000");
        _pod = await containerd.RunPodAsync(new PodOptions());
        var podContainer = await _pod.StartAsync("attacked", [Simulator.Program, "workload"]);
        foreach (var container in (ContainerdContainer[])[_attacked, _harmless, _maliciousApp])
        {
            await _kubecop.WaitForProfileAsync(
                container.Namespace, container.Id, static profile => profile.State == "final", $"final profile of container {container.Id}");
        }

        await _attacked.ExecAsync(Simulator.Program, "all");
        AttackAlerts = await AlertsUntilAsync(_attacked, "/bin/true");
        await _maliciousApp.ExecAsync(Simulator.Program, "malicious-app");
        MaliciousAppAlerts = await AlertsUntilAsync(_maliciousApp, "/bin/true");
        await podContainer.ExecAsync(Simulator.Program, "R1009", "--twin");
        await podContainer.ExecAsync(Simulator.Program, "R1009");
        await _kubecop.WaitForAlertAsync(podContainer.Id, "R1009", static alert => alert.RuleId == "R1009" && alert.Message.Contains(":45700", StringComparison.Ordinal));
        PodAlerts = _kubecop.AlertsOf(podContainer.Id);
        await _harmless.SignalAsync("HUP");
        await Wait.UntilAsync(() => _harmless.Output, static output => output.Count(static line => line == "normal") == 2, "second turn of the workload");
        NormalAlerts = await AlertsUntilAsync(_harmless, "/bin/true");
        await _harmless.ExecAsync(Simulator.Program, "all", "--twin");
        TwinAlerts = [.. (await AlertsUntilAsync(_harmless, "/bin/id")).Skip(NormalAlerts.Count)];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var resource in new IAsyncDisposable?[] { _attacked, _harmless, _maliciousApp, _pod, _kubecop })
        {
            if (resource is not null)
            {
                await resource.DisposeAsync();
            }
        }

        _files.Dispose();
    }

    private Task<ContainerdContainer> StartAsync(params string[] command)
    {
        var id = ContainerdFixture.NewId();
        var volume = System.IO.Directory.CreateDirectory(_files.Combine(id)).FullName;
        return containerd.RunAsync(id, command, ["--env", $"KUBERNETES_SERVICE_HOST={Simulator.ApiServer}", "--mount", $"type=bind,src={volume},dst=/volume,options=rbind:rw"]);
    }

    // As the default binding does, but that R1007 is for the containers of no pod.
    private string Bindings() => $$"""
        apiVersion: kubescape.io/v1
        kind: RuntimeRuleAlertBinding
        metadata: { name: all-but-r1007 }
        spec:
          rules:
            - ruleID: R0002
              parameters: { ignoreMounts: true, ignorePrefixes: [/proc, /tmp, /dev/shm] }
            {{string.Join("\n    ", RuleCatalog.Descriptors.Where(static rule => rule.Id is not ("R0002" or "R1007")).Select(static rule => $"- ruleID: {rule.Id}"))}}
        ---
        apiVersion: kubescape.io/v1
        kind: RuntimeRuleAlertBinding
        metadata: { name: r1007 }
        spec:
          namespaceSelector:
            matchLabels: { kubernetes.io/metadata.name: {{containerd.Namespace}} }
          rules:
            - ruleID: R1007
        """;

    // Lines of a container come in the order of its events: what comes after a marker cannot come any more.
    private async Task<IReadOnlyList<AlertView>> AlertsUntilAsync(ContainerdContainer container, string marker)
    {
        await container.ExecAsync(marker);
        await _kubecop!.WaitForAlertAsync(container.Id, $"R0001 for {marker}", alert => alert.EventText("path") == marker);
        return [.. _kubecop.AlertsOf(container.Id).TakeWhile(alert => alert.EventText("path") != marker)];
    }
}

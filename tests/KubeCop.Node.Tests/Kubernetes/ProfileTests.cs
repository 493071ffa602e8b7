using System.Text.Json.Nodes;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Kubernetes;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Kubernetes;

/// <summary>Profiles of real containers as their users see and change them with kubectl.</summary>
public sealed class ProfileTests(ContainerdFixture containerd)
{
    private const string Node = "node-1";

    private const string Binding = """
        apiVersion: kubescape.io/v1
        kind: RuntimeRuleAlertBinding
        metadata: {name: all}
        spec: {rules: [{ruleID: R0001}]}
        """;

    /// <summary>What the container does all the time.</summary>
    private const string Loop = "while true; do ls /etc > /dev/null; sleep 0.2; done";

    [RealContainersFact]
    public async Task LearnedPod_IsSeenWithKubectl_AndItsEditAllowsExactlyWhatItSays()
    {
        Assert.SkipWhen(Kubectl.Missing is not null, Kubectl.Missing ?? "");
        await using var api = await ApiServer.StartAsync();
        api.Apply(Binding);
        using var files = new TestDirectory();
        var kubectl = new Kubectl(api, files);
        var web = new EmulatedWorkload(api, "web");
        var (name, uid) = web.Schedule(Node, "a");
        await using var kubecop = await StartAsync(api, files);
        await using var pod = await containerd.RunPodAsync(new PodOptions { Name = name, Uid = uid });
        var app = await pod.StartAsync("app", ["/bin/sh", "-c", Loop]);

        // It is learned as the deployment's.
        var row = await Wait.UntilAsync(
            () => kubectl.RunAsync("get", "applicationprofiles", "-o", "wide"),
            static text => text.Contains("final", StringComparison.Ordinal),
            "final profile in kubectl get");
        Assert.Equal(["NAME", "PHASE", "CONTAINERS", "EXECS", "OPENS", "LOST", "SYSCALLS", "CONNECTIONS", "AGE"], Words(row.Split('\n')[0]));
        Assert.Equal([web.Profile, "final", "1"], Words(row.Split('\n')[1])[..3]);

        // What is new is alerted on.
        await app.ExecAsync("/bin/date");
        await kubecop.WaitForAlertAsync(app.Id, "R0001 of date", static alert => alert.RuleId == "R0001" && alert.Process.Args is ["/bin/date", ..]);

        // Allowed with kubectl, it is not; another program still is.
        var profile = JsonNode.Parse(await kubectl.RunAsync("get", "applicationprofile", web.Profile, "-o", "json"))!.AsObject();
        profile["spec"]!["containers"]![0]!["execs"]!.AsArray().Add(new JsonObject { ["path"] = "/bin/uname" });
        File.WriteAllText(files.Combine("edited.json"), profile.ToJsonString());
        await kubectl.RunAsync("apply", "-f", files.Combine("edited.json"));
        var edited = DateTimeOffset.UtcNow;
        await kubecop.WaitForProfileAsync(
            "default", "web", static shown => shown.Containers[0].Execs.Any(static exec => exec.Path == "/bin/uname"), "the allowed program", kind: "deployment");
        var known = DateTimeOffset.UtcNow;
        await app.ExecAsync("/bin/uname");
        await app.ExecAsync("/bin/hostname");
        await kubecop.WaitForAlertAsync(app.Id, "R0001 of hostname", static alert => alert.RuleId == "R0001" && alert.Process.Args is ["/bin/hostname", ..]);
        Assert.DoesNotContain(kubecop.AlertsOf(app.Id), static alert => alert.RuleId == "R0001" && alert.Process.Args is ["/bin/uname", ..]);
        Assert.InRange(known - edited, TimeSpan.Zero, TimeSpan.FromSeconds(20));

        // A binding that goes takes its rule along, and one that comes brings it.
        await kubectl.RunAsync("delete", "rab", "all");
        await Wait.UntilAsync(() => kubecop.GetAsync("/api/v1/bindings"), static bindings => bindings.GetProperty("items").GetArrayLength() == 0, "end of the binding");
        await app.ExecAsync("/bin/id");
        File.WriteAllText(files.Combine("binding.yaml"), Binding.Replace("R0001", "R1001", StringComparison.Ordinal));
        await kubectl.RunAsync("apply", "-f", files.Combine("binding.yaml"));
        await Wait.UntilAsync(() => kubecop.GetAsync("/api/v1/bindings"), static bindings => bindings.GetProperty("items").GetArrayLength() == 1, "the new binding");
        await app.ExecAsync("/bin/sh", "-c", "cp /bin/busybox /tmp/date; /tmp/date");
        await kubecop.WaitForAlertAsync(app.Id, "R1001 of a copied program", static alert => alert.RuleId == "R1001");
        Assert.DoesNotContain(kubecop.AlertsOf(app.Id), static alert => alert.Process.Args is ["/bin/id", ..]);

        // It stays when KubeCop writes the profile again, and is seen to be KubeCop's.
        await Wait.UntilAsync(
            () => kubectl.RunAsync("get", "applicationprofile", web.Profile, "-o", "json", "--show-managed-fields"),
            static text => text.Contains("/bin/uname", StringComparison.Ordinal) && text.Contains("\"manager\": \"kubecop\"", StringComparison.Ordinal),
            "profile with what was allowed");

        // What is not understood is refused by the schema.
        File.WriteAllText(files.Combine("wrong.yaml"), """
            apiVersion: kubescape.io/v1
            kind: ApplicationProfile
            metadata: {name: deployment-other}
            spec: {containers: [{name: app, networkActivity: {outgoing: [{protocol: tcp, port: 70000}]}}]}
            """);
        var refused = await kubectl.TryRunAsync("apply", "-f", files.Combine("wrong.yaml"));
        Assert.Contains("spec.containers[0].networkActivity.outgoing[0].port", refused.Error, StringComparison.Ordinal);

        // Deleted, it is learned anew.
        await kubectl.RunAsync("delete", "applicationprofile", web.Profile);
        await kubecop.WaitForProfileAsync("default", "web", static shown => shown.State == "learning", "learning anew", kind: "deployment");
    }

    [RealContainersFact]
    public async Task ProfileThatIsGivenBeforeItsWorkload_GuardsItsFirstContainerFromTheStart()
    {
        await using var api = await ApiServer.StartAsync();
        using var files = new TestDirectory();
        api.Apply(Binding);
        api.Apply("""
            apiVersion: kubescape.io/v1
            kind: ApplicationProfile
            metadata: {name: deployment-shop, namespace: default, labels: {kapprofiler.kubescape.io/final: "true"}}
            spec:
              containers:
              - name: app
                execs: [{path: /bin/sh}, {path: /bin/sleep}]
            """);
        var shop = new EmulatedWorkload(api, "shop");
        var (name, uid) = shop.Schedule(Node, "a");
        await using var kubecop = await StartAsync(api, files);
        await using var pod = await containerd.RunPodAsync(new PodOptions { Name = name, Uid = uid });

        var app = await pod.StartAsync("app", ["/bin/sh", "-c", "/bin/ls /; sleep 1000"]);

        var alert = await kubecop.WaitForAlertAsync(app.Id, "R0001 of ls", static alert => alert.RuleId == "R0001");
        Assert.Equal(["/bin/ls", "/"], alert.Process.Args);
        Assert.Equal(new WorkloadView("Deployment", "shop", "default"), alert.Workload);
        Assert.False(alert.Learning, "it is guarded, and nothing is learned");
    }

    [RealContainersFact]
    public async Task ApiServerThatIsAway_KeepsNobodyFromDetecting_AndWhatWasDoneMeanwhileIsLearnedForTheWorkload()
    {
        await using var api = await ApiServer.StartAsync();
        using var files = new TestDirectory();
        var late = new EmulatedWorkload(api, "late");
        var (name, uid) = late.Schedule(Node, "a");
        await api.StopAsync();
        await using var kubecop = await StartAsync(api, files);
        await using var pod = await containerd.RunPodAsync(new PodOptions { Name = name, Uid = uid });

        var app = await pod.StartAsync("app", ["/bin/sh", "-c", $"/bin/cat /etc/passwd; cp /bin/busybox /tmp/date; /tmp/date; {Loop}"]);

        // Signatures need nobody.
        var alert = await kubecop.WaitForAlertAsync(app.Id, "R1001 of a copied program", static alert => alert.RuleId == "R1001");
        Assert.Equal("Pod", alert.Workload.Kind);

        await api.StartAgainAsync();
        var profile = await kubecop.WaitForProfileAsync(
            "default", "late", static shown => shown.Containers[0].Opens.Any(static open => open.Path == "/etc/passwd"), "what it did before its owner was known", kind: "deployment");
        Assert.Null(await kubecop.GetProfileAsync("default", name, "pod"));
        Assert.DoesNotContain(profile.Containers[0].Execs, static exec => exec.Path == "/tmp/date");
    }

    private static string[] Words(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries);

    private Task<KubeCopProcess> StartAsync(ApiServer api, TestDirectory files) => KubeCopProcess.StartAsync(new KubeCopOptions
    {
        HostRoot = containerd.HostRoot,
        LearningPeriod = "8s",
        Settings = new Dictionary<string, string>
        {
            ["KubeCop:Node:Name"] = Node,
            ["KubeCop:Kubernetes:Kubeconfig"] = api.WriteKubeconfig(files.Combine("kubecop-kubeconfig")),
        },
    });
}

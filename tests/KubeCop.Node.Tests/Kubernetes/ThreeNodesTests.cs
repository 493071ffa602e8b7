using KubeCop.Node.Tests.EndToEnd;
using KubeCop.Testing;
using KubeCop.Testing.Kubernetes;

namespace KubeCop.Node.Tests.Kubernetes;

/// <summary>Three real nodes as one cluster, as its users see and change it with kubectl, and as it is when its nodes fail.</summary>
[Collection(nameof(WholeMachine))]
public sealed class ThreeNodesTests(ThreeNodes cluster, ITestOutputHelper output) : IClassFixture<ThreeNodes>
{
    private const string Always = """
        apiVersion: kubescape.io/v1
        kind: RuntimeRuleAlertBinding
        metadata: {name: always}
        spec: {rules: [{ruleID: R0001}, {ruleID: R0002}]}
        """;

    /// <summary>In which changes are to be in force, with ten times slack.</summary>
    private static readonly TimeSpan Prompt = TimeSpan.FromSeconds(20);

    [RealContainersFact]
    public async Task Change_WithKubectl_IsSoonInForceAndNothingElseIs()
    {
        await cluster.StartAsync();
        cluster.BindOnly(Always);
        var pod = cluster.Web;

        // What was learned is seen, and only one node has the container.
        var row = await pod.UntilLearnedAsync();
        var header = (await cluster.Kubectl.RunAsync("get", "applicationprofiles", "-o", "wide")).Split('\n')[0];
        Assert.Equal(["NAME", "PHASE", "CONTAINERS", "EXECS", "OPENS", "LOST", "SYSCALLS", "CONNECTIONS", "AGE"], header.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        var learned = (await cluster.Nodes[1].Process.GetProfileAsync("default", pod.Workload, "deployment"))!.Containers[0];
        Assert.Equal([pod.Profile, "final", "1", $"{learned.Execs.Count}", $"{learned.Opens.Count}", $"{learned.Lost}", $"{learned.Syscalls.Count}", "0"], row[..^1]);
        var watching = await Task.WhenAll(cluster.Nodes.Select(node => node.WatchesAsync(pod.ContainerId)));
        Assert.Equal([true, false, false], watching);
        await pod.AttackAsync();

        // What an edit allows is allowed, and nothing else.
        await AllowAsync(pod, "first", Prompt);
        var before = await cluster.Kubectl.RunAsync("get", "applicationprofile", pod.Profile, "-o", "json");
        var since = await ApplyAsync(before.Replace(AttackedPod.KnownFile("second"), AttackedPod.AllFiles("second"), StringComparison.Ordinal));
        Tell("profile applied", since, await pod.UntilSilentAsync(() => pod.FilesSeen("second"), "second", Prompt));
        Assert.True(pod.FilesSeen("third").Last().Key > pod.FilesSeen("second").Last().Key, "What nobody allowed is not alerted on any more.");

        // What an edit takes away again is not.
        var turn = pod.Turn;
        var allowed = await cluster.Kubectl.RunAsync("get", "applicationprofile", pod.Profile, "-o", "json");
        since = await ApplyAsync(allowed.Replace(AttackedPod.AllFiles("second"), AttackedPod.KnownFile("second"), StringComparison.Ordinal));
        Tell("profile applied with less", since, await pod.UntilSeenAsync(() => pod.FilesSeen("second"), turn, "second", Prompt));
        Assert.True(pod.FilesSeen("first").Last().Key < turn, "What an edit before allowed is alerted on.");

        // Bindings, as they judge and as the nodes without containers have them.
        Assert.Empty(pod.ProgramsSeen("R1000"));
        await BindAsync(pod, "critical", Prompt);
        await BindAsync(pod, "low", Prompt);
        await UnbindAsync(pod, Prompt);
        Assert.True(pod.ProgramsSeen("R0001").Last().Key > pod.ProgramsSeen("R1000").Last().Key, "A rule of another binding ended with the one that was deleted.");

        // What nobody could mean is refused, with what is wrong, and changes nothing.
        foreach (var (wrong, message) in Refused)
        {
            var answer = await cluster.Kubectl.TryRunAsync("apply", "-f", cluster.WriteFile("wrong.yaml", wrong));
            Assert.True(answer.ExitCode != 0 && answer.Error.Contains(message, StringComparison.Ordinal), $"Not '{message}': {answer.Error}");
        }

        await cluster.UntilWholeAsync();
    }

    [RealContainersFact]
    public async Task Nodes_KilledAndStartedAgainWhileTheApiServerFails_LoseNothingAndAreWhole()
    {
        await cluster.StartAsync();
        cluster.BindOnly(Always);
        var pod = cluster.Shop;
        await pod.UntilLearnedAsync();
        await pod.AttackAsync();
        await AllowAsync(pod, "first", Prompt);
        await BindAsync(pod, "critical", Prompt);
        var learned = Learned(pod);
        var unwatched = new List<(int From, int To)>();

        // Each of them hosts something of the cluster, the first one the container too; that one comes last, so that another one follows bindings then.
        await Task.WhenAll(KillAsync(cluster.Nodes[1]), KillAsync(cluster.Nodes[2], "second"));
        await cluster.UntilWholeAsync();
        Say("two nodes were killed, and the cluster is whole");
        await KillAsync(cluster.First, "third");
        await cluster.UntilWholeAsync();
        Say($"{cluster.First.Name} was killed, and the cluster is whole");

        await pod.UntilSilentAsync(() => pod.FilesSeen("second"), "second, allowed while a node was down", Prompt);
        await pod.UntilSilentAsync(() => pod.FilesSeen("third"), "third, allowed while the node with the container was down", Prompt);
        Assert.DoesNotContain(cluster.First.Name, cluster.WatchersOf("runtimerulealertbindings.kubescape.io"));
        await BindAsync(pod, "low", Prompt);

        // One after the other as soon as the one before is ready, while requests fail, and another pod begins to learn.
        await using var late = await cluster.RunAsync("late");
        using (cluster.Inject(Each(9), static fault => fault with { Status = 500 }))
        using (cluster.Inject(Each(11), static fault => fault with { Status = 429, RetryAfterSeconds = 1 }))
        using (cluster.Inject(Each(6, "create", "patch"), static fault => fault with { Status = 409 }))
        using (cluster.Inject(static _ => true, static fault => fault with { Delay = TimeSpan.FromMilliseconds(50) }))
        {
            foreach (var node in cluster.Nodes)
            {
                cluster.Inject(static request => request.Verb == "watch", static fault => fault with { Cuts = true }).Dispose();
                await RestartAsync(node, pod, unwatched, async () =>
                {
                    var (exitCode, elapsed) = await node.Process.TerminateAsync();
                    Assert.True(exitCode == 0, $"{node.Name} exited with {exitCode}.\n{node.Log}");
                    Say($"{node.Name} ended within {elapsed.TotalSeconds:0.0} s");
                });
            }
        }

        await cluster.UntilWholeAsync();
        Say("the cluster is whole");

        // Nothing is lost of what was learned and said, and what is said now holds.
        await late.UntilLearnedAsync();
        Assert.Superset(new HashSet<string> { "final", "/bin/mkdir", "/bin/ln", "/bin/sleep" }, Learned(late).ToHashSet());
        Assert.Equal(learned, Learned(pod));
        foreach (var directory in (string[])["first", "second", "third"])
        {
            Assert.True(pod.FilesSeen(directory).LastOrDefault().Key < unwatched[^1].From, $"Files in {directory}, which are allowed, are alerted on since the nodes were started again.");
        }

        await AllowAsync(pod, "fourth", Prompt);
        await UnbindAsync(pod, Prompt);

        var all = await pod.UntilAllIsSeenAsync();
        var programs = pod.ProgramsSeen("R0001");
        var missing = Enumerable.Range(programs.First().Key, all - programs.First().Key)
            .Where(turn => !programs.ContainsKey(turn) && !unwatched.Any(time => turn > time.From && turn < time.To));
        Say($"{programs.Count} attacks seen; not watched: {string.Join(", ", unwatched)}");
        Assert.Empty(missing);

        Task KillAsync(ClusterNode node, string directory = "") => RestartAsync(node, pod, unwatched, async () =>
        {
            await node.Process.KillAsync();
            if (directory.Length > 0)
            {
                await EditAsync(pod, directory);
            }
        });
    }

    /// <summary>What is refused, and with which words.</summary>
    private static IEnumerable<(string Yaml, string Message)> Refused =>
    [
        (Wrong("ApplicationProfile", "deployment-wrong", "containers: [{name: app, networkActivity: {outgoing: [{protocol: tcp, port: 70000}]}}]"),
            "spec.containers[0].networkActivity.outgoing[0].port: Invalid value: 70000"),
        (Wrong("ApplicationProfile", "deployment-wrong", "containers: [{execs: [{path: /bin/sh}]}]"), "spec.containers[0].name: Required value"),
        (Wrong("ApplicationProfile", "deployment-wrong", "containers: [{name: app, exec: []}]"), "unknown field \"spec.containers[0].exec\""),
        (Wrong("RuntimeRuleAlertBinding", "wrong", "rules: [{ruleID: R9999}]"), "spec.rules[0].ruleID: Unsupported value: \"R9999\""),
        (Wrong("RuntimeRuleAlertBinding", "wrong", "rules: [{ruleID: R0001, severity: terrible}]"), "spec.rules[0].severity: Invalid value: \"terrible\""),
    ];

    private static string Wrong(string kind, string name, string spec) => $$"""
        apiVersion: kubescape.io/v1
        kind: {{kind}}
        metadata: {name: {{name}}}
        spec:
          {{spec}}
        """;

    /// <summary>Meets each so-manieth request with one of the verbs; with any where none is said.</summary>
    private static Func<ApiRequest, bool> Each(int number, params string[] verbs)
    {
        var requests = 0;
        return request => (verbs.Length == 0 || verbs.Contains(request.Verb)) && Interlocked.Increment(ref requests) % number == 0;
    }

    /// <summary>What no edit of these tests changes of a profile: its phase, until when it was learned, its programs.</summary>
    private IReadOnlyList<string> Learned(AttackedPod pod)
    {
        var profile = cluster.Api.Get("applicationprofiles.kubescape.io", "default", pod.Profile)!;
        return
        [
            (string)profile["status"]!["phase"]!,
            .. profile["status"]!["revisions"]!.AsArray().Select(static revision => (string)revision!["completesAt"]!),
            .. profile["spec"]!["containers"]![0]!["execs"]!.AsArray().Select(static exec => (string)exec!["path"]!).Order(StringComparer.Ordinal),
        ];
    }

    /// <summary>Ends a node and starts it again. If it is the pod's, nobody watches the pod meanwhile.</summary>
    private async Task RestartAsync(ClusterNode node, AttackedPod pod, List<(int From, int To)> unwatched, Func<Task> endAsync)
    {
        var seen = node == cluster.First ? await pod.UntilAllIsSeenAsync() : 0;
        await endAsync();
        await node.StartAsync();
        if (node == cluster.First)
        {
            unwatched.Add((seen, await pod.UntilSeenAgainAsync()));
        }
    }

    /// <summary>Allows the files of a directory with <c>kubectl edit</c>.</summary>
    /// <returns>When that was done.</returns>
    private async Task<DateTimeOffset> EditAsync(AttackedPod pod, string directory)
    {
        cluster.Kubectl.Editor = $"sed -i s,{AttackedPod.KnownFile(directory)},{AttackedPod.AllFiles(directory)},";
        Assert.EndsWith(" edited\n", await cluster.Kubectl.RunAsync("edit", "applicationprofile", pod.Profile), StringComparison.Ordinal);
        return DateTimeOffset.UtcNow;
    }

    private async Task<DateTimeOffset> ApplyAsync(string content)
    {
        await cluster.Kubectl.RunAsync("apply", "-f", cluster.WriteFile("applied", content));
        return DateTimeOffset.UtcNow;
    }

    private async Task AllowAsync(AttackedPod pod, string directory, TimeSpan timeout)
    {
        var since = await EditAsync(pod, directory);
        Tell("profile edited", since, await pod.UntilSilentAsync(() => pod.FilesSeen(directory), directory, timeout));
    }

    private async Task BindAsync(AttackedPod pod, string severity, TimeSpan timeout)
    {
        var since = await ApplyAsync($$"""
            apiVersion: kubescape.io/v1
            kind: RuntimeRuleAlertBinding
            metadata: {name: changing}
            spec: {rules: [{ruleID: R1000, severity: {{severity}}}]}
            """);
        await UntilBoundAsync($"always: R0001 critical, R0002 medium; changing: R1000 {severity}", since, timeout);
        Tell($"binding applied, {severity}", since, await pod.UntilSeenAsync(() => pod.ProgramsSeen("R1000", severity), 0, $"R1000, {severity}", timeout));
    }

    private async Task UnbindAsync(AttackedPod pod, TimeSpan timeout)
    {
        await cluster.Kubectl.RunAsync("delete", "rab", "changing");
        var since = DateTimeOffset.UtcNow;
        await UntilBoundAsync("always: R0001 critical, R0002 medium", since, timeout);
        Tell("binding deleted", since, await pod.UntilSilentAsync(() => pod.ProgramsSeen("R1000"), "R1000", timeout));
    }

    /// <summary>Waits until each node has these bindings; not all follow them by themselves.</summary>
    private async Task UntilBoundAsync(string bindings, DateTimeOffset since, TimeSpan timeout)
    {
        foreach (var node in cluster.Nodes)
        {
            await Wait.UntilAsync(node.BindingsAsync, seen => seen == bindings, $"'{bindings}' on {node.Name}", timeout);
        }

        Say($"on all nodes {(DateTimeOffset.UtcNow - since).TotalSeconds:0.00} s after kubectl; followed by {string.Join(' ', cluster.WatchersOf("runtimerulealertbindings.kubescape.io"))}");
    }

    private void Say(string text) => output.WriteLine($"{DateTimeOffset.UtcNow:HH:mm:ss.f} {text}");

    private void Tell(string what, DateTimeOffset since, DateTimeOffset at) => Say($"{what}: in force {(at - since).TotalSeconds:0.00} s after kubectl");
}

using KubeCop.Sensor.Privileges;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>The real program gives up what it needs no more, on every thread, and goes on to do all it did.</summary>
public sealed class PrivilegeTests(ContainerdFixture containerd)
{
    private const ulong Ptrace = 1UL << 19;

    /// <summary>The fixture's files are reached through a process's root, so that one capability has to stay; see the next test for none.</summary>
    [RealContainersFact]
    public async Task OnceReady_EveryThreadHasOnlyWhatMustStay_AndDetectionGoesOn()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot, LearningPeriod = "3s" });
        AssertLimited(kubecop, Ptrace);

        await using var container = await LoopContainer.StartAsync(containerd);
        await kubecop.WaitForProfileAsync(container.Namespace, container.Id, static profile => profile.State == "final", "final profile", TimeSpan.FromSeconds(60));
        await container.ExecAsync("/bin/true");
        await kubecop.WaitForAlertAsync(container.Id, "R0001 for true", static alert => alert.RuleId == "R0001" && alert.EventText("path") == "/bin/true");

        // Threads that were started meanwhile have no more.
        AssertLimited(kubecop, Ptrace);
        var privileges = (await kubecop.GetAsync("/api/v1/node")).GetProperty("privileges");
        Assert.Equal("dropped", privileges.GetProperty("state").GetString());
        var left = Assert.Single(privileges.GetProperty("capabilities").EnumerateArray());
        Assert.Equal("CAP_SYS_PTRACE", left.GetProperty("name").GetString());
        Assert.Contains(containerd.HostRoot, left.GetProperty("reason").GetString(), StringComparison.Ordinal);
        var status = await KubeCopProcess.RunVerbAsync("status", "--http", kubecop.Http.BaseAddress!.Authority);
        Assert.Contains("CAP_SYS_PTRACE", status.Output, StringComparison.Ordinal);
        Assert.Contains("Left: CAP_SYS_PTRACE", kubecop.Errors, StringComparison.Ordinal);
    }

    [RealContainersFact]
    public async Task OnceReady_WithNothingThatNeedsOne_NoThreadHasACapability()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions());
        AssertLimited(kubecop, 0);

        await using var bundle = await RuncBundle.MakeAsync(null, "/bin/sh", "-c", "/bin/cat /etc/hostname; /bin/true");
        var id = RuncBundle.NewId();
        await bundle.RunToEndAsync(id);

        var profile = await kubecop.WaitForProfileAsync("default", id, static profile => profile.Containers is [{ Execs.Count: >= 3 }], "learned behaviour");
        Assert.Contains("/bin/cat", profile.Containers[0].Execs.Select(static exec => exec.Path));
        var node = await kubecop.GetAsync("/api/v1/node");
        Assert.Empty(node.GetProperty("privileges").GetProperty("capabilities").EnumerateArray());
        Assert.DoesNotContain(node.GetProperty("degraded").EnumerateArray(), static degradation => degradation.GetProperty("part").GetString() == "privileges");
    }

    [RealContainersFact]
    public async Task OnceReady_KeptBySetting_HasAllItWasStartedWith()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(
            new KubeCopOptions { Settings = new Dictionary<string, string> { ["KubeCop:Privileges:Keep"] = "true" } });

        var thread = Assert.Contains(kubecop.Process.Id, ThreadsOf(kubecop));
        Assert.Equal(ThreadPrivileges.Current().Effective, thread.Effective);
        var privileges = (await kubecop.GetAsync("/api/v1/node")).GetProperty("privileges");
        Assert.Equal("kept", privileges.GetProperty("state").GetString());
        Assert.Contains(
            privileges.GetProperty("capabilities").EnumerateArray(),
            static capability => capability.GetProperty("reason").GetString() == "KubeCop:Privileges:Keep is true");
    }

    private static void AssertLimited(KubeCopProcess kubecop, ulong kept)
    {
        var threads = ThreadsOf(kubecop);
        Assert.True(threads.Count > 5, $"Only {threads.Count} threads are to be seen.");
        foreach (var (id, thread) in threads)
        {
            Assert.True(
                thread.IsWithin(kept, kept),
                $"Thread {id} '{thread.Name}' has permitted {thread.Permitted:x}, effective {thread.Effective:x}, bounding {thread.Bounding:x}, "
                    + $"inheritable {thread.Inheritable:x}, ambient {thread.Ambient:x}, no new privileges: {thread.NoNewPrivileges}.");
        }
    }

    private static Dictionary<int, ThreadPrivileges> ThreadsOf(KubeCopProcess kubecop) => ThreadPrivileges.All(kubecop.Process.Id).ToDictionary();
}

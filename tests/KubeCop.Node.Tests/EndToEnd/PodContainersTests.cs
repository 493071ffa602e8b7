using System.Text.Json;
using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>What users see of pods and of the runtimes that run them.</summary>
public sealed class PodContainersTests(ContainerdFixture containerd)
{
    [RealContainersFact]
    public async Task PodWithInitContainer_IsListedAndLearnedByItsContainersNames()
    {
        await using var kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions { HostRoot = containerd.HostRoot });
        using var volume = new TestDirectory();
        await using var pod = await containerd.RunPodAsync(new PodOptions
        {
            Namespace = "shop",
            Labels = new Dictionary<string, string> { ["app"] = "web\u001b[2J" },
        });

        await pod.RunToEndAsync("prepare", ["/bin/cat", "/data/greeting"]);
        var web = await pod.StartAsync("web", ["/bin/sleep", "1000"], [new PodMount("/cache", volume.Path, ReadOnly: true)]);

        var seen = await Wait.UntilAsync<JsonElement?>(() => ListedAsync(kubecop, web.Id), static container => container is not null, "container in the list");
        var container = seen!.Value;
        Assert.Equal("web", container.GetProperty("name").GetString());
        Assert.Equal(BusyboxImage.Name, container.GetProperty("image").GetString());
        Assert.Equal(await containerd.GetImageDigestAsync(), container.GetProperty("imageDigest").GetString());
        Assert.Equal(
            (pod.Name, "shop", pod.Uid),
            (Text(container, "pod", "name"), Text(container, "pod", "namespace"), Text(container, "pod", "uid")));
        Assert.Equal("web\u001b[2J", Text(container, "pod", "labels", "app"));
        Assert.Equal(
            $$"""{"path":"/cache","source":"{{volume.Path}}","type":"host-path","volume":"","readOnly":true}""",
            Assert.Single(container.GetProperty("mounts").EnumerateArray()).GetRawText());
        Assert.Null(await ListedAsync(kubecop, pod.SandboxId));

        var runtime = Assert.Single((await kubecop.GetAsync("/api/v1/node")).GetProperty("runtimes").EnumerateArray());
        Assert.Equal(
            ("/run/containerd/containerd.sock", "containerd", "available"),
            (Text(runtime, "socket"), Text(runtime, "runtime"), Text(runtime, "state")));
        var table = await KubeCopProcess.RunVerbAsync("containers", "--http", kubecop.Http.BaseAddress!.Authority);
        Assert.Contains($"shop/Pod/{pod.Name}", table.Output, StringComparison.Ordinal);
        Assert.Contains("kubecop-test:1 ", table.Output, StringComparison.Ordinal);
        Assert.DoesNotContain('\u001b', table.Output);

        var profile = await Wait.UntilAsync(() => ProfileAsync(kubecop, pod), static text => text.Contains("/data/greeting", StringComparison.Ordinal), "profile of the init container");
        Assert.Contains("\"prepare\"", profile, StringComparison.Ordinal);
    }

    private static string? Text(JsonElement element, params string[] path) => path.Aggregate(element, static (inner, name) => inner.GetProperty(name)).GetString();

    private static async Task<JsonElement?> ListedAsync(KubeCopProcess kubecop, string id)
    {
        var items = (await kubecop.GetAsync("/api/v1/containers")).GetProperty("items").EnumerateArray();
        return items.Where(item => item.GetProperty("id").GetString() == id).Select(static item => (JsonElement?)item.Clone()).SingleOrDefault();
    }

    private static async Task<string> ProfileAsync(KubeCopProcess kubecop, CriPod pod)
    {
        using var answer = await kubecop.Http.GetAsync($"/api/v1/profiles/pod-{pod.Name}?namespace={pod.Namespace}");
        return await answer.Content.ReadAsStringAsync();
    }
}

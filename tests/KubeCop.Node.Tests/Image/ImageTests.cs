using System.Formats.Tar;
using System.Text.Json.Nodes;
using KubeCop.Sensor.Privileges;
using KubeCop.Testing;
using KubeCop.Testing.Containers;

namespace KubeCop.Node.Tests.Image;

/// <summary>The image, run by a real containerd as the chart has it run.</summary>
public sealed class ImageTests(ContainerdFixture containerd)
{
    /// <summary>Names of programs that nobody needs who is not an attacker.</summary>
    private static readonly string[] Tools =
        ["sh", "bash", "dash", "busybox", "apt", "apt-get", "dpkg", "curl", "wget", "perl", "python3", "openssl", "mount", "nsenter", "gdb"];

    /// <summary>
    /// Settings with which a node uses a capability: the variable and its value; empty for those that each node uses. DAC_READ_SEARCH is used
    /// by scans alone.
    /// </summary>
    private static readonly Dictionary<string, (string Variable, string Value)> UsedWith = new()
    {
        ["CAP_BPF"] = ("", ""),
        ["CAP_PERFMON"] = ("", ""),
        ["CAP_NET_ADMIN"] = ("", ""),
        ["CAP_SYS_PTRACE"] = ("HOST_ROOT", "/proc/1/root"),
        ["CAP_DAC_OVERRIDE"] = ("KubeCop__Node__DataDirectory", KubeCopPod.ForeignDirectory),
        ["CAP_NET_BIND_SERVICE"] = ("KubeCop__Http__Address", "127.0.0.1:80"),
    };

    public static TheoryData<string> CapabilitiesOfANode =>
        [.. Capability.All.Select(static capability => capability.Name).Where(static name => name != "CAP_DAC_READ_SEARCH")];

    [RealContainersFact]
    public async Task Image_WithTheChartsSecurityContext_DetectsAnAttackInAnotherContainer()
    {
        Assert.SkipWhen(KubeCopImage.Missing is not null, KubeCopImage.Missing ?? "");
        await using var kubecop = await KubeCopPod.StartAsync(containerd);
        await using var pod = await containerd.RunPodAsync(new PodOptions { Namespace = "shop" });

        var web = await pod.StartAsync("web", ["/bin/sh", "-c", "cp /bin/busybox /dev/shm/sleep && /dev/shm/sleep 1000"]);

        await Wait.UntilAsync(
            async () => (await kubecop.GetAsync("/api/v1/alerts")).GetProperty("items").EnumerateArray()
                .Where(alert => alert.GetProperty("container").GetProperty("id").GetString() == web.Id)
                .Select(static alert => alert.GetProperty("ruleId").GetString()).ToList(),
            static rules => rules.Contains("R1000"),
            $"R1000 of container {web.Id}");
        var node = await kubecop.GetAsync("/api/v1/node");
        Assert.True(node.GetProperty("ready").GetBoolean());
        Assert.Equal("dropped", node.GetProperty("privileges").GetProperty("state").GetString());
        Assert.Empty(node.GetProperty("privileges").GetProperty("capabilities").EnumerateArray());
        Assert.DoesNotContain(
            node.GetProperty("degraded").EnumerateArray(), static degradation => degradation.GetProperty("part").GetString() is "sensor" or "privileges");

        await Assert.ThrowsAnyAsync<Exception>(() => kubecop.Container.ExecAsync("/bin/sh", "-c", "true"));
        var status = await kubecop.Container.ExecAsync("/usr/bin/kubecop", "status");
        Assert.Contains("ready", status, StringComparison.Ordinal);
    }

    [RealContainersTheory]
    [MemberData(nameof(CapabilitiesOfANode))]
    public async Task Doctor_WithoutACapability_NamesItAndWhatFails(string name)
    {
        Assert.SkipWhen(KubeCopImage.Missing is not null, KubeCopImage.Missing ?? "");
        Assert.True(UsedWith.TryGetValue(name, out var setting), $"Say in {nameof(UsedWith)} with which settings {name} is used.");
        var capability = Capability.All.Single(capability => capability.Name == name);
        string[] others = [.. Capability.All.Where(other => other != capability).Select(static other => other.Name["CAP_".Length..])];
        var settings = new Dictionary<string, string>();
        if (setting.Variable.Length > 0)
        {
            settings.Add(setting.Variable, setting.Value);
        }

        var (exitCode, output) = await KubeCopPod.RunDoctorAsync(containerd, others, settings);

        var line = output.Split('\n').First(line => line.Contains(name, StringComparison.Ordinal));
        Assert.Contains(capability.IsFatal ? "FAILED" : "limited", line, StringComparison.Ordinal);
        Assert.Contains(capability.Without, line, StringComparison.Ordinal);
        Assert.True(exitCode != 0 || !capability.IsFatal, output);
    }

    [RealContainersFact]
    public async Task Doctor_WithTheChartsSecurityContext_LacksNothing()
    {
        Assert.SkipWhen(KubeCopImage.Missing is not null, KubeCopImage.Missing ?? "");

        var (exitCode, output) = await KubeCopPod.RunDoctorAsync(containerd, KubeCopPod.Capabilities, new Dictionary<string, string>());

        Assert.True(exitCode == 0, output);
        Assert.DoesNotContain("missing", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Image_HasNoShellAndNothingThatSomebodyElseMayWrite()
    {
        Assert.SkipWhen(KubeCopImage.Missing is not null, KubeCopImage.Missing ?? "");
        var entries = await KubeCopImage.ListAsync();

        Assert.Empty(entries.Select(static entry => Path.GetFileName(entry.Name.TrimEnd('/'))).Intersect(Tools));
        Assert.All(entries, static entry => Assert.Equal((0, 0), (entry.Uid, entry.Gid)));
        Assert.DoesNotContain(entries, static entry => (entry.Mode & (UnixFileMode.SetUser | UnixFileMode.SetGroup)) != 0);
        var writable = entries.Where(static entry =>
            entry.EntryType != TarEntryType.SymbolicLink && (entry.Mode & (UnixFileMode.GroupWrite | UnixFileMode.OtherWrite)) != 0);
        Assert.Equal(["./tmp"], writable.Select(static entry => entry.Name.TrimEnd('/')).Distinct());
        var programs = entries.Where(static entry => entry.EntryType == TarEntryType.RegularFile && (entry.Mode & UnixFileMode.UserExecute) != 0);
        Assert.Equal(
            ["kubecop", "ld-linux"],
            programs.Select(static entry => Path.GetFileName(entry.Name)).Select(static file => file.StartsWith("ld-linux", StringComparison.Ordinal) ? "ld-linux" : file).Order());
    }

    [Fact]
    public async Task Contents_NameEveryPackageThatSomethingOfItIsFrom()
    {
        Assert.SkipWhen(KubeCopImage.Missing is not null, KubeCopImage.Missing ?? "");
        var list = JsonNode.Parse(await File.ReadAllTextAsync(KubeCopImage.Contents, TestContext.Current.CancellationToken))!;
        var components = list["components"]!.AsArray().ToDictionary(static component => component!["bom-ref"]!.GetValue<string>(), static component => component!);
        var entries = await KubeCopImage.ListAsync();

        Assert.Equal(("CycloneDX", "1.6"), (list["bomFormat"]!.GetValue<string>(), list["specVersion"]!.GetValue<string>()));
        Assert.Equal(components.Keys.Order(StringComparer.Ordinal), list["dependencies"]![0]!["dependsOn"]!.AsArray().Select(static name => name!.GetValue<string>()).Order(StringComparer.Ordinal));
        Assert.All(components.Values, static component => Assert.True(component["version"]!.GetValue<string>().Length > 0, component.ToJsonString()));
        foreach (var package in entries.Select(static entry => entry.Name).Where(static name => name.StartsWith("./var/lib/dpkg/status.d/", StringComparison.Ordinal) && !name.EndsWith('/')))
        {
            Assert.Contains(components.Values, component =>
                component["purl"]!.GetValue<string>().StartsWith($"pkg:deb/debian/{Uri.EscapeDataString(Path.GetFileName(package))}@", StringComparison.Ordinal));
        }

        foreach (var package in new[] { "Microsoft.Orleans.Server", "KubernetesClient", "Npgsql", "Microsoft.NETCore.App.Runtime.linux-x64" })
        {
            Assert.Contains(components.Keys, name => name.StartsWith($"pkg:nuget/{package}@", StringComparison.Ordinal));
        }
    }

    /// <summary>The same files, in another directory, with other times, and made in another order.</summary>
    [Fact]
    public async Task Packing_OfTheSameFilesAnew_GivesTheSameBytes()
    {
        Assert.SkipWhen(KubeCopImage.Missing is not null, KubeCopImage.Missing ?? "");
        var root = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(KubeCopImage.Archive)!, ".."));
        var stage = Path.Combine(root, "image", Path.GetFileNameWithoutExtension(KubeCopImage.Archive).Split('-')[1]);
        using var copy = new TestDirectory();
        await Commands.RunAsync("sh", "-c", $"mkdir {copy.Path}/stage && cp '{stage}/runtime.list' {copy.Path}/stage/ && cp -r --preserve=mode '{stage}/root' {copy.Path}/stage/");
        await Commands.RunAsync(Path.GetFullPath(Path.Combine(root, "..", "tools", "image")), "--pack", copy.Combine("stage"), "--output", copy.Combine("again.tar"));

        var digests = (await Commands.RunAsync("sha256sum", KubeCopImage.Archive, copy.Combine("again.tar"))).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(digests[0].Split(' ')[0], digests[1].Split(' ')[0]);
    }
}

using System.Diagnostics;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Tests.Core;
using KubeCop.Tests.Host.Node;

namespace KubeCop.Tests.Host.Commands;

/// <summary>The fix of an alert, pasted into a shell, makes the profile know what the alert was about.</summary>
public sealed class AllowFixTests(NodeHostFixture node) : IClassFixture<NodeHostFixture>
{
    public static TheoryData<string, SensorEvent> Events => new()
    {
        { "exec", Sample.Exec("/bin/it's a $(trap)\n") },
        { "refused exec", Sample.Refused(Sample.Exec("/opt/tool", "")) },
        { "open", Sample.Open("/etc/shadow", 0x80002) },
        { "syscall", Sample.Syscall("unshare") },
        { "capability", Sample.Capability("NET_ADMIN", "socket") },
        { "refused capability", Sample.Capability("SYS_MODULE", "finit_module", granted: false) },
        { "capability of no syscall", Sample.Capability("CHOWN", "") },
        { "capability of tomorrow", Sample.Capability("UNKNOWN_63", "syscall_999") },
        { "dns", Sample.Query("example.com") },
        { "dns root", Sample.Query(".") },
        { "dns like an option", Sample.Query("--help") },
        { "dns like a response file", Sample.Query("@there-is-no-such-file") },
        { "dns hostile", Sample.Query(@"$(reboot)`\x1b\x00'.example") },
        { "kubectl", Sample.Exec("/usr/bin/kubectl") },
        { "connection", Sample.Connect("10.96.0.1", 443) },
        { "connection by IPv6", Sample.Connect("fd00::1", 6443) },
    };

    [Theory]
    [MemberData(nameof(Events))]
    public async Task Fix_Pasted_AllowsWhatWasFound(string name, SensorEvent sensorEvent)
    {
        var container = await node.Sensor.StartContainerAsync(node.Grains, NodeHostFixture.NodeName, $"fix-{name.Replace(' ', '-')}", "/bin/a");
        var workload = node.Grains.GetGrain<IWorkloadGrain>(container.Workload.GrainKey);
        var before = await ProfileAsync();
        var fixes = RuleCatalog.DefaultRules.For(sensorEvent.Kind).ToArray()
            .Where(static bound => bound.Rule.Descriptor.NeedsProfile)
            .Select(bound => bound.Rule.Evaluate(sensorEvent, new RuleContext(container, before, sensorEvent.Network?.Address))?.Fix)
            .OfType<string>()
            .Distinct()
            .ToList();

        await PasteAsync(Assert.Single(fixes));

        Assert.True((await ProfileAsync()).Covers(sensorEvent), fixes[0]);

        async Task<CompiledProfile> ProfileAsync() => new(Assert.Single((await workload.GetProfileAsync())!.Containers));
    }

    private async Task PasteAsync(string command)
    {
        var start = new ProcessStartInfo("bash", ["-c", command]) { RedirectStandardError = true };
        start.Environment["PATH"] = $"{AppContext.BaseDirectory}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment["KubeCop__Node__DataDirectory"] = node.DataDirectory;
        start.Environment.Remove("KUBECOP_HTTP");
        using var bash = Process.Start(start)!;
        var error = await bash.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await bash.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(bash.ExitCode == 0, $"{command}: {error}");
    }
}

using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Host.Bindings;

namespace KubeCop.Tests.Core.Rules;

/// <summary>Events that a profile of other behaviour does not know, ordinary and hostile, and what rules say of them.</summary>
internal static class Deviation
{
    /// <summary>By what they are. No two are the same behaviour.</summary>
    public static IReadOnlyDictionary<string, SensorEvent> Events { get; } = new Dictionary<string, SensorEvent>
    {
        ["exec"] = Sample.Exec("/bin/it's a $(trap)\n"),
        ["refused exec"] = Sample.Refused(Sample.Exec("/opt/tool", "")),
        ["exec of another executable"] = Sample.Exec("/bin/known", "/tmp/evil"),
        ["exec from nowhere"] = Sample.Exec("(unreachable)/x", "/x"),
        ["exec from too deep"] = Sample.Exec("(truncated)a/b", "a/b"),
        ["exec of bytes"] = Sample.Exec(@"/bin/\xff⋯""\"),
        ["open"] = Sample.Open("/etc/shadow", 0x80002),
        ["open of a path from nowhere"] = Sample.Open("(unreachable)"),
        ["open for writing of what is read"] = Sample.Open("/etc/known", 1),
        ["token"] = Sample.Open("/run/secrets/kubernetes.io/serviceaccount/..data/token", 0x80000),
        ["syscall"] = Sample.Syscall("unshare"),
        ["capability"] = Sample.Capability("NET_ADMIN", "socket"),
        ["refused capability"] = Sample.Capability("SYS_MODULE", "finit_module", granted: false),
        ["capability outside of system calls"] = Sample.Capability("SYS_ADMIN", "syscall_-1"),
        ["capability of tomorrow"] = Sample.Capability("UNKNOWN_63", "syscall_999"),
        ["dns"] = Sample.Query("example.com"),
        ["dns root"] = Sample.Query("."),
        ["dns like an option"] = Sample.Query("--help"),
        ["dns like a response file"] = Sample.Query("@there-is-no-such-file"),
        ["dns hostile"] = Sample.Query(@"$(reboot)`\x1b\x00'.example"),
        ["kubectl"] = Sample.Exec("/usr/bin/kubectl"),
        ["connection"] = Sample.Connect("10.96.0.1", 443),
        ["environment"] = Sample.Open("/proc/1/environ", 0x80000),
        ["connection to the internet"] = Sample.Connect("93.184.216.34", 443),
        ["connection by IPv6"] = Sample.Connect("fd00::1", 6443),
    };

    /// <summary>Behaviour that is known already, close to the one or the other of <see cref="Events"/>.</summary>
    public static BehaviourItem[] Known { get; } =
    [
        Sample.ExecItem("/bin/known"),
        new OpenItem("/etc/known", OpenFlags.ToSet(0)),
        new SyscallItem("read"),
        new CapabilityItem("SYS_ADMIN", "mount"),
        Sample.DnsItem("known.example"),
        new NetworkItem(true, "tcp", 443, "10.96.0.2"),
        new NetworkItem(false, "tcp", 80, ""),
    ];

    /// <summary>The fixes of all alerts on an event that compare with the profile; they are one.</summary>
    public static string FixOf(SensorEvent sensorEvent, RuleContext context) => Assert.Single(
        DefaultBinding.Rules.For(sensorEvent.Kind).ToArray()
            .Where(static bound => bound.Rule.Descriptor.NeedsProfile)
            .Select(bound => bound.Rule.Evaluate(sensorEvent, context)?.Fix)
            .OfType<string>()
            .Distinct());

    /// <summary>Which of <see cref="Events"/> a profile covers.</summary>
    public static IReadOnlyList<string> CoveredBy(CompiledProfile profile) =>
        [.. Events.Where(named => profile.Covers(named.Value)).Select(static named => named.Key)];
}

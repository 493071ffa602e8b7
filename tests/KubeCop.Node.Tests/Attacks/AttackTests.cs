using KubeCop.Core.Rules;
using KubeCop.Testing;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Attacks;

/// <summary>Every rule, by what the simulator does in a real container: its deed is seen, and its twin is not.</summary>
[Collection(nameof(AttackedContainers))]
public sealed class AttackTests(AttackedContainers containers)
{
    /// <summary>
    /// By scenario: what the message tells of the subject, and how the arguments of the process that did it begin: a program of its own, or
    /// the simulator itself.
    /// </summary>
    private static readonly Dictionary<string, (string Subject, string Process)> Expected = new()
    {
        ["R0001"] = ("/kubecop-attack/stranger (/bin/attack)", "stranger"),
        ["R0002"] = ("/kubecop-attack/strange-file", "/bin/attack R0002"),
        ["R0003"] = ("sched_rr_get_interval", "/bin/attack R0003"),
        ["R0004"] = ("SYS_CHROOT in chroot", "/bin/attack R0004"),
        ["R0005"] = ("strange.kubecop-attack.test", "/bin/attack R0005"),
        ["R0006"] = ("/run/secrets/kubernetes.io/serviceaccount/token", "/bin/attack R0006"),
        ["R0007-program"] = ("/kubecop-attack/kubectl", "kubectl version"),
        ["R0007-connection"] = ($"{AttackedContainers.ApiServer}:443", "/bin/attack R0007-connection"),
        ["R0008"] = ("/proc/1/environ", "/bin/attack R0008"),
        ["R0010"] = ("/etc/shadow", "/bin/attack R0010"),
        ["R0011"] = ("192.31.196.1", "/bin/attack R0011"),
        ["R0040"] = ("/kubecop-attack/colleague", "colleague --upload /etc"),
        ["R1000-shm"] = ("/dev/shm/kubecop-attack", "/bin/attack R1000-shm"),
        ["R1000-run"] = ("/run/kubecop-attack", "stranger"),
        ["R1000-descriptor"] = ("/proc/self/fd/", "stranger"),
        ["R1001"] = ("/kubecop-attack/dropped", "stranger"),
        ["R1002-memory"] = ("from memory", "/bin/attack R1002-memory"),
        ["R1002-file"] = ("/kubecop-attack/rootkit.ko", "/bin/attack R1002-file"),
        ["R1003"] = ("127.0.0.1:2222", "/bin/attack R1003"),
        ["R1004"] = ("/volume/kubecop-attack", "stranger"),
        ["R1005-memfd"] = ("/dev/fd/", "kworker"),
        ["R1005-unpacked"] = ("/proc/self/fd/", "kworker"),
        ["R1006"] = ("user", "/bin/attack R1006"),
        ["R1007-rounding"] = ("RandomX", "/bin/attack R1007-rounding"),
        ["R1007-port"] = ("127.0.0.1:3333", "/bin/attack R1007-port"),
        ["R1007-domain"] = ("eu.zergpool.com", "/bin/attack R1007-domain"),
        ["R1008"] = ("xmr.2miners.com", "/bin/attack R1008"),
        ["R1009"] = ("127.0.0.1:45700", "/bin/attack R1009"),
        ["R1015"] = ("PTRACE_ATTACH", "/bin/attack R1015"),
        ["R1100-socket"] = ("/bin/sh", "sh"),
        ["R1100-pipes"] = ("/bin/sh", "nc"),
    };

    /// <summary>Of R1009 nothing is seen where R1007 is in force.</summary>
    public static TheoryData<string> Scenarios => [.. Expected.Keys.Where(static scenario => scenario != "R1009")];

    public static TheoryData<string> SignatureRules => [.. Expected.Keys.Select(Simulator.RuleOf).Distinct().Where(static rule => string.CompareOrdinal(rule, "R1000") >= 0)];

    [RealContainersTheory]
    [MemberData(nameof(Scenarios))]
    public void Scenario_InAContainerThatLearned_IsSeen(string scenario)
    {
        var (subject, process) = Expected[scenario];
        var rule = Simulator.RuleOf(scenario);

        var alert = containers.AttackAlerts.FirstOrDefault(
            alert => alert.RuleId == rule
                && alert.Message.Contains(subject, StringComparison.Ordinal)
                && $"{string.Join(' ', alert.Process.Args)} ".StartsWith($"{process} ", StringComparison.Ordinal));

        Assert.True(alert is not null, $"no {rule} about {subject} by {process}, but{string.Join("\n", containers.AttackAlerts.Where(alert => alert.RuleId == rule).Prepend(null))}");

        Assert.Equal(("Container", containers.Attacked.Id, containers.Attacked.Namespace), (alert.Workload.Kind, alert.Workload.Name, alert.Workload.Namespace));
        Assert.Contains(alert.Process.Ancestors.Append(new AncestorView(0, alert.Process.Comm, alert.Process.Exe)), static one => one.Exe == Simulator.Program);
        Assert.False(alert.Learning);
    }

    [RealContainersFact]
    public void MiningPort_WithoutR1007_IsSeenAsR1009AndItsTwinIsNot()
    {
        var (subject, process) = Expected["R1009"];
        var alert = Assert.Single(containers.PodAlerts, static alert => alert.RuleId == "R1009");
        Assert.Contains(subject, alert.Message, StringComparison.Ordinal);
        Assert.Equal(process, string.Join(' ', alert.Process.Args));
        Assert.Equal(("Pod", containers.Pod.Name, "attacked"), (alert.Workload.Kind, alert.Workload.Name, alert.Container.Name));
        Assert.DoesNotContain(containers.PodAlerts, static alert => alert.RuleId == "R1007");
        Assert.DoesNotContain(containers.AttackAlerts, static alert => alert.RuleId == "R1009");
    }

    [RealContainersFact]
    public void Workload_ThatGoesOnAsItLearned_RaisesNoAlert() => Assert.Empty(containers.NormalAlerts);

    [RealContainersTheory]
    [MemberData(nameof(SignatureRules))]
    public void Twin_ThatOnlyLooksLikeIt_IsNotSeen(string rule) => Assert.DoesNotContain(containers.TwinAlerts, alert => alert.RuleId == rule);

    /// <summary>Which an overlay has whenever a process makes a file; the containers have not.</summary>
    [RealContainersFact]
    public void Capability_OfWhoMountedTheOverlay_IsNotTheProcesss() => Assert.DoesNotContain(
        containers.AttackAlerts,
        static alert => alert.RuleId == "R0004" && alert.Message.Contains("SYS_ADMIN", StringComparison.Ordinal) && !alert.Message.Contains("refused", StringComparison.Ordinal));

    [Fact]
    public async Task Scenarios_OfTheSimulator_AreOneOrMoreOfEachRule()
    {
        var scenarios = await Simulator.ListAsync();

        Assert.Equal(Expected.Keys, scenarios);
        Assert.Equal(RuleCatalog.Descriptors.Select(static rule => rule.Id), scenarios.Select(Simulator.RuleOf).Distinct());
    }
}

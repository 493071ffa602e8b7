using KubeCop.Core.Rules;
using KubeCop.Testing;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Attacks;

/// <summary>Every rule, by what the simulator does in a real container: its deed is seen, and its twin is not.</summary>
[Collection(nameof(AttackedContainers))]
public sealed class AttackTests(AttackedContainers containers)
{
    /// <summary>Of R1009 nothing is seen where R1007 is in force.</summary>
    public static TheoryData<string> Scenarios => [.. Simulator.Expected.Keys.Where(static scenario => scenario != "R1009")];

    public static TheoryData<string> SignatureRules => [.. Simulator.Expected.Keys.Select(Simulator.RuleOf).Distinct().Where(static rule => string.CompareOrdinal(rule, "R1000") >= 0)];

    [RealContainersTheory]
    [MemberData(nameof(Scenarios))]
    public void Scenario_InAContainerThatLearned_IsSeen(string scenario)
    {
        var (subject, process) = Simulator.Expected[scenario];
        var rule = Simulator.RuleOf(scenario);

        var alert = containers.AttackAlerts.FirstOrDefault(
            alert => alert.RuleId == rule
                && alert.Message.Contains(subject, StringComparison.Ordinal)
                && process.Split('|').Any(process => $"{string.Join(' ', alert.Process.Args)} ".StartsWith($"{process} ", StringComparison.Ordinal)));

        Assert.True(alert is not null, $"no {rule} about {subject} by {process}, but{string.Join("\n", containers.AttackAlerts.Where(alert => alert.RuleId == rule).Prepend(null))}");

        Assert.Equal(("Container", containers.Attacked.Id, containers.Attacked.Namespace), (alert.Workload.Kind, alert.Workload.Name, alert.Workload.Namespace));
        Assert.Contains(alert.Process.Ancestors.Append(new AncestorView(0, alert.Process.Comm, alert.Process.Exe)), static one => one.Exe == Simulator.Program);
        Assert.False(alert.Learning);
    }

    [RealContainersFact]
    public void MiningPort_WithoutR1007_IsSeenAsR1009AndItsTwinIsNot()
    {
        var (subject, process) = Simulator.Expected["R1009"];
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

        Assert.Equal(Simulator.Expected.Keys, scenarios);
        Assert.Equal(RuleCatalog.Descriptors.Select(static rule => rule.Id), scenarios.Select(Simulator.RuleOf).Distinct());
    }
}

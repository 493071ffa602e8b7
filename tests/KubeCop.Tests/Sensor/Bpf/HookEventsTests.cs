using KubeCop.Core.Events;
using KubeCop.Sensor;
using KubeCop.Sensor.Bpf;

namespace KubeCop.Tests.Sensor.Bpf;

public sealed class HookEventsTests
{
    [Fact]
    public void Outages_OnlyListeningIsLeftOfTheNetwork_IsTotal() => Assert.True(Assert.Single(
        HookEvents.Outages([Hook("connect4"), Hook("connect6"), Hook("sendmsg4"), Hook("sendmsg6"), Hook("inet_sock_set_state", attached: true), Hook("sys_exit", attached: true)])).IsTotal);

    [Fact]
    public void Outages_AllAttached_None() => Assert.Empty(HookEvents.Outages([Hook("sys_exit", attached: true), Hook("connect4", attached: true)]));

    [Fact]
    public void Outages_OneOfSeveralHooks_IsPartial() =>
        Assert.Equal([new EventOutage(EventKind.Network, false, "hook connect6 is not attached: refused")], HookEvents.Outages([Hook("connect4", true), Hook("connect6")]));

    [Fact]
    public void Outages_SeveralHooksForOneReason_TellItOnce() =>
        Assert.Equal(
            [new EventOutage(EventKind.Dns, true, "hooks packet_sent, packet_received are not attached: refused")],
            HookEvents.Outages([Hook("packet_sent"), Hook("packet_received")]));

    [Fact]
    public void Outages_TheOnlyHookOfAKind_IsTotal() =>
        Assert.Equal(
            ["Exec False", "Open True", "Network False", "Syscall True", "Module True", "Ptrace True", "Unshare True", "Setns True"],
            HookEvents.Outages([Hook("sys_exit")]).Select(static outage => $"{outage.Kind} {outage.IsTotal}"));

    [Fact]
    public void Doctor_HookMissing_NamesTheRulesConcerned()
    {
        var check = Assert.Single(SensorDoctor.RuleChecks([Hook("cap_capable")]));
        Assert.Equal(("rule R0004", false, false, "no capability events: hook cap_capable is not attached: refused"), (check.Name, check.Ok, check.Fatal, check.Detail));
    }

    private static HookStatus Hook(string name, bool attached = false) => new(name, name, "BTF tracepoint", attached, attached ? "" : "refused");
}

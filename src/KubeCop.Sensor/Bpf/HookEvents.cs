using KubeCop.Core.Events;

namespace KubeCop.Sensor.Bpf;

/// <summary>Which events are lost with a hook.</summary>
internal static class HookEvents
{
    /// <summary>
    /// Kinds with the hooks of bpf/*.h they come from. Without all of the first no such event is seen; the others only add some: execs that
    /// are refused, ports that are listened on, calls that have not returned.
    /// </summary>
    private static readonly (EventKind Kind, string[] Hooks, string[] Others)[] Sources =
    [
        (EventKind.Exec, ["sched_process_exec"], ["sys_exit"]),
        (EventKind.Open, ["sys_exit"], []),
        (EventKind.Network, ["connect4", "connect6", "sendmsg4", "sendmsg6"], ["inet_sock_set_state", "sys_exit"]),
        (EventKind.Dns, ["packet_sent", "packet_received"], []),
        (EventKind.Capability, ["cap_capable"], []),
        (EventKind.Syscall, ["sys_exit"], ["task_rename", "x86_fpu_regs_deactivated"]),
        (EventKind.RandomX, ["x86_fpu_regs_deactivated"], []),
        (EventKind.Module, ["sys_exit"], []),
        (EventKind.Ptrace, ["sys_exit"], []),
        (EventKind.Unshare, ["sys_exit"], []),
        (EventKind.Setns, ["sys_exit"], []),
    ];

    /// <summary>What is not seen because hooks are not attached.</summary>
    public static IReadOnlyList<EventOutage> Outages(IReadOnlyList<HookStatus> hooks)
    {
        var missing = hooks.Where(static hook => !hook.Attached).ToDictionary(static hook => hook.Name, StringComparer.Ordinal);
        return
        [
            .. from source in Sources
               let gone = source.Hooks.Concat(source.Others).Where(missing.ContainsKey).ToArray()
               where gone.Length > 0
               select new EventOutage(
                   source.Kind,
                   source.Hooks.All(missing.ContainsKey),
                   string.Join(", ", gone.GroupBy(hook => missing[hook].Detail).Select(static hooks => Describe([.. hooks], hooks.Key)))),
        ];
    }

    private static string Describe(string[] hooks, string reason) =>
        hooks.Length == 1 ? $"hook {hooks[0]} is not attached: {reason}" : $"hooks {string.Join(", ", hooks)} are not attached: {reason}";
}

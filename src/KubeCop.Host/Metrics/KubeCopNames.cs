using KubeCop.Core.Events;

namespace KubeCop.Host.Metrics;

/// <summary>
/// The names under which KubeCop counts, for dashboards and alerts that exist. They count what KubeCop's are meant to: its
/// <c>kubecop_syscall_counter</c> stays 0, and its <c>kubecop_rule_counter</c> counts rules that do not look at the event at all.
/// </summary>
internal static class KubeCopNames
{
    public const string Subject = "Names of KubeCop";

    public static readonly IReadOnlyList<(string Name, EventKind Kind)> Events =
    [
        ("kubecop_exec_counter", EventKind.Exec),
        ("kubecop_open_counter", EventKind.Open),
        ("kubecop_network_counter", EventKind.Network),
        ("kubecop_dns_counter", EventKind.Dns),
        ("kubecop_syscall_counter", EventKind.Syscall),
        ("kubecop_capability_counter", EventKind.Capability),
        ("kubecop_randomx_counter", EventKind.RandomX),
    ];
}

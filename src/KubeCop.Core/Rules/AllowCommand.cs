using KubeCop.Core.Events;
using KubeCop.Core.Workloads;

namespace KubeCop.Core.Rules;

/// <summary>The command that adds a behaviour to the profile of a container's workload.</summary>
internal static class AllowCommand
{
    public static string ForExec(ContainerDescription container, string path) => $"{For(container)} --exec {ShellText.Quote(path)}";

    /// <param name="flags">A set as of <see cref="OpenFlags.ToSet"/>.</param>
    public static string ForOpen(ContainerDescription container, string path, uint flags) =>
        $"{For(container)} --open {ShellText.Quote(path)} --flags {string.Join(',', OpenFlags.Names(flags))}";

    private static string For(ContainerDescription container)
    {
        var profile = $"{container.Workload.Namespace}/{container.Workload.ProfileName}";
        return $"kubecop profiles allow {ShellText.Quote(profile)} --container {ShellText.Quote(container.Name)}";
    }
}

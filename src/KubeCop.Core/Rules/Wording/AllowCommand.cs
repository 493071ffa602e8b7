using KubeCop.Core.Events;
using KubeCop.Core.Workloads;

namespace KubeCop.Core.Rules.Wording;

/// <summary>The command that adds a behaviour to the profile of a container's workload.</summary>
internal static class AllowCommand
{
    public static string ForExec(ContainerDescription container, string path) => $"{For(container)} --exec {ShellText.Quote(path)}";

    /// <param name="flags">A set as of <see cref="OpenFlags.ToSet"/>.</param>
    public static string ForOpen(ContainerDescription container, string path, uint flags) =>
        $"{For(container)} --open {ShellText.Quote(path)} --flags {string.Join(',', OpenFlags.Names(flags))}";

    public static string ForSyscall(ContainerDescription container, string name) => $"{For(container)} --syscall {ShellText.Quote(name)}";

    public static string ForCapability(ContainerDescription container, CapabilityDetails capability) =>
        $"{For(container)} --capability {ShellText.Quote(capability.Syscall.Length == 0 ? capability.Name : $"{capability.Name}:{capability.Syscall}")}";

    // A name that starts like an option or a response file (-x, @x) must not be taken for one.
    public static string ForDns(ContainerDescription container, string name) =>
        $"{For(container)} --dns{(name.Length > 0 && char.IsAsciiLetterOrDigit(name[0]) ? ' ' : '=')}{ShellText.Quote(name)}";

    public static string ForConnection(ContainerDescription container, NetworkDetails network) =>
        $"{For(container)} --connect {ShellText.Quote($"{network.Protocol}:{Connection.EndpointOf(network)}")}";

    private static string For(ContainerDescription container)
    {
        var profile = $"{container.Workload.Namespace}/{container.Workload.ProfileName}";
        return $"kubecop profiles allow {ShellText.Quote(profile)} --container {ShellText.Quote(container.Name)}";
    }
}

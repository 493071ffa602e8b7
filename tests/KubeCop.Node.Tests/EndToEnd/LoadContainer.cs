using KubeCop.Testing.Containers;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>A container whose first process is the program of load.c.</summary>
internal static class LoadContainer
{
    /// <summary>Waits until it waits for its signal, and everything it did before has been counted: that call is its last event.</summary>
    public static Task WaitUntilIdleAsync(this ContainerdContainer container, KubeCopProcess kubecop) => kubecop.WaitForProfileAsync(
        container.Namespace,
        container.Id,
        static profile => profile.Containers is [{ } learned] && learned.Syscalls.Contains("rt_sigtimedwait"),
        $"wait of container {container.Id} for its signal");
}

using KubeCop.Testing;
using KubeCop.Testing.Containers;

namespace KubeCop.Node.Tests.EndToEnd;

/// <summary>A container whose behaviour is known to the last file.</summary>
internal static class LoopContainer
{
    /// <summary>Prints a line a turn, so that a test can see it turn.</summary>
    public const string Script = "while true; do /bin/cat /data/greeting; echo turn >/tmp/state; /bin/sleep 0.1; done";

    public static readonly string[] Execs = ["/bin/cat", "/bin/sh", "/bin/sleep"];

    public static readonly string[] Opens = ["/data/greeting", "/tmp/state"];

    public static Task<ContainerdContainer> StartAsync(ContainerdFixture containerd) => containerd.RunAsync("/bin/sh", "-c", Script);

    /// <summary>Waits until the loop has gone round some more.</summary>
    public static Task WaitForTurnsAsync(ContainerdContainer container, int turns, TimeSpan? timeout = null)
    {
        var goal = container.OutputLines + turns;
        return Wait.UntilAsync(() => container.OutputLines, lines => lines >= goal, $"line {goal} of the loop in container {container.Id}", timeout);
    }
}

using System.Diagnostics;
using KubeCop.Core.Workloads;
using KubeCop.Testing;
using KubeCop.Tests.Core;

namespace KubeCop.Tests.Scanning.Attribution;

/// <summary>
/// A process in a mount namespace of its own, with an overlay as its root as a runtime makes one: what ContainerFileSystems looks at, and all
/// that a container is to it.
/// </summary>
internal sealed class OverlayContainer : IDisposable
{
    private const string Ready = "ready";

    private readonly Process _process;

    private OverlayContainer(string id, Process process) => (Id, _process) = (id, process);

    public string Id { get; }

    public RunningContainer Running => new(Sample.Container with { Id = Id }, [_process.Id]);

    /// <summary>Why there can be none here; null when there can.</summary>
    public static string? Missing => !Environment.IsPrivilegedProcess
        ? "needs root, to mount overlays"
        : Commands.Find("busybox") is null ? "needs busybox; tools/test installs it" : null;

    /// <param name="directory">From which the overlay is mounted, as runtimes do to have short options.</param>
    /// <param name="options">Of the overlay; empty where <paramref name="mounts"/> has it mounted.</param>
    /// <param name="mounts">Further commands, before the new root is entered; <c>$root</c> is where it is.</param>
    public static async Task<OverlayContainer> StartAsync(string id, string directory, string root, string options, string mounts = ":")
    {
        Directory.CreateDirectory(root);
        var overlay = options.Length == 0 ? ":" : $"mount -t overlay -o '{options}' overlay '{root}'";
        var script = $"""
            PATH=$PATH:/usr/sbin:/sbin
            cd '{directory}'
            root='{root}'
            {overlay}
            {mounts}
            mkdir -p "$root/old"
            cd "$root"
            pivot_root . old
            exec /bin/busybox sh -c '/bin/busybox umount -l /old; echo {Ready}; exec /bin/busybox sleep 1000'
            """;
        var start = new ProcessStartInfo(Commands.Find("unshare")!, ["--mount", "--propagation", "private", "sh", "-ec", script])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        var process = Process.Start(start)!;
        var line = await process.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken).AsTask()
            .WaitAsync(Wait.DefaultTimeout, TestContext.Current.CancellationToken);
        if (line == Ready)
        {
            return new OverlayContainer(id, process);
        }

        process.Kill();
        throw new InvalidOperationException($"The container {id} did not start: {await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken)}");
    }

    public void Dispose()
    {
        _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }
}

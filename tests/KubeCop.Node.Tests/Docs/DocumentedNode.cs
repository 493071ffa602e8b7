using KubeCop.Testing;
using KubeCop.Testing.Containers;
using KubeCop.Testing.Docs;
using KubeCop.Testing.Node;

namespace KubeCop.Node.Tests.Docs;

/// <summary>
/// The machine of the pages: kubecop runs as docs/first-alert.md starts it, <c>tools/kubecop</c> is the built program, and <c>ctr</c> the one of this run's containerd,
/// which has an image of busybox. Commands run in a directory of their own.
/// </summary>
public sealed class DocumentedNode(ContainerdFixture containerd) : IAsyncLifetime
{
    /// <summary>Containerd's own namespace, in which the pages have their containers; a test run has one of its own.</summary>
    private const string DocumentedNamespace = "default";

    private const string Run = "tools/kubecop run ";
    private const string Image = "docker.io/library/busybox:latest";

    private readonly TestDirectory _directory = new();
    private KubeCopProcess? _kubecop;

    public async ValueTask InitializeAsync()
    {
        if (Machine.MissingForContainers is not null)
        {
            return;
        }

        var period = DocPage.Of("docs/first-alert.md").Blocks.SelectMany(static block => block.Commands)
            .Select(static command => command.Text.Split(' '))
            .Where(static words => words is ["tools/kubecop", "run", ..])
            .Select(static words => words[Array.IndexOf(words, "--learning-period") + 1])
            .First();
        _kubecop = await KubeCopProcess.StartAsync(new KubeCopOptions
        {
            HostRoot = containerd.HostRoot,
            LearningPeriod = period,
            Settings = new Dictionary<string, string> { ["KUBECOP_COMMAND"] = "tools/kubecop" },
        });
        await containerd.CtrAsync("images", "tag", BusyboxImage.Name, Image);

        // Their data directory is the usual one, as far as the program can tell.
        Write("tools/kubecop", $"KubeCop__Node__DataDirectory='{_kubecop.DataDirectory}' KUBECOP_COMMAND=tools/kubecop exec '{KubeCopProcess.Executable}' \"$@\"");
        Write("bin/ctr", $"exec {string.Join(' ', containerd.CtrCommand.Select(static word => $"'{word}'"))} \"$@\"");
    }

    public async ValueTask DisposeAsync()
    {
        if (_kubecop is not null)
        {
            await containerd.TryCtrAsync("task", "rm", "--force", "shop");
            await containerd.TryCtrAsync("container", "rm", "shop");
            await _kubecop.DisposeAsync();
        }

        _directory.Dispose();
    }

    /// <summary>Whether it is what the fixture does already, or needs a cluster.</summary>
    public static bool IsElsewhere(DocCommand command) =>
        command.Text.StartsWith(Run, StringComparison.Ordinal)
        || command.Text.StartsWith("helm ", StringComparison.Ordinal)
        || command.Text.StartsWith("kubectl ", StringComparison.Ordinal);

    /// <summary>Runs a command as it is on the page.</summary>
    /// <returns>Its exit code and all that it wrote, with the namespace of the pages.</returns>
    public async Task<(int ExitCode, string Output)> RunAsync(DocCommand command)
    {
        var script = $"cd '{_directory.Path}' && PATH='{_directory.Combine("bin")}':\"$PATH\" && {{ {command.Text}\n}} 2>&1";
        var result = await Commands.TryRunAsync("sh", "-c", script);
        return (result.ExitCode, result.Output.Replace(containerd.Namespace, DocumentedNamespace, StringComparison.Ordinal));
    }

    private void Write(string name, string script)
    {
        var file = _directory.Combine(name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, $"#!/bin/sh\n{script}\n");
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }
}

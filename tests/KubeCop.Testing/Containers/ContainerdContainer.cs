using System.Globalization;

namespace KubeCop.Testing.Containers;

/// <summary>A running container of <see cref="ContainerdFixture"/>.</summary>
public sealed class ContainerdContainer(ContainerdFixture containerd, string id, string outputFile) : IAsyncDisposable
{
    public string Id => id;

    public string Namespace => containerd.Namespace;

    /// <summary>Lines its first process has written so far.</summary>
    public int OutputLines => Output.Count;

    /// <summary>The same as text.</summary>
    public IReadOnlyList<string> Output => File.Exists(outputFile) ? File.ReadAllLines(outputFile) : [];

    /// <summary>Runs a command in the container, as <c>kubectl exec</c> does.</summary>
    /// <returns>What it wrote.</returns>
    /// <exception cref="InvalidOperationException">The command failed.</exception>
    public Task<string> ExecAsync(params IEnumerable<string> command) =>
        containerd.CtrAsync(["task", "exec", "--exec-id", containerd.NewExecId(), id, .. command]);

    /// <summary>Runs a shell script in the container.</summary>
    public Task<string> ShellAsync(string script) => ExecAsync("/bin/sh", "-c", script);

    /// <summary>The first process, as the host numbers it.</summary>
    public async Task<int> GetPidAsync()
    {
        var tasks = await containerd.CtrAsync("task", "ls");
        return tasks.Split('\n').Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Where(fields => fields is [var task, _, ..] && task == id)
            .Select(static fields => int.Parse(fields[1], CultureInfo.InvariantCulture))
            .Single();
    }

    /// <summary>Sends a signal to the first process.</summary>
    public async Task SignalAsync(string signal) => await Commands.RunAsync("kill", $"-{signal}", $"{await GetPidAsync()}");

    /// <summary>Waits until its first process has written a line.</summary>
    public Task WaitForOutputAsync(string line, TimeSpan? timeout = null) =>
        Wait.UntilAsync(() => Output, output => output.Contains(line), $"line '{line}' of container {id}", timeout);

    /// <summary>Kills the container and removes it.</summary>
    public async ValueTask DisposeAsync()
    {
        await containerd.TryCtrAsync("task", "rm", "--force", id);
        await containerd.TryCtrAsync("container", "rm", id);
    }
}

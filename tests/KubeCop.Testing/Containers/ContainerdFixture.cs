using System.Diagnostics;
using Xunit;

namespace KubeCop.Testing.Containers;

/// <summary>
/// A containerd of its own for a test run: own root, own socket, and, by a mount namespace, its own <c>/run/containerd</c>. So test runs
/// share a machine with each other and with a containerd of the system. Its containers are cgroups of the real kernel like any other.
/// </summary>
public sealed class ContainerdFixture : IAsyncLifetime
{
    private TestDirectory? _directory;
    private Process? _guard;
    private int _execs;

    /// <summary>The containerd namespace of this run's containers: unique, so that their cgroups are.</summary>
    public string Namespace { get; } = $"kubecop-test-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..8]}";

    /// <summary>What is <c>HOST_ROOT</c> for a sensor that is to read this containerd's files: the root of its mount namespace.</summary>
    public string HostRoot => $"/proc/{Guard.Id}/root";

    private Process Guard => _guard ?? throw new InvalidOperationException(Machine.MissingForContainers ?? "The fixture was not initialized.");

    private TestDirectory Files => _directory ?? throw new InvalidOperationException("The fixture was not initialized.");

    private string Socket => Files.Combine("containerd.sock");

    public async ValueTask InitializeAsync()
    {
        if (Machine.MissingForContainers is not null)
        {
            return;
        }

        _directory = new TestDirectory();
        await File.WriteAllTextAsync(Files.Combine("config.toml"), $"""
            version = 2
            root = "{Files.Combine("root")}"
            state = "/run/containerd"
            disabled_plugins = ["io.containerd.grpc.v1.cri"]
            [grpc]
            address = "{Socket}"
            [plugins."io.containerd.internal.v1.opt"]
            path = "{Files.Combine("opt")}"
            """);
        Directory.CreateDirectory("/run/containerd");

        // In a session of its own: Ctrl-C at the test run must not reach it before it has cleared away.
        var script = Path.Combine(AppContext.BaseDirectory, "Containers", "private-containerd.sh");
        string[] arguments = ["unshare", "--mount", "--propagation", "private", "sh", script, Files.Path, Namespace];
        _guard = Process.Start(new ProcessStartInfo(Commands.Find("setsid")!, arguments) { RedirectStandardInput = true })!;
        await Wait.UntilAsync(
            async () => _guard.HasExited ? throw new InvalidOperationException($"containerd's guard ended: {Log()}") : await TryCtrAsync("version"),
            static result => result.ExitCode == 0,
            "answer of containerd");

        var archive = Files.Combine("image.tar");
        await BusyboxImage.WriteArchiveAsync(archive);
        await CtrAsync("images", "import", archive);

        string Log() => File.Exists(Files.Combine("containerd.log")) ? File.ReadAllText(Files.Combine("containerd.log")) : "no log";
    }

    public async ValueTask DisposeAsync()
    {
        if (_guard is not null)
        {
            _guard.StandardInput.Close();
            await _guard.WaitForExitAsync();
            _guard.Dispose();
        }

        _directory?.Dispose();
    }

    /// <summary>Starts a container with a new id that runs a command.</summary>
    /// <param name="command">Program and arguments.</param>
    public Task<ContainerdContainer> RunAsync(params IEnumerable<string> command) => RunAsync(NewId(), command);

    /// <summary>Starts a container that runs a command.</summary>
    /// <param name="id">Unique among this run's running containers; a workload's name too, so the same id is the same workload.</param>
    /// <param name="command">Program and arguments.</param>
    public async Task<ContainerdContainer> RunAsync(string id, IEnumerable<string> command)
    {
        var output = Files.Combine($"{id}.out");
        await CtrAsync(["run", "--detach", "--log-uri", $"file://{output}", BusyboxImage.Name, id, .. command]);
        return new ContainerdContainer(this, id, output);
    }

    /// <summary>Runs a command in a container of its own to its end, and removes the container.</summary>
    public Task<string> RunToEndAsync(string id, params IEnumerable<string> command) => CtrAsync(["run", "--rm", BusyboxImage.Name, id, .. command]);

    public static string NewId() => $"c{Guid.NewGuid().ToString("N")[..10]}";

    /// <summary>Runs <c>ctr</c> in this run's namespace.</summary>
    public Task<string> CtrAsync(params IEnumerable<string> arguments) => Commands.RunAsync("nsenter", Ctr(arguments));

    internal Task<CommandResult> TryCtrAsync(params IEnumerable<string> arguments) => Commands.TryRunAsync("nsenter", Ctr(arguments));

    internal string NewExecId() => $"e{Interlocked.Increment(ref _execs)}";

    // ctr makes FIFOs below /run/containerd that the shim opens: it has to see the same one.
    private IEnumerable<string> Ctr(IEnumerable<string> arguments) =>
        [$"--target={Guard.Id}", "--mount", "--", "ctr", "--address", Socket, "--namespace", Namespace, .. arguments];
}

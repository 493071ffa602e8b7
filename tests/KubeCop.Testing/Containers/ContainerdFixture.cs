using System.Diagnostics;
using System.Globalization;
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
    private readonly SemaphoreSlim _podTurn = new(1);
    private int _execs;
    private CriPods? _pods;

    /// <summary>The containerd namespace of this run's containers: unique, so that their cgroups are.</summary>
    public string Namespace { get; } = $"kubecop-test-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..8]}";

    /// <summary>What is <c>HOST_ROOT</c> for a sensor that is to read this containerd's files: the root of its mount namespace.</summary>
    public string HostRoot => $"/proc/{Guard.Id}/root";

    /// <summary>What comes before the arguments of <c>ctr</c>, so that a script can run it in this run's namespace.</summary>
    public IReadOnlyList<string> CtrCommand => ["nsenter", .. Ctr([])];

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
            [grpc]
            address = "{Socket}"
            [plugins."io.containerd.internal.v1.opt"]
            path = "{Files.Combine("opt")}"
            [plugins."io.containerd.grpc.v1.cri"]
            sandbox_image = "{BusyboxImage.SandboxName}"
            restrict_oom_score_adj = true
            disable_apparmor = true
            [plugins."io.containerd.grpc.v1.cri".cni]
            bin_dir = "{Files.Combine("cni")}"
            conf_dir = "{Files.Combine("cni")}"
            """);
        PodNetwork.Write(Files.Combine("cni"));
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
        _pods?.Dispose();
        _podTurn.Dispose();
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
    /// <param name="options">Further options of <c>ctr run</c>.</param>
    public async Task<ContainerdContainer> RunAsync(string id, IEnumerable<string> command, IEnumerable<string>? options = null)
    {
        var output = Files.Combine($"{id}.out");
        await CtrAsync(["run", "--detach", "--log-uri", $"file://{output}", .. options ?? [], BusyboxImage.Name, id, .. command]);
        return new ContainerdContainer(this, id, output);
    }

    /// <summary>Runs a command in a container of its own to its end, and removes the container.</summary>
    public Task<string> RunToEndAsync(string id, params IEnumerable<string> command) => CtrAsync(["run", "--rm", BusyboxImage.Name, id, .. command]);

    /// <summary>Makes a pod through the Container Runtime Interface, as the kubelet does.</summary>
    public async Task<CriPod> RunPodAsync(PodOptions options) => await (await PodsAsync()).RunAsync(options);

    /// <summary>The image of the tests as pods know it: by its digest.</summary>
    public async Task<string> GetImageDigestAsync() => (await PodsAsync()).ImageDigest;

    /// <summary>Makes an image known that containers of pods can have.</summary>
    /// <param name="archive">An OCI archive.</param>
    public async Task ImportForPodsAsync(string archive, string name)
    {
        var pods = await PodsAsync();
        await PodCtrAsync("images", "import", archive);
        await pods.WaitForImagesAsync(name);
    }

    /// <summary>Process 1 of a pod's container, as this machine numbers it.</summary>
    public async Task<int> GetProcessIdAsync(CriContainer container)
    {
        var task = (await PodCtrAsync("tasks", "ls")).Split('\n').Single(line => line.StartsWith(container.Id, StringComparison.Ordinal));
        return int.Parse(task.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Kills the daemon; containers go on without it.</summary>
    public async Task StopDaemonAsync()
    {
        await Guard.StandardInput.WriteLineAsync("stop");
        await Guard.StandardInput.FlushAsync();
        await Wait.UntilAsync(() => TryCtrAsync("version"), static result => result.ExitCode != 0, "end of containerd");
    }

    /// <summary>Starts the daemon again.</summary>
    public async Task StartDaemonAsync()
    {
        await Guard.StandardInput.WriteLineAsync("start");
        await Guard.StandardInput.FlushAsync();
        await Wait.UntilAsync(() => TryCtrAsync("version"), static result => result.ExitCode == 0, "answer of containerd");
        if (_pods is not null)
        {
            await _pods.WaitUntilReadyAsync();
        }
    }

    public static string NewId() => $"c{Guid.NewGuid().ToString("N")[..10]}";

    /// <summary>Runs <c>ctr</c> in this run's namespace.</summary>
    public Task<string> CtrAsync(params IEnumerable<string> arguments) => Commands.RunAsync("nsenter", Ctr(arguments));

    /// <summary>The same, however it ends.</summary>
    public Task<CommandResult> TryCtrAsync(params IEnumerable<string> arguments) => Commands.TryRunAsync("nsenter", Ctr(arguments));

    internal string NewExecId() => $"e{Interlocked.Increment(ref _execs)}";

    // ctr makes FIFOs below /run/containerd that the shim opens: it has to see the same one.
    private IEnumerable<string> Ctr(IEnumerable<string> arguments, string? @namespace = null) =>
        [$"--target={Guard.Id}", "--mount", "--", "ctr", "--address", Socket, "--namespace", @namespace ?? Namespace, .. arguments];

    // Few test runs need pods: what they cost is paid by the first.
    private async Task<CriPods> PodsAsync()
    {
        await _podTurn.WaitAsync();
        try
        {
            if (_pods is null)
            {
                var archive = Files.Combine("sandbox.tar");
                await BusyboxImage.WriteArchiveAsync(archive, BusyboxImage.SandboxName);
                await PodCtrAsync("images", "import", Files.Combine("image.tar"));
                await PodCtrAsync("images", "import", archive);

                // Pulled images are known by their digest too, imported ones are not.
                var lines = (await PodCtrAsync("images", "ls", $"name=={BusyboxImage.Name}")).Split('\n');
                var digest = lines.SelectMany(static line => line.Split(' ')).First(static word => word.StartsWith("sha256:", StringComparison.Ordinal));
                await PodCtrAsync("images", "tag", BusyboxImage.Name, $"{BusyboxImage.Name.Split(':')[0]}@{digest}");
                var pods = new CriPods(Socket, $"/{Namespace}", digest, Files);
                await pods.WaitUntilReadyAsync();
                _pods = pods;
            }

            return _pods;
        }
        finally
        {
            _podTurn.Release();
        }
    }

    private Task<string> PodCtrAsync(params string[] arguments) => Commands.RunAsync("nsenter", Ctr(arguments, "k8s.io"));
}

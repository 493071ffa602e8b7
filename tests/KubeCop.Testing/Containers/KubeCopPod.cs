using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;

namespace KubeCop.Testing.Containers;

/// <summary>The image in a pod, with what the chart gives it: one place that says what that is.</summary>
public sealed class KubeCopPod : IAsyncDisposable
{
    /// <summary>Without <c>CAP_</c>, as Kubernetes has them.</summary>
    public static readonly string[] Capabilities = ["BPF", "PERFMON", "NET_ADMIN"];

    /// <summary>A directory in it that only another user may use.</summary>
    public const string ForeignDirectory = "/tmp/foreign";

    /// <summary>By the containerd that has the image already.</summary>
    private static readonly ConcurrentDictionary<string, Task<string>> Imported = new();

    private readonly TestDirectory _data;
    private readonly CriPod _pod;
    private readonly HttpClient _http = new();
    private long _started;

    private KubeCopPod(TestDirectory data, CriPod pod, CriContainer container) => (_data, _pod, Container) = (data, pod, container);

    public CriContainer Container { get; }

    /// <summary>From the start of the container to its readiness.</summary>
    public TimeSpan ReadyAfter { get; private set; }

    private string DataDirectory => _data.Combine("data");

    /// <summary>Starts it and returns when it detects.</summary>
    public static async Task<KubeCopPod> StartAsync(ContainerdFixture containerd)
    {
        var kubecop = await MakeAsync(containerd, ["/usr/bin/kubecop", "run", "--http", "127.0.0.1:0"], Capabilities, new Dictionary<string, string>());
        try
        {
            await kubecop.WaitUntilReadyAsync();
            return kubecop;
        }
        catch
        {
            await kubecop.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs <c>doctor</c> to its end.</summary>
    /// <param name="capabilities">The only ones it has, without <c>CAP_</c>.</param>
    /// <param name="settings">Variables.</param>
    /// <returns>Its exit code and what it wrote.</returns>
    public static async Task<(int ExitCode, string Output)> RunDoctorAsync(
        ContainerdFixture containerd, IReadOnlyList<string> capabilities, IReadOnlyDictionary<string, string> settings)
    {
        await using var kubecop = await MakeAsync(containerd, ["/usr/bin/kubecop", "doctor"], capabilities, settings);
        var exitCode = await kubecop.Container.WaitForEndAsync();
        return (exitCode, kubecop.Container.Log);
    }

    public Task<JsonElement> GetAsync(string path) => _http.GetFromJsonAsync<JsonElement>(path);

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _pod.DisposeAsync();
        _data.Dispose();
    }

    private static async Task<KubeCopPod> MakeAsync(
        ContainerdFixture containerd, IReadOnlyList<string> command, IReadOnlyList<string> capabilities, IReadOnlyDictionary<string, string> settings)
    {
        var name = await Imported.GetOrAdd(containerd.Namespace, async _ =>
        {
            var imported = await KubeCopImage.GetNameAsync();
            await containerd.ImportForPodsAsync(KubeCopImage.Archive, imported);
            return imported;
        });
        var data = new TestDirectory();
        Directory.CreateDirectory(data.Combine("data"));
        var temporary = Directory.CreateDirectory(data.Combine("tmp")).FullName;
        Directory.CreateDirectory($"{temporary}/foreign", UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await Commands.RunAsync("chown", "1000", $"{temporary}/foreign");
        CriPod? pod = null;
        try
        {
            // The machine's network only so that the test reaches its endpoints.
            pod = await containerd.RunPodAsync(new PodOptions { Namespace = "kubecop", HostNetwork = true, HostPid = true });
            var started = Stopwatch.GetTimestamp();
            var container = await pod.StartAsync(
                "kubecop",
                command,
                [
                    new PodMount("/host/sys/fs/cgroup", "/sys/fs/cgroup", ReadOnly: true),
                    new PodMount("/host/run", "/run", ReadOnly: true),
                    new PodMount("/var/lib/kubecop", data.Combine("data")),
                    new PodMount("/tmp", temporary),
                ],
                image: name,
                security: new ContainerSecurity { Capabilities = capabilities },
                environment: new Dictionary<string, string>(settings) { ["HOST_ROOT"] = settings.GetValueOrDefault("HOST_ROOT", "/host") });
            return new KubeCopPod(data, pod, container) { _started = started };
        }
        catch
        {
            if (pod is not null)
            {
                await pod.DisposeAsync();
            }

            data.Dispose();
            throw;
        }
    }

    private async Task WaitUntilReadyAsync()
    {
        var addressFile = Path.Combine(DataDirectory, "http-address");
        try
        {
            var address = await Wait.UntilAsync(() => File.Exists(addressFile) ? File.ReadAllText(addressFile).Trim() : "", static text => text.Length > 0, $"address in {addressFile}");
            ReadyAfter = Stopwatch.GetElapsedTime(_started);
            _http.BaseAddress = new Uri($"http://{address}");
            _http.DefaultRequestHeaders.Authorization =
                new AuthenticationHeaderValue("Bearer", (await File.ReadAllTextAsync(Path.Combine(DataDirectory, "token"))).Trim());
        }
        catch (TimeoutException exception)
        {
            throw new TimeoutException($"{exception.Message}\n{Container.Log}");
        }
    }
}

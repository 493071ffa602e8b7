using System.Net;
using System.Net.Http.Headers;
using KubeCop.Core.Events;
using KubeCop.Host;
using KubeCop.Host.Node;
using KubeCop.Sensor;
using KubeCop.Storage;
using KubeCop.Testing;
using KubeCop.Testing.Storage;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Tests.Host.Node;

public sealed class NodeHostTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kubecop-node-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task StartAsync_Ready_WritesTheAddressAndAPrivateTokenAndTakesTheAddressAwayAgain()
    {
        var sensor = new FakeSensor();
        sensor.ReadySource.SetResult();
        var node = await NodeHostFixture.StartAsync(_directory, sensor);
        await using (node)
        {
            Assert.Equal(node.Address, File.ReadAllText(NodeFiles.AddressFile(_directory)).Trim());
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(NodeFiles.TokenFile(_directory)));
        }

        Assert.False(File.Exists(NodeFiles.AddressFile(_directory)), "The address of a silo that has ended is still there.");
    }

    [Theory]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "0644")]
    [InlineData("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdeX", "0600")]
    [InlineData("short", "0600")]
    public async Task StartAsync_TokenThatOthersCouldKnowOrThatIsNone_IsMadeAnew(string token, string mode)
    {
        File.WriteAllText(NodeFiles.TokenFile(_directory), token);
        File.SetUnixFileMode(NodeFiles.TokenFile(_directory), (UnixFileMode)Convert.ToInt32(mode, 8));
        var sensor = new FakeSensor();
        sensor.ReadySource.SetResult();
        await using var node = await NodeHostFixture.StartAsync(_directory, sensor);

        Assert.Matches("^[0-9a-f]{64}\n$", File.ReadAllText(NodeFiles.TokenFile(_directory)));
        Assert.NotEqual(token, File.ReadAllText(NodeFiles.TokenFile(_directory)).Trim());
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(NodeFiles.TokenFile(_directory)));
    }

    [Fact]
    public async Task StartAsync_PortTaken_NamesOptionAndAddressAndLeavesTheDataDirectoryFree()
    {
        using var listener = new System.Net.Sockets.TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var address = listener.LocalEndpoint.ToString()!;

        var error = await Assert.ThrowsAsync<UsageException>(() => NodeHostFixture.StartAsync(_directory, new FakeSensor(), address));

        Assert.Contains($"--http '{address}'", error.Message, StringComparison.Ordinal);
        DataDirectory.Open(_directory).Dispose();
    }

    [Fact]
    public async Task StartAsync_DataDirectoryHeld_SaysByWhom()
    {
        using var held = DataDirectory.Open(_directory);

        var error = await Assert.ThrowsAsync<StorageException>(() => NodeHostFixture.StartAsync(_directory, new FakeSensor()));

        Assert.Contains($"{Environment.ProcessId}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Disk_FullForAWhile_NodeSaysWhatIsDegradedForAsLong()
    {
        using var disk = SmallDisk.TryMount(4096);
        Assert.SkipWhen(disk is null, "mounting a tmpfs needs root");
        var sensor = new FakeSensor();
        sensor.ReadySource.SetResult();
        await using var node = await NodeHostFixture.StartAsync(Path.Combine(disk.Path, "data"), sensor);
        var grains = node.Services.GetRequiredService<IGrainFactory>();
        var health = node.Services.GetRequiredService<NodeHealth>();
        await sensor.StartContainerAsync(grains, NodeHostFixture.NodeName, "before", "/dev/shm/x");
        Assert.DoesNotContain(health.GetDegradations(), static degradation => degradation.Part is NodeHealth.Journal or NodeHealth.Storage or "history");

        var filler = disk.Fill();

        // More than the rest of a file's last block holds, of what is learned and of alerts.
        string[] programs = [.. Enumerable.Range(0, 200).Select(static program => $"/usr/bin/{program}"), .. Enumerable.Range(0, 20).Select(static program => $"/dev/shm/{program}")];
        await FakeSensor.RunAsync(grains, NodeHostFixture.NodeName, "before", EventFlags.None, programs);
        foreach (var part in (string[])[NodeHealth.Journal, NodeHealth.Storage, "history"])
        {
            var degradation = await Wait.UntilAsync(
                () => health.GetDegradations().FirstOrDefault(degradation => degradation.Part == part), static found => found is not null, $"{part} said to be degraded");
            Assert.Contains(disk.Path, degradation!.Reason, StringComparison.Ordinal);
        }

        File.Delete(filler);
        await FakeSensor.RunAsync(grains, NodeHostFixture.NodeName, "before", EventFlags.None, "/dev/shm/z");
        await Wait.UntilAsync(
            () => health.GetDegradations().Select(static degradation => degradation.Part).ToList(),
            static parts => !parts.Contains(NodeHealth.Journal) && !parts.Contains(NodeHealth.Storage) && !parts.Contains("history"),
            "nothing of the disk degraded any more");
    }

    [Fact]
    public async Task StartAsync_SensorCannotWork_TellsItsCauseAndFreesEverything()
    {
        var sensor = new FakeSensor();
        sensor.ReadySource.SetException(new SensorException("CAP_BPF is missing.", "Run as root."));

        await Assert.ThrowsAsync<SensorException>(() => NodeHostFixture.StartAsync(_directory, sensor));

        DataDirectory.Open(_directory).Dispose();
    }

    [Fact]
    public async Task StartAsync_StoppedWhileTheSiloStarts_IsCanceledAndFreesEverything()
    {
        using var stop = new CancellationTokenSource();
        var sensor = new FakeSensor();
        sensor.ReadySource.SetResult();
        var halfway = Task.Run(
            () =>
            {
                // The silo makes it in the middle of its start.
                SpinWait.SpinUntil(() => Directory.Exists(Path.Combine(_directory, "grains")), TimeSpan.FromSeconds(30));
                stop.Cancel();
            },
            TestContext.Current.CancellationToken);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => NodeHostFixture.StartAsync(_directory, sensor, stop: stop.Token));

        await halfway;
        DataDirectory.Open(_directory).Dispose();
    }

    [Fact]
    public async Task StopAsync_ContainersRun_EndsWithinFiveSecondsAndTheNextStartHasTheProfile()
    {
        var sensor = new FakeSensor();
        sensor.ReadySource.SetResult();
        await using (var node = await NodeHostFixture.StartAsync(_directory, sensor))
        {
            await sensor.StartContainerAsync(GrainsOf(node), NodeHostFixture.NodeName, "kept", "/bin/kept");
            var started = TimeProvider.System.GetTimestamp();
            await node.StopAsync();
            Assert.InRange(TimeProvider.System.GetElapsedTime(started), TimeSpan.Zero, TimeSpan.FromSeconds(5));
        }

        await using var next = await NodeHostFixture.StartAsync(_directory, sensor);
        using var http = ClientOf(next);
        Assert.Contains("/bin/kept", await http.GetStringAsync("/api/v1/profiles/container-kept", TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task StartAsync_AWorkloadsFileIsDamaged_TheOthersAreListedAtOnce()
    {
        var sensor = new FakeSensor();
        sensor.ReadySource.SetResult();
        await using (var node = await NodeHostFixture.StartAsync(_directory, sensor))
        {
            await sensor.StartContainerAsync(GrainsOf(node), NodeHostFixture.NodeName, "damaged", "/bin/a");
            await sensor.StartContainerAsync(GrainsOf(node), NodeHostFixture.NodeName, "whole", "/bin/b");
        }

        var file = Assert.Single(Directory.EnumerateFiles(Path.Combine(_directory, "grains"), "workload@*damaged*.state"));
        var content = File.ReadAllBytes(file);
        content[^10] ^= 1;
        File.WriteAllBytes(file, content);

        await using var next = await NodeHostFixture.StartAsync(_directory, sensor);
        using var http = ClientOf(next);
        var profiles = await http.GetStringAsync("/api/v1/profiles", TestContext.Current.CancellationToken);

        Assert.Contains("container-whole", profiles, StringComparison.Ordinal);
        Assert.DoesNotContain("container-damaged", profiles, StringComparison.Ordinal);
        Assert.Single(Directory.EnumerateFiles(Path.Combine(_directory, "grains"), "workload@*damaged*.bad-*"));
    }

    private HttpClient ClientOf(NodeHost node) => new()
    {
        BaseAddress = new Uri($"http://{node.Address}"),
        DefaultRequestHeaders = { Authorization = new AuthenticationHeaderValue("Bearer", File.ReadAllText(NodeFiles.TokenFile(_directory)).Trim()) },
    };

    private static IGrainFactory GrainsOf(NodeHost node) => (IGrainFactory)node.Services.GetService(typeof(IGrainFactory))!;
}

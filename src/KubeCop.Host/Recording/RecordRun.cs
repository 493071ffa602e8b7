using System.Globalization;
using System.Reflection;
using KubeCop.Host.Configuration;
using KubeCop.Host.Logging;
using KubeCop.Host.Silo;
using KubeCop.Sensor;
using KubeCop.Sensor.Recording;
using MsOptions = Microsoft.Extensions.Options.Options;

namespace KubeCop.Host.Recording;

/// <summary>
/// <c>kubecop record</c>: a sensor of its own, beside one that may run already, whose events go to a file. It starts with nothing seen, so
/// everything is in it once.
/// </summary>
internal static class RecordRun
{
    public static async Task<int> RunAsync(string file, TimeSpan? duration, long maxBytes, Settings settings, CancellationToken stop)
    {
        using var directory = new ScratchDirectory();
        settings.Node.DataDirectory = directory.Path;
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddConfiguration(settings.Configuration);
        builder.Logging.AddStderr(settings.Output, null);
        builder.Services.AddSingleton<IHostLifetime, ProcessLifetime>();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(MsOptions.Create(settings.Node));
        builder.Services.AddSingleton(MsOptions.Create(settings.Sensor));
        builder.Services.AddRecording(file, maxBytes, Version);
        builder.Services.AddSensor();
        using var host = builder.Build();
        var recording = host.Services.GetRequiredService<IRecording>();
        await host.StartAsync(stop);
        var sensor = host.Services.GetRequiredService<ISensor>();
        Console.Error.WriteLine($"recording to {file}{(duration is { } time ? $" for {Duration.Format(time)}" : "")}; Ctrl-C ends it.");

        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping);
        if (duration is { } limit)
        {
            either.CancelAfter(limit);
        }

        var ended = await Task.WhenAny(recording.Ended, Task.Delay(Timeout.Infinite, either.Token));
        var failed = ended == recording.Ended || !(stop.IsCancellationRequested || (duration is not null && sensor.GetStatus().Ready));
        var status = sensor.GetStatus();
        await host.StopAsync(CancellationToken.None);
        host.Dispose();
        Console.Error.WriteLine(Summary(file, status, recording));
        if (ended == recording.Ended)
        {
            Console.Error.WriteLine($"kubecop: {await recording.Ended}");
        }

        return failed ? ExitCode.Failure : ExitCode.Success;
    }

    private static string Version => typeof(RecordRun).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private static string Summary(string file, SensorStatus status, IRecording recording)
    {
        var events = status.Events.Values.Sum();
        var lost = status.Lost.Sum(static loss => loss.Count) + recording.Missing;
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{file}: {events:N0} events, {status.Containers} containers at the end, {lost:N0} lost, {recording.Written / 1048576.0:N1} MiB.");
    }

    private sealed class ScratchDirectory : IDisposable
    {
        public string Path { get; } = Directory.CreateTempSubdirectory("kubecop-record-").FullName;

        public void Dispose() => Directory.Delete(Path, recursive: true);
    }
}

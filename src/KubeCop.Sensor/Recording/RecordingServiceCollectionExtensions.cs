using KubeCop.Core.Events;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Sensor.Decoding;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace KubeCop.Sensor.Recording;

/// <summary>A recording that is being made.</summary>
public interface IRecording
{
    /// <summary>Completes, with the reason, when no more can be recorded: the file is as large as it may get, or the disk failed.</summary>
    Task<string> Ended { get; }

    /// <summary>Bytes in the file so far.</summary>
    long Written { get; }

    /// <summary>Events left out because the disk was too slow.</summary>
    long Missing { get; }
}

public static class RecordingServiceCollectionExtensions
{
    /// <summary>Has the sensor, which is added after this, write what it sees to a file and give it to nobody else.</summary>
    /// <param name="path">Must not exist yet.</param>
    /// <param name="maxBytes">The recording ends when its file has grown to this.</param>
    /// <param name="version">Of the program, for whoever finds the file.</param>
    public static IServiceCollection AddRecording(this IServiceCollection services, string path, long maxBytes, string version)
    {
        services.AddSingleton(provider => new RecordingWriter(
            path,
            maxBytes,
            new RecordingHeader(
                version,
                File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
                provider.GetRequiredService<IOptions<NodeOptions>>().Value.Name,
                provider.GetRequiredService<IKernelClock>().ToUtc(0),
                KernelClock.Now())));
        services.AddSingleton<IRecording>(static provider => provider.GetRequiredService<RecordingWriter>());
        services.AddSingleton<ContainerGrains>(static _ =>
        {
            var nobody = new Nobody();
            return _ => nobody;
        });
        return services;
    }

    /// <summary>Takes events and does nothing with them.</summary>
    private sealed class Nobody : IContainerGrain
    {
        public Task StartAsync(ContainerDescription container) => Task.CompletedTask;

        public Task IngestAsync(EventBatch batch) => Task.CompletedTask;

        public Task StopAsync() => Task.CompletedTask;

        public Task FlushAsync() => Task.CompletedTask;

        public Task RebindAsync() => Task.CompletedTask;

        public Task<ContainerStatus?> GetStatusAsync() => Task.FromResult<ContainerStatus?>(null);
    }
}

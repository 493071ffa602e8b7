using System.Numerics;
using KubeCop.Core.Events;
using KubeCop.Sensor;
using KubeCop.Sensor.Bpf;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Decoding;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

public static class SensorServiceCollectionExtensions
{
    /// <summary>
    /// Adds the node's sensor: <see cref="ISensor"/>, <see cref="IKernelClock"/> and the service that runs it. It needs <c>ContainerGrains</c>, to
    /// which it gives the events.
    /// </summary>
    public static IServiceCollection AddSensor(this IServiceCollection services)
    {
        services.AddOptionsWithValidateOnStart<SensorOptions>()
            .BindConfiguration(SensorOptions.Section)
            .Validate(static options => IsRing(options.CriticalRingBytes), $"{SensorOptions.Section}:CriticalRingBytes must be a power of two, at least 65536.")
            .Validate(static options => IsRing(options.BulkRingBytes), $"{SensorOptions.Section}:BulkRingBytes must be a power of two, at least 65536.")
            .Validate(static options => options.MaxContainers is >= 16 and <= 4096, $"{SensorOptions.Section}:MaxContainers must be between 16 and 4096.")
            .Validate(static options => options.BatchSize is >= 16 and <= 1024, $"{SensorOptions.Section}:BatchSize must be between 16 and 1024.")
            .Validate(static options => options.StagedBatches is >= 1 and <= 1024, $"{SensorOptions.Section}:StagedBatches must be between 1 and 1024.")
            .Validate(static options => options.PendingTime > TimeSpan.Zero, $"{SensorOptions.Section}:PendingTime must be longer than nothing.");
        services.AddOptionsWithValidateOnStart<ContainersOptions>()
            .BindConfiguration(ContainersOptions.Section)
            .Validate(
                static options => options.RuntimeSockets.All(ContainersOptions.IsSocket),
                $"{ContainersOptions.Section}:RuntimeSockets must be absolute paths, unix:// before them or not.")
            .Validate(static options => options.HasTimeout, $"{ContainersOptions.Section}:RuntimeTimeout must be between 0.1 s and 5 s.");
        services.TryAddSingleton(TimeProvider.System);
        services.AddContainers();
        services.AddSingleton<IKernelClock, KernelClock>();
        services.AddSingleton<SensorService>();
        services.AddSingleton<KernelRepeatFilter>();
        services.AddSingleton<IRepeatFilter>(static provider => provider.GetRequiredService<KernelRepeatFilter>());
        services.AddSingleton<ISensor>(static provider => provider.GetRequiredService<SensorService>());
        services.AddHostedService(static provider => provider.GetRequiredService<SensorService>());
        return services;
    }

    private static bool IsRing(int bytes) => bytes >= 65_536 && BitOperations.IsPow2(bytes);
}

using KubeCop.Core.Profiles;
using KubeCop.Grains.Abstractions.Mirroring;

namespace KubeCop.Grains.Mirroring;

/// <summary>Each silo sees to it that somebody in the cluster follows the profiles' objects: should that silo be lost, another one does.</summary>
internal sealed class ProfileWatchKeeper(IGrainFactory grains, IProfileChanges changes, TimeProvider time) : ILifecycleParticipant<ISiloLifecycle>
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private ITimer? _timer;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(nameof(ProfileWatchKeeper), ServiceLifecycleStage.Active, StartAsync, StopAsync);

    private Task StartAsync(CancellationToken cancellationToken)
    {
        if (changes.Exists)
        {
            // At different times in each silo.
            _timer = time.CreateTimer(_ => grains.GetGrain<IProfileWatchGrain>(IProfileWatchGrain.Key).KeepAsync().Ignore(), null, Period * Random.Shared.NextDouble() / 5, Period);
        }

        return Task.CompletedTask;
    }

    private Task StopAsync(CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        return Task.CompletedTask;
    }
}

using KubeCop.Grains.Abstractions;
using KubeCop.Grains.Abstractions.Workloads;
using KubeCop.Grains.Containers;
using KubeCop.Grains.Profiles;
using Microsoft.Extensions.DependencyInjection;

namespace KubeCop.Grains;

/// <summary>Makes a silo, while it is active, the one through which the process's containers reach their workloads.</summary>
/// <param name="services">The silo's. Containers are only asked for when it is active: before, its options may be found wrong.</param>
internal sealed class SiloAttachment(CurrentSilo silo, IServiceProvider services, IGrainFactory grains, IClusterMembershipService membership) : ILifecycleParticipant<ISiloLifecycle>
{
    private IProfileObserver? _reference;
    private CancellationTokenSource? _watching;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(
        nameof(SiloAttachment),
        ServiceLifecycleStage.Active,
        _ =>
        {
            Attach();
            return Task.CompletedTask;
        },
        _ =>
        {
            Detach();
            return Task.CompletedTask;
        });

    public void Attach()
    {
        silo.Attach(grains);
        if (services.GetService<WatchedContainers>() is { } containers)
        {
            containers.Profiles.Attach(_reference ??= grains.CreateObjectReference<IProfileObserver>(containers.Profiles));
            containers.Resume();
            var watching = new CancellationTokenSource();
            Interlocked.Exchange(ref _watching, watching)?.Cancel();
            _ = Task.Run(() => WatchSilosAsync(containers.Profiles, watching.Token));
        }
    }

    public void Detach()
    {
        silo.Detach(grains);
        Interlocked.Exchange(ref _watching, null)?.Cancel();
        if (Interlocked.Exchange(ref _reference, null) is { } reference)
        {
            grains.DeleteObjectReference<IProfileObserver>(reference);
        }
    }

    private async Task WatchSilosAsync(ProfileCache profiles, CancellationToken detached)
    {
        try
        {
            await foreach (var silos in membership.MembershipUpdates.WithCancellation(detached))
            {
                profiles.SilosChanged(silo => silos.GetSiloStatus(silo).IsTerminating());
            }
        }
        catch (OperationCanceledException)
        {
            // Detached.
        }
    }
}

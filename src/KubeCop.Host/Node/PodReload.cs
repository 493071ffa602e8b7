using KubeCop.Core.Workloads;

namespace KubeCop.Host.Node;

/// <summary>Has the node's containers look again at what is known of their pods, when that is something else.</summary>
internal sealed class PodReload(IPodWorkloads pods, NodeContainers containers, TimeProvider time) : BackgroundService
{
    /// <summary>Changes that come together are told together.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(20);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var told = 0L; !stoppingToken.IsCancellationRequested;)
        {
            await pods.ChangedAsync(told, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            told = pods.Version;
            if (!stoppingToken.IsCancellationRequested)
            {
                await containers.RebindAsync();
            }
        }
    }
}

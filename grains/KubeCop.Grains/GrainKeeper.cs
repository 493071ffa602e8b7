namespace KubeCop.Grains;

/// <summary>Each silo calls a grain from time to time, so that one in the cluster does its work: should that silo be lost, another one does.</summary>
/// <param name="name">Of what is kept.</param>
/// <param name="delay">After which it is called first, and up to a fifth of the period later: at different times in each silo.</param>
/// <param name="call">Whose failure is somebody else's to tell.</param>
internal sealed class GrainKeeper(string name, TimeSpan delay, TimeSpan period, Func<Task> call, TimeProvider time) : ILifecycleParticipant<ISiloLifecycle>
{
    private ITimer? _timer;

    public void Participate(ISiloLifecycle lifecycle) => lifecycle.Subscribe(name, ServiceLifecycleStage.Active, StartAsync, StopAsync);

    private Task StartAsync(CancellationToken cancellationToken)
    {
        _timer = time.CreateTimer(_ => CallAsync().Ignore(), null, delay + (period * Random.Shared.NextDouble() / 5), period);
        return Task.CompletedTask;
    }

    // Also what it throws before it waits: on a timer's thread that would end the process.
    private async Task CallAsync() => await call();

    private Task StopAsync(CancellationToken cancellationToken)
    {
        _timer?.Dispose();
        return Task.CompletedTask;
    }
}

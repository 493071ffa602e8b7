namespace KubeCop.Host.Silo;

/// <summary>Ends those parts of a silo that go on when it could not be stopped in time and is only disposed of.</summary>
internal static class SiloRemains
{
    /// <summary>
    /// The classes are not public: only their parts in a silo's life are, by which they can be stopped. Facts of Orleans 10.4:
    /// <list type="bullet">
    /// <item>Listeners go on to take connections, and nobody answers on them. The next silo at the same port gets only some of those made to it, as the
    /// kernel divides them among all that listen (<c>SO_REUSEPORT</c>), so others fail to reach it. They end with the connections.</item>
    /// <item>The grain directory reads the updates of the membership again and again. When those have ended with the silo's services, it does so without
    /// a pause, and keeps a processor busy for as long as the process lives.</item>
    /// </list>
    /// </summary>
    private static readonly string[] Parts = ["SiloConnectionListener", "GatewayConnectionListener", "ConnectionManagerLifecycleAdapter`1", "LocalGrainDirectory"];

    /// <summary>Changes nothing about what has been stopped.</summary>
    public static Task StopAsync(IServiceProvider silo)
    {
        var life = new LastStage();
        foreach (var participant in silo.GetServices<ILifecycleParticipant<ISiloLifecycle>>().Where(static participant => Parts.Contains(participant.GetType().Name)))
        {
            participant.Participate(life);
        }

        return life.StopAsync();
    }

    private sealed class LastStage : ISiloLifecycle
    {
        private readonly List<ILifecycleObserver> _observers = [];

        public int HighestCompletedStage => int.MaxValue;

        public int LowestStoppedStage => int.MaxValue;

        public IDisposable Subscribe(string observerName, int stage, ILifecycleObserver observer)
        {
            _observers.Add(observer);
            return new Subscription();
        }

        /// <summary>All at the same time, because some wait for others.</summary>
        public Task StopAsync() => Task.WhenAll(_observers.Select(StopAsync));

        private static async Task StopAsync(ILifecycleObserver observer)
        {
            try
            {
                await observer.OnStop(CancellationToken.None);
            }
            catch (ObjectDisposedException)
            {
                // It has been stopped before.
            }
        }

        private sealed class Subscription : IDisposable
        {
            public void Dispose()
            {
            }
        }
    }
}

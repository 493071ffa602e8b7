namespace KubeCop.Host.Silo;

/// <summary>
/// Ends the grain directory of a silo that could not be stopped in time and is only disposed of. Orleans' directory (10.4) reads the updates of the
/// membership again and again until it is stopped; when those have ended with the silo's services, it does so without a pause, and keeps a
/// processor busy for as long as the process lives.
/// </summary>
internal static class DirectoryEnd
{
    /// <summary>The class is not public: only its part in a silo's life is, by which it can be stopped.</summary>
    private const string Directory = "LocalGrainDirectory";

    /// <summary>Does nothing for one that has been stopped.</summary>
    public static Task StopAsync(IServiceProvider silo)
    {
        var life = new LastStage();
        foreach (var participant in silo.GetServices<ILifecycleParticipant<ISiloLifecycle>>().Where(static participant => participant.GetType().Name == Directory))
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

        public async Task StopAsync()
        {
            foreach (var observer in _observers)
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
        }

        private sealed class Subscription : IDisposable
        {
            public void Dispose()
            {
            }
        }
    }
}

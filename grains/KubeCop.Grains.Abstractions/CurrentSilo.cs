namespace KubeCop.Grains.Abstractions;

/// <summary>
/// The silo through which this process reaches grains. It may be another one from one call to the next, and for a moment there may be none:
/// what belongs to the process asks here for each call, and outlives every silo. For any thread.
/// </summary>
public sealed class CurrentSilo
{
    private volatile Connection? _connection;

    /// <summary>Grains of the silo that is there now. References to them end with it.</summary>
    /// <exception cref="SiloAwayException">There is none.</exception>
    public IGrainFactory Grains => (_connection ?? throw new SiloAwayException()).Grains;

    /// <summary>From now on this one. Calls that the one before has not answered fail.</summary>
    public void Attach(IGrainFactory grains) => Interlocked.Exchange(ref _connection, new Connection(grains))?.End();

    /// <summary>This one is no more; another one that is there by now stays.</summary>
    public void Detach(IGrainFactory grains)
    {
        if (_connection is { } connection && connection.Grains == grains && Interlocked.CompareExchange(ref _connection, null, connection) == connection)
        {
            connection.End();
        }
    }

    /// <summary>Calls a grain. A silo that has ended may leave a call without an answer for ever; here it fails then.</summary>
    /// <exception cref="SiloAwayException">There is no silo, or it has ended meanwhile: whether the call was made is not known.</exception>
    public async Task<TResult> CallAsync<TResult>(Func<IGrainFactory, Task<TResult>> call)
    {
        var connection = _connection ?? throw new SiloAwayException();
        try
        {
            return await call(connection.Grains).WaitAsync(connection.Ended).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (connection.Ended.IsCancellationRequested)
        {
            throw new SiloAwayException();
        }
    }

    /// <inheritdoc cref="CallAsync{TResult}(Func{IGrainFactory, Task{TResult}})"/>
    public Task CallAsync(Func<IGrainFactory, Task> call) => CallAsync(async grains =>
    {
        await call(grains).ConfigureAwait(false);
        return true;
    });

    private sealed class Connection(IGrainFactory grains)
    {
        private readonly CancellationTokenSource _ended = new();

        public IGrainFactory Grains { get; } = grains;

        public CancellationToken Ended => _ended.Token;

        public void End() => _ended.Cancel();
    }
}

/// <summary>This process has no silo now. That is the time of a change, and over soon.</summary>
public sealed class SiloAwayException() : Exception("This node's silo is being replaced by another one; try again in a moment.");

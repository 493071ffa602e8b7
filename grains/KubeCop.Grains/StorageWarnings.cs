namespace KubeCop.Grains;

/// <summary>
/// Says when a state that cannot be stored or read is to be told of: at the first failure, then once a minute with the number of failures
/// since, whichever grains of the silo meet them.
/// </summary>
internal sealed class StorageWarnings(TimeProvider time)
{
    private const int MostStates = 1000;

    private static readonly TimeSpan Pause = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Told> _told = [];

    /// <param name="state">Of whom it is: a workload, the index of a namespace.</param>
    /// <param name="failures">Those since it was last told, this one included.</param>
    /// <returns>Whether to tell it now; else it is only counted.</returns>
    public bool IsDue(string state, out int failures)
    {
        lock (_lock)
        {
            if (!_told.TryGetValue(state, out var told))
            {
                Forget();
                _told.Add(state, told = new Told());
            }
            else if (time.GetElapsedTime(told.At) < Pause)
            {
                failures = ++told.Since;
                return false;
            }

            failures = told.Since + 1;
            (told.At, told.Since) = (time.GetTimestamp(), 0);
            return true;
        }
    }

    /// <summary>What storage said. Below that is only what the system calls it.</summary>
    public static string ReasonOf(Exception exception)
    {
        while (exception.InnerException is { } inner and not (IOException or UnauthorizedAccessException))
        {
            exception = inner;
        }

        return exception.Message;
    }

    // More than can fail within a minute would be told of again too early, but never too late.
    private void Forget()
    {
        if (_told.Count >= MostStates)
        {
            foreach (var (state, _) in _told.Where(told => time.GetElapsedTime(told.Value.At) >= Pause).ToList())
            {
                _told.Remove(state);
            }

            if (_told.Count >= MostStates)
            {
                _told.Clear();
            }
        }
    }

    private sealed class Told
    {
        public long At { get; set; }

        public int Since { get; set; }
    }
}

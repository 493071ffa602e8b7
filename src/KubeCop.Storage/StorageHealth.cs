using System.Collections.Concurrent;

namespace KubeCop.Storage;

/// <summary>
/// Which states could not be read or written when that was last tried: what of the grain storage does not work now, whatever store it is.
/// </summary>
public sealed class StorageHealth(TimeProvider time)
{
    /// <summary>Of more states it is only known that there are more.</summary>
    private const int MostStates = 1000;

    /// <summary>Long enough for the next try of whoever needs the state; what nobody has needed since does not fail any more.</summary>
    private static readonly TimeSpan Lasting = TimeSpan.FromMinutes(10);

    private readonly ConcurrentDictionary<(string State, GrainId Grain), Failure> _failures = [];

    /// <summary>For people: the newest failure, and how many other states cannot be used; null when all can.</summary>
    public string? Error
    {
        get
        {
            if (_failures.IsEmpty)
            {
                return null;
            }

            var lasting = _failures.Values.Where(failure => time.GetElapsedTime(failure.At) < Lasting).ToList();
            return lasting.Count switch
            {
                0 => null,
                1 => lasting[0].Reason,
                var count => $"{lasting.MaxBy(static failure => failure.At).Reason} ({count - 1}{(count >= MostStates ? " or more" : "")} others likewise)",
            };
        }
    }

    internal void Succeeded(string state, GrainId grain)
    {
        if (!_failures.IsEmpty)
        {
            _failures.TryRemove((state, grain), out _);
        }
    }

    internal void Failed(string state, GrainId grain, Exception exception)
    {
        if (_failures.Count >= MostStates && !_failures.ContainsKey((state, grain)))
        {
            foreach (var (old, failure) in _failures)
            {
                if (time.GetElapsedTime(failure.At) >= Lasting)
                {
                    _failures.TryRemove(old, out _);
                }
            }

            if (_failures.Count >= MostStates)
            {
                return;
            }
        }

        _failures[(state, grain)] = new Failure(exception.Message, time.GetTimestamp());
    }

    private readonly record struct Failure(string Reason, long At);
}

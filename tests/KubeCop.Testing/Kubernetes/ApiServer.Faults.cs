using System.Collections.Immutable;

namespace KubeCop.Testing.Kubernetes;

/// <content>What goes wrong, and what was asked.</content>
public sealed partial class ApiServer
{
    private readonly RequestCounts _counts = new();
    private ImmutableList<Fault> _faults = [];

    /// <summary>Makes requests fail; disposing what is returned lifts the fault.</summary>
    public IDisposable Inject(Fault fault)
    {
        ImmutableInterlocked.Update(ref _faults, static (faults, added) => faults.Add(added), fault);
        if (fault.Cuts || fault.Silences)
        {
            lock (_store.Gate)
            {
                foreach (var watch in OpenWatches().Where(watch => fault.Matches(watch.Call.Request)))
                {
                    Afflict(watch, fault);
                }
            }
        }

        return new Lift(() => ImmutableInterlocked.Update(ref _faults, static (faults, lifted) => faults.RemoveAll(other => ReferenceEquals(other, lifted)), fault));
    }

    /// <summary>What was asked since the start, by whom and how it went.</summary>
    public IReadOnlyList<RequestCount> Requests() => _counts.Snapshot();

    /// <summary>The watches that are open now.</summary>
    public IReadOnlyList<ApiRequest> Watches()
    {
        lock (_store.Gate)
        {
            return [.. OpenWatches().Select(static watch => watch.Call.Request)];
        }
    }

    private IEnumerable<Watch> OpenWatches() => _store.Tables.SelectMany(static table => table.Watches);

    private static void Afflict(Watch watch, Fault fault)
    {
        if (fault.Silences)
        {
            watch.Silence();
        }

        if (fault.Cuts)
        {
            watch.Cut();
        }
    }

    /// <returns>The faults that meet a request, after their delays.</returns>
    /// <exception cref="ApiStatusException">One of them refuses it.</exception>
    private async Task<IReadOnlyList<Fault>> SufferAsync(ApiRequest request, CancellationToken cancellation)
    {
        var met = _faults.Where(fault => fault.Meets(request)).ToList();
        foreach (var fault in met)
        {
            await Task.Delay(fault.Delay, cancellation);
            if (fault.Refusal is { } refusal)
            {
                throw refusal;
            }
        }

        return met;
    }

    private sealed class Lift(Action lift) : IDisposable
    {
        public void Dispose() => lift();
    }
}

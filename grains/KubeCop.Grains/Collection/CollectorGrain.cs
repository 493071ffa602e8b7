using KubeCop.Grains.Abstractions.Collection;
using KubeCop.Grains.Abstractions.Namespaces;
using KubeCop.Grains.Abstractions.Workloads;
using Microsoft.Extensions.Logging;

namespace KubeCop.Grains.Collection;

/// <summary>Goes through the workloads by the index of each namespace; a namespace that has none any more is taken out too.</summary>
internal sealed partial class CollectorGrain(
    [PersistentState("collector", GrainStorage.Name)] IPersistentState<CollectorState> state,
    StorageWarnings warnings,
    TimeProvider time,
    ILogger<CollectorGrain> logger) : Grain, ICollectorGrain
{
    /// <summary>Workloads asked at one time: each is read from grain storage for it.</summary>
    private const int Concurrency = 8;

    /// <summary>Somewhat less than a day, so that it does not come later and later.</summary>
    private static readonly TimeSpan Day = TimeSpan.FromHours(23);

    public async Task RunAsync()
    {
        // Also after a clock that was ahead when it last ran.
        if ((time.GetUtcNow() - state.State.RanAt).Duration() < Day)
        {
            return;
        }

        try
        {
            // First, so that a cluster whose silos are all replaced meanwhile does not count the day again.
            state.State = new CollectorState { RanAt = time.GetUtcNow() };
            await state.WriteStateAsync();
            var namespaces = GrainFactory.GetGrain<INamespaceIndexGrain>(INamespaceIndexGrain.AllNamespaces);
            foreach (var name in await namespaces.ListAsync())
            {
                await EndDayAsync(namespaces, name);
            }
        }
        catch (Exception exception)
        {
            if (warnings.IsDue("collection of workloads", out var failures))
            {
                LogWarningNotCollected(StorageWarnings.ReasonOf(exception), failures);
            }

            await state.ReadStateAsync().ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        }
    }

    private async Task EndDayAsync(INamespaceIndexGrain namespaces, string name)
    {
        var index = GrainFactory.GetGrain<INamespaceIndexGrain>(name);
        foreach (var workloads in (await index.ListAsync()).Chunk(Concurrency))
        {
            await Task.WhenAll(workloads.Select(EndDayAsync));
        }

        if ((await index.ListAsync()).Count == 0)
        {
            await namespaces.RemoveAsync(name);
            if ((await index.ListAsync()).Count > 0)
            {
                // One that came just now found the namespace listed.
                await namespaces.AddAsync(name);
            }
        }
    }

    private async Task EndDayAsync(string workload)
    {
        try
        {
            await GrainFactory.GetGrain<IWorkloadGrain>(workload).EndDayAsync();
        }
        catch (Exception exception)
        {
            if (warnings.IsDue($"day of {workload}", out var failures))
            {
                LogWarningNotAsked(workload, StorageWarnings.ReasonOf(exception), failures);
            }
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "Workloads that nobody needs any more could not be looked for; that is tried again. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogWarningNotCollected(string reason, int failures);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "{Workload} could not be asked whether it is still needed, or not be forgotten; that is tried again in a day. {Reason} (failures since this was last told: {Failures})")]
    private partial void LogWarningNotAsked(string workload, string reason, int failures);
}

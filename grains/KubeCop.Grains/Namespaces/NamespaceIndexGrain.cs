using KubeCop.Grains.Abstractions.Namespaces;
using KubeCop.Grains.Workloads;
using Orleans.Concurrency;
using Orleans.Storage;

namespace KubeCop.Grains.Namespaces;

/// <summary>What grain storage holds of an index.</summary>
[GenerateSerializer, Immutable, Alias("kubecop.NamespaceIndexState")]
internal sealed record NamespaceIndexState
{
    [Id(0)] public int Schema { get; init; } = 1;

    /// <summary>In ordinal order.</summary>
    [Id(1)] public IReadOnlyList<string> Names { get; init; } = [];
}

/// <summary>
/// Reentrant, so that names which arrive during a write are stored together by the next one: thousands of workloads may come at once.
/// </summary>
[Reentrant]
internal sealed class NamespaceIndexGrain : Grain, INamespaceIndexGrain
{
    private readonly IPersistentState<NamespaceIndexState> _state;
    private readonly CoalescedWrite _write;

    /// <summary>Asked for and not stored yet, whatever the state in memory says.</summary>
    private readonly HashSet<string> _unstored = new(StringComparer.Ordinal);

    /// <summary>To be taken out, and not stored yet.</summary>
    private readonly HashSet<string> _removed = new(StringComparer.Ordinal);

    public NamespaceIndexGrain([PersistentState("namespace", GrainStorage.Name)] IPersistentState<NamespaceIndexState> state)
    {
        _state = state;
        _write = new CoalescedWrite(WriteAsync);
    }

    public Task AddAsync(string name)
    {
        if (!_unstored.Contains(name) && !_removed.Contains(name) && _state.State.Names.Contains(name))
        {
            return Task.CompletedTask;
        }

        _removed.Remove(name);
        _unstored.Add(name);
        return _write.WriteAsync();
    }

    public Task RemoveAsync(string name)
    {
        _unstored.Remove(name);
        if (!_removed.Contains(name) && !_state.State.Names.Contains(name))
        {
            return Task.CompletedTask;
        }

        _removed.Add(name);
        return _write.WriteAsync();
    }

    public Task<IReadOnlyList<string>> ListAsync() => Task.FromResult(_state.State.Names);

    private async Task WriteAsync()
    {
        while (_unstored.Count + _removed.Count > 0)
        {
            var (before, added, removed) = (_state.State, _unstored.ToList(), _removed.ToList());
            _state.State = before with
            {
                Names = before.Names.Union(added, StringComparer.Ordinal).Except(removed, StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray(),
            };
            try
            {
                await _state.WriteStateAsync();
                _unstored.ExceptWith(added);
                _removed.ExceptWith(removed);
                return;
            }
            catch (InconsistentStateException)
            {
                // What is not there now was lost, or is on its way there; what another activation took out meanwhile is taken out again some day.
                _unstored.UnionWith(before.Names);
                await _state.ReadStateAsync();
            }
            catch
            {
                // What is listed here must be stored.
                _state.State = before;
                throw;
            }
        }
    }
}

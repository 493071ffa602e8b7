using KubeCop.Grains.Abstractions.Namespaces;
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

internal sealed class NamespaceIndexGrain([PersistentState("namespace", GrainStorage.Name)] IPersistentState<NamespaceIndexState> state)
    : Grain, INamespaceIndexGrain
{
    public async Task AddAsync(string name)
    {
        while (!state.State.Names.Contains(name))
        {
            var before = state.State;
            state.State = before with { Names = before.Names.Append(name).Order(StringComparer.Ordinal).ToArray() };
            try
            {
                await state.WriteStateAsync();
            }
            catch (InconsistentStateException)
            {
                await state.ReadStateAsync();
            }
            catch
            {
                // What is listed here must be stored, or it would never be added again.
                state.State = before;
                throw;
            }
        }
    }

    public Task<IReadOnlyList<string>> ListAsync() => Task.FromResult(state.State.Names);
}

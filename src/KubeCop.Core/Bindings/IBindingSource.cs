namespace KubeCop.Core.Bindings;

/// <summary>Where bindings are kept: files, or an API server.</summary>
public interface IBindingSource
{
    /// <summary>For people.</summary>
    string Name { get; }

    /// <summary>All there is now; then all there is, whenever that is something else. Ends when it is cancelled, and not on errors.</summary>
    IAsyncEnumerable<BindingInput> WatchAsync(CancellationToken cancellationToken);
}

/// <summary>Everything a source holds at one time.</summary>
/// <param name="Revision">Another text when something has changed.</param>
/// <param name="Errors">What could not be read as documents.</param>
public sealed record BindingInput(string Revision, IReadOnlyList<SourceDocument> Documents, IReadOnlyList<BindingError> Errors)
{
    /// <summary>What is wrong with bindings that are not among the documents as they were written; the documents can be in force without them.</summary>
    public IReadOnlyList<BindingError> LeftOut { get; init; } = [];

    /// <summary>Whether no binding at all is what somebody wants, rather than a mistake.</summary>
    public bool MayBeEmpty { get; init; }
}

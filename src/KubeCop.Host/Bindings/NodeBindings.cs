using KubeCop.Core.Bindings;
using KubeCop.Host.Configuration;

namespace KubeCop.Host.Bindings;

/// <summary>The bindings in force on this node, and what became of the last ones that were to come into force.</summary>
internal sealed class NodeBindings(IBindingSource source, TimeProvider time)
{
    private string? _revision;
    private long _accepted;
    private long _refused;

    public RuleBindings Rules { get; } = new(source as INamespaceLabels ?? new NamespaceNames());

    public string Source => source.Name;

    /// <summary>The source, when it is the API server.</summary>
    public NodePolicy? Policy => source as NodePolicy;

    /// <summary>What of the source is not in force as it is there now; null when all is.</summary>
    public BindingRefusal? Refusal { get; private set; }

    /// <summary>Sets that came into force.</summary>
    public long Accepted => Interlocked.Read(ref _accepted);

    /// <summary>Sets that were refused.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Those of a file or directory, or the default ones.</summary>
    public static IBindingSource SourceOf(BindingOptions options, TimeProvider time) =>
        options.Path.Length > 0 ? new BindingFiles(options.Path, time) : new DefaultBinding();

    /// <summary>Puts in force what there is.</summary>
    /// <exception cref="BindingsRefusedException">It is not valid.</exception>
    public async Task LoadAsync(CancellationToken cancellationToken)
    {
        await foreach (var input in source.WatchAsync(cancellationToken))
        {
            Take(input);
            return;
        }
    }

    /// <summary>Puts in force what comes, for as long as it is not cancelled.</summary>
    /// <param name="changed">Called after each change, accepted or not.</param>
    public async Task FollowAsync(Func<BindingRefusal?, Task> changed, CancellationToken cancellationToken)
    {
        await foreach (var input in source.WatchAsync(cancellationToken))
        {
            if (input.Revision == _revision)
            {
                continue;
            }

            try
            {
                Take(input);
            }
            catch (BindingsRefusedException)
            {
                // Told to whoever asks, with what was in force before.
            }

            await changed(Refusal);
        }
    }

    private void Take(BindingInput input)
    {
        _revision = input.Revision;
        var reading = BindingReader.Read(source.Name, input);
        if (reading.Errors.Count > 0)
        {
            Refusal = new BindingRefusal(time.GetUtcNow(), IsWhole: true, reading.Errors);
            Interlocked.Increment(ref _refused);
            throw new BindingsRefusedException(reading.Errors);
        }

        Rules.Apply(new BindingSet(reading.Bindings, source.Name, time.GetUtcNow()));
        Refusal = input.LeftOut.Count > 0 ? new BindingRefusal(time.GetUtcNow(), IsWhole: false, input.LeftOut) : null;
        Interlocked.Increment(ref _accepted);
    }
}

/// <summary>Bindings that did not come into force.</summary>
/// <param name="IsWhole">Whether nothing of the set did; else only those did not that have errors.</param>
/// <param name="Errors">At least one.</param>
internal sealed record BindingRefusal(DateTimeOffset At, bool IsWhole, IReadOnlyList<BindingError> Errors);

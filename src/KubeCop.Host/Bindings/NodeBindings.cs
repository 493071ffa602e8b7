using KubeCop.Core.Bindings;
using KubeCop.Host.Configuration;

namespace KubeCop.Host.Bindings;

/// <summary>The bindings in force on this node, and what became of the last ones that were to come into force.</summary>
internal sealed class NodeBindings(IBindingSource source, TimeProvider time)
{
    private string? _revision;
    private long _accepted;
    private long _refused;

    public RuleBindings Rules { get; } = new(new NamespaceNames());

    public string Source => source.Name;

    /// <summary>What the source holds now, when that is refused: what was in force before still is.</summary>
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
            Refusal = new BindingRefusal(time.GetUtcNow(), reading.Errors);
            Interlocked.Increment(ref _refused);
            throw new BindingsRefusedException(reading.Errors);
        }

        Rules.Apply(new BindingSet(reading.Bindings, source.Name, time.GetUtcNow()));
        Refusal = null;
        Interlocked.Increment(ref _accepted);
    }
}

/// <summary>A set of bindings that did not come into force.</summary>
/// <param name="Errors">At least one.</param>
internal sealed record BindingRefusal(DateTimeOffset At, IReadOnlyList<BindingError> Errors);

using System.Collections.Frozen;
using System.Globalization;
using System.Runtime.CompilerServices;
using KubeCop.Core.Bindings;

namespace KubeCop.Host.Bindings;

/// <summary>
/// The cluster's policy on this node: the newest one it was given, else the last one of the run before, else the default binding. A binding that
/// cannot be in force is left out by itself, and what it said before stays in force.
/// </summary>
internal sealed class NodePolicy : IBindingSource, INamespaceLabels, IPolicySink
{
    private const string Kubernetes = "kubernetes";

    private readonly Lock _lock = new();
    private volatile Policy? _policy;
    private volatile string? _failure;
    private volatile FrozenDictionary<string, IReadOnlyDictionary<string, string>> _labels = FrozenDictionary<string, IReadOnlyDictionary<string, string>>.Empty;
    private volatile SavedPolicy? _applied;
    private Change _changed = new();
    private Change _labelsChanged = new();
    private Change _appliedChanged = new();

    // For who reads the bindings, one at a time.
    private Dictionary<string, ReadBinding> _read = new(StringComparer.Ordinal);
    private int _leftOut;
    private long _revision;

    /// <param name="saved">Of the run before; null for nothing.</param>
    public NodePolicy(SavedPolicy? saved)
    {
        if (saved is not null)
        {
            // What was in force comes first, so that it is there for those that cannot be.
            _read = saved.HeldBack.ToDictionary(static binding => binding.FullName, static binding => Read(binding, null), StringComparer.Ordinal);
            Take(new PolicyReport(saved.Policy, null));
        }
    }

    public string Name => _policy is null ? "default" : Kubernetes;

    /// <summary>Why changes are not seen for now, for people; null while they are, and before anybody has looked.</summary>
    public string? Failure => _failure;

    /// <summary>What is in force while changes are not seen, for people.</summary>
    public string Holding => _policy is null ? "the default binding is in force" : "those that are known stay in force";

    /// <summary>What the next run is to begin with; null until there was a policy.</summary>
    public SavedPolicy? Applied => _applied;

    PolicyVersion? IPolicySink.Version => _policy?.Version;

    long INamespaceLabels.Version => _labelsChanged.Count;

    public void Take(PolicyReport report)
    {
        lock (_lock)
        {
            _failure = report.Failure;
            if (report.Policy is not { } policy)
            {
                return;
            }

            var namespaces = policy.Namespaces ?? [];
            if (!namespaces.SequenceEqual(_policy?.Namespaces ?? [], SameLabels.Instance))
            {
                _labels = namespaces.ToFrozenDictionary(static ns => ns.Name, WithName, StringComparer.Ordinal);
                Change.Next(ref _labelsChanged);
            }

            _policy = policy;
            Change.Next(ref _changed);
        }
    }

    public async IAsyncEnumerable<BindingInput> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (; ; )
        {
            var next = Volatile.Read(ref _changed);
            if (_policy is { } policy)
            {
                yield return Read(policy);
                _applied = new SavedPolicy(policy, [.. _read.Values.Where(static read => read.InForce != read.Binding).Select(static read => read.InForce).OfType<PolicyBinding>()]);
                Change.Next(ref _appliedChanged);
            }
            else
            {
                yield return DefaultBinding.Read();
            }

            await next.Over.WaitAsync(cancellationToken);
        }
    }

    IReadOnlyDictionary<string, string> INamespaceLabels.Of(string name) =>
        _labels.TryGetValue(name, out var labels) ? labels : new Dictionary<string, string>(StringComparer.Ordinal) { [NamespaceNames.NameLabel] = name };

    Task INamespaceLabels.ChangedAsync(long version, CancellationToken cancellationToken)
    {
        var next = Volatile.Read(ref _labelsChanged);
        return next.Count > version ? Task.CompletedTask : next.Over.WaitAsync(cancellationToken);
    }

    /// <summary>Ends when <see cref="Applied"/> is another one than this.</summary>
    public Task AppliedAsync(SavedPolicy? known, CancellationToken cancellationToken)
    {
        var next = Volatile.Read(ref _appliedChanged);
        return !ReferenceEquals(_applied, known) ? Task.CompletedTask : next.Over.WaitAsync(cancellationToken);
    }

    private static IReadOnlyDictionary<string, string> WithName(PolicyNamespace ns) =>
        new Dictionary<string, string>(ns.Labels, StringComparer.Ordinal) { [NamespaceNames.NameLabel] = ns.Name };

    private BindingInput Read(Policy policy)
    {
        var read = policy.Bindings.ToDictionary(
            static binding => binding.FullName,
            binding => _read.GetValueOrDefault(binding.FullName) is not { } before ? Read(binding, null) : before.Binding == binding ? before : Read(binding, before),
            StringComparer.Ordinal);
        if (_revision == 0 || policy.LeftOut != _leftOut || read.Count != _read.Count || read.Any(entry => !ReferenceEquals(entry.Value, _read.GetValueOrDefault(entry.Key))))
        {
            _revision++;
        }

        (_read, _leftOut) = (read, policy.LeftOut);
        var errors = read.Values.SelectMany(static binding => binding.Errors);
        if (policy.LeftOut > 0)
        {
            errors = errors.Append(new BindingError(Kubernetes, 0, "", "", string.Create(
                CultureInfo.InvariantCulture, $"{policy.LeftOut} bindings are left out: all together are larger than {BindingLimits.Bytes} bytes; bind rules by tags, or fewer pods one by one")));
        }

        var documents = read.Values.Select(static binding => binding.Document).OfType<SourceDocument>();
        return new BindingInput(_revision.ToString(CultureInfo.InvariantCulture), [.. documents], [])
        {
            LeftOut = [.. errors.Take(BindingLimits.Errors)],
            MayBeEmpty = true,
        };
    }

    /// <param name="before">What there was of this name.</param>
    private static ReadBinding Read(PolicyBinding binding, ReadBinding? before)
    {
        var source = $"{BindingReader.Kind} {binding.FullName}";
        var input = JsonDocuments.Read(source, binding.Json);
        var reading = BindingReader.Read(source, input);
        if (reading.Bindings is [var only] && only.FullName == binding.FullName)
        {
            return new ReadBinding(binding, input.Documents[0], binding, []);
        }

        // Only a file that somebody has changed holds others than it says; together they could make the whole set invalid.
        IReadOnlyList<BindingError> errors = reading.Errors.Count > 0 ? reading.Errors : [new BindingError(source, 0, binding.Name, "metadata.name", "it is another one")];
        var effect = before?.InForce is null ? "until that is corrected it is not in force" : "until that is corrected, what it said before stays in force";
        return new ReadBinding(binding, before?.Document, before?.InForce, [.. errors.Select(error => error with { Message = $"{error.Message} ({effect})" })]);
    }

    /// <param name="Binding">As it is in the API server.</param>
    /// <param name="Document">Of what is in force of it; null when nothing is.</param>
    /// <param name="InForce">What is in force of it: another content than the newest where that has errors; null when nothing is.</param>
    private sealed record ReadBinding(PolicyBinding Binding, SourceDocument? Document, PolicyBinding? InForce, IReadOnlyList<BindingError> Errors);

    private sealed class SameLabels : IEqualityComparer<PolicyNamespace>
    {
        public static readonly SameLabels Instance = new();

        public bool Equals(PolicyNamespace? x, PolicyNamespace? y) =>
            x!.Name == y!.Name && x.Labels.Count == y.Labels.Count && x.Labels.All(label => y.Labels.TryGetValue(label.Key, out var value) && value == label.Value);

        public int GetHashCode(PolicyNamespace ns) => ns.Name.GetHashCode(StringComparison.Ordinal);
    }

    /// <summary>The time between two changes.</summary>
    private sealed class Change(long count = 0)
    {
        private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Changes before it.</summary>
        public long Count { get; } = count;

        public Task Over => _over.Task;

        public static void Next(ref Change current)
        {
            var before = current;
            Volatile.Write(ref current, new Change(before.Count + 1));
            before._over.TrySetResult();
        }
    }
}

/// <summary>What a node keeps of the policy.</summary>
/// <param name="HeldBack">What is in force of bindings whose newest content cannot be.</param>
internal sealed record SavedPolicy(Policy Policy, IReadOnlyList<PolicyBinding> HeldBack);

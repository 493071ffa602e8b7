using k8s;
using KubeCop.Kubernetes.Api;

namespace KubeCop.Kubernetes.Watching;

/// <summary>Everything that is followed, as it is now. From any thread.</summary>
/// <param name="read">What is kept of an object.</param>
/// <param name="changed">Called whenever something may be different.</param>
internal sealed class ObjectTable<T>(Func<ApiObject, T> read, Action changed) : IObjectTarget
{
    private readonly Lock _lock = new();
    private Dictionary<(string? Namespace, string Name), T>? _objects;
    private volatile ApiException? _failure;

    /// <summary>Null until they were listed once.</summary>
    public IReadOnlyList<T>? Objects
    {
        get
        {
            lock (_lock)
            {
                return _objects is null ? null : [.. _objects.Values];
            }
        }
    }

    /// <summary>Why they may be old; null while they are followed.</summary>
    public ApiException? Failure => _failure;

    public void Replace(IReadOnlyList<ApiObject> objects)
    {
        var all = objects.ToDictionary(KeyOf, read);
        lock (_lock)
        {
            _objects = all;
        }

        changed();
    }

    public void Apply(WatchEventType type, ApiObject changedObject)
    {
        lock (_lock)
        {
            if (type == WatchEventType.Deleted)
            {
                _objects!.Remove(KeyOf(changedObject));
            }
            else
            {
                _objects![KeyOf(changedObject)] = read(changedObject);
            }
        }

        changed();
    }

    public void FailureChanged(ApiException? failure)
    {
        _failure = failure;
        changed();
    }

    private static (string? Namespace, string Name) KeyOf(ApiObject of) => (of.Metadata.NamespaceProperty, of.Metadata.Name);
}

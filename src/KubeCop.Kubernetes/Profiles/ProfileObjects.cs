using k8s;

namespace KubeCop.Kubernetes.Profiles;

/// <summary>
/// What became of ApplicationProfile objects, as far as this node watched them: one node does so for its cluster. What was there before, or changed
/// while nobody watched, is not counted.
/// </summary>
internal sealed class ProfileObjects
{
    private long _created;
    private long _updated;
    private long _deleted;

    public long Created => Interlocked.Read(ref _created);

    public long Updated => Interlocked.Read(ref _updated);

    public long Deleted => Interlocked.Read(ref _deleted);

    public void Count(WatchEventType type)
    {
        switch (type)
        {
            case WatchEventType.Added:
                Interlocked.Increment(ref _created);
                break;
            case WatchEventType.Modified:
                Interlocked.Increment(ref _updated);
                break;
            case WatchEventType.Deleted:
                Interlocked.Increment(ref _deleted);
                break;
        }
    }
}

using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json.Nodes;

namespace KubeCop.Testing.Kubernetes;

/// <summary>
/// All objects, and of each kind the changes that watches can still be given. One version counts the changes of all kinds, as etcd's
/// revision does. Every member that changes or reads the store is called under <see cref="Gate"/>.
/// </summary>
/// <param name="history">How many changes of a kind are kept at least; up to twice as many are.</param>
internal sealed class ObjectStore(int history)
{
    private readonly Dictionary<string, ResourceTable> _tables = new(StringComparer.Ordinal);

    public Lock Gate { get; } = new();

    /// <summary>The version of the last change.</summary>
    public long Version { get; private set; } = 1;

    public IEnumerable<ResourceTable> Tables => _tables.Values;

    public ResourceTable Of(ResourceKind kind)
    {
        if (!_tables.TryGetValue(kind.QualifiedName, out var table))
        {
            _tables[kind.QualifiedName] = table = new ResourceTable(kind, history, Version);
        }

        return table;
    }

    /// <summary>Stores a new object, or a new state of one.</summary>
    /// <param name="value">Belongs to the store from here on.</param>
    public StoredObject Put(ResourceKind kind, JsonObject value)
    {
        var stored = Stamp(value);
        Of(kind).Put(stored);
        return stored;
    }

    /// <returns>The object's last state, which has the version of its removal.</returns>
    public StoredObject Remove(ResourceKind kind, StoredObject gone)
    {
        var last = gone.At(++Version);
        Of(kind).Remove(last);
        return last;
    }

    /// <summary>Drops a kind and ends its watches.</summary>
    public void Drop(ResourceKind kind)
    {
        if (_tables.Remove(kind.QualifiedName, out var table))
        {
            table.EndWatches();
        }
    }

    private StoredObject Stamp(JsonObject value)
    {
        value.Metadata()["resourceVersion"] = (++Version).ToString(CultureInfo.InvariantCulture);
        return new StoredObject(value, Version);
    }
}

/// <summary>A state of an object. Never changed.</summary>
internal sealed class StoredObject(JsonObject value, long version)
{
    private byte[]? _utf8;

    public JsonObject Value => value;

    public long Version => version;

    public string Namespace { get; } = value.Text("metadata", "namespace");

    public string Name { get; } = value.Text("metadata", "name");

    public string Key => KeyOf(Namespace, Name);

    public byte[] Utf8 => _utf8 ??= Json.Serialize(value);

    /// <summary>The same state, as of a later version.</summary>
    public StoredObject At(long later)
    {
        var copy = value.Copy();
        copy.Metadata()["resourceVersion"] = later.ToString(CultureInfo.InvariantCulture);
        return new StoredObject(copy, later);
    }

    public static string KeyOf(string @namespace, string name) => $"{@namespace}/{name}";
}

/// <summary>A change of an object.</summary>
/// <param name="Before">Null when it is new.</param>
/// <param name="After">The last state, when it was removed.</param>
internal sealed record Change(StoredObject? Before, StoredObject After, bool IsRemoval)
{
    private byte[]? _line;

    public string Type => IsRemoval ? "DELETED" : Before is null ? "ADDED" : "MODIFIED";

    /// <summary>The event as watches that see every object get it.</summary>
    public byte[] Line => _line ??= LineOf(Type, After.Utf8);

    public static byte[] LineOf(string type, ReadOnlySpan<byte> value) => [.. "{\"type\":\""u8, .. System.Text.Encoding.ASCII.GetBytes(type), .. "\",\"object\":"u8, .. value, .. "}\n"u8];
}

/// <summary>The objects of a kind.</summary>
/// <param name="version">The store's, when the kind came to be.</param>
internal sealed class ResourceTable(ResourceKind kind, int history, long version)
{
    private readonly List<Change> _log = [];
    private readonly HashSet<Watch> _watches = [];

    /// <summary>How many changes are no longer in the log.</summary>
    private long _dropped;

    public ResourceKind Kind => kind;

    /// <summary>In the order of the keys; one that is taken is a snapshot.</summary>
    public ImmutableSortedDictionary<string, StoredObject> Objects { get; private set; } = ImmutableSortedDictionary.Create<string, StoredObject>(StringComparer.Ordinal);

    /// <summary>The oldest version that a watch can go on from.</summary>
    public long OldestVersion { get; private set; } = version;

    /// <summary>Where the next change will be.</summary>
    public long End => _dropped + _log.Count;

    public IReadOnlyCollection<Watch> Watches => _watches;

    public StoredObject? Find(string @namespace, string name) => Objects.GetValueOrDefault(StoredObject.KeyOf(@namespace, name));

    public void Put(StoredObject stored)
    {
        var before = Objects.GetValueOrDefault(stored.Key);
        Objects = Objects.SetItem(stored.Key, stored);
        Append(new Change(before, stored, IsRemoval: false));
    }

    public void Remove(StoredObject last)
    {
        var before = Objects[last.Key];
        Objects = Objects.Remove(last.Key);
        Append(new Change(before, last, IsRemoval: true));
    }

    /// <summary>Where the changes after a version begin.</summary>
    public long After(long version)
    {
        var (low, high) = (0, _log.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            (low, high) = _log[middle].After.Version <= version ? (middle + 1, high) : (low, middle);
        }

        return _dropped + low;
    }

    /// <summary>Takes changes from a position on.</summary>
    /// <returns>False when they are no longer kept.</returns>
    public bool TryRead(long position, List<Change> into)
    {
        if (position < _dropped)
        {
            return false;
        }

        into.AddRange(_log.Skip((int)(position - _dropped)).Take(1000));
        return true;
    }

    /// <summary>Forgets all but the last changes.</summary>
    public void Forget(int keep)
    {
        var drop = _log.Count - keep;
        if (drop > 0)
        {
            OldestVersion = _log[drop - 1].After.Version;
            _dropped += drop;
            _log.RemoveRange(0, drop);
        }
    }

    public void Add(Watch watch) => _watches.Add(watch);

    public void Remove(Watch watch) => _watches.Remove(watch);

    public void EndWatches()
    {
        foreach (var watch in _watches)
        {
            watch.End();
        }
    }

    private void Append(Change change)
    {
        _log.Add(change);
        if (_log.Count > 2 * history)
        {
            Forget(history);
        }

        foreach (var watch in _watches)
        {
            watch.Signal();
        }
    }
}

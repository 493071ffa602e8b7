using System.Buffers.Text;
using System.Collections.Immutable;
using System.Text.Json;

namespace KubeCop.Testing.Kubernetes;

/// <summary>A page of a list.</summary>
/// <param name="Continue">Where the next page begins; empty when this is the last.</param>
internal sealed record ListPage(IReadOnlyList<StoredObject> Items, long Version, string Continue, int? Remaining);

/// <summary>Gets and lists.</summary>
internal sealed class ResourceReader(ObjectStore store)
{
    private const int KeptSnapshots = 100;

    private readonly Dictionary<(string Kind, long Version), ImmutableSortedDictionary<string, StoredObject>> _snapshots = [];
    private readonly Queue<(string Kind, long Version)> _snapshotOrder = [];

    public StoredObject Get(ApiCall call, ResourceKind kind)
    {
        lock (store.Gate)
        {
            return store.Of(kind).Find(kind.IsNamespaced ? call.Namespace : "", call.Name) ?? throw ApiStatusException.NotFound(kind, call.Name);
        }
    }

    /// <summary>A list, or a page of it. All pages of a list show one version, for as long as the server keeps that.</summary>
    public ListPage List(ApiCall call, ResourceKind kind, Selectors selectors)
    {
        // A list that may be old is answered from the cache, which knows no limits.
        var limit = call.Text("resourceVersion") == "0" ? 0 : call.Number("limit") ?? 0;
        var token = call.Text("continue") is { Length: > 0 } text ? Token.Read(text) : null;
        var (objects, version) = SnapshotOf(call, kind, token, limit > 0);
        var prefix = kind.IsNamespaced && call.Namespace.Length > 0 ? StoredObject.KeyOf(call.Namespace, "") : "";
        var items = new List<StoredObject>();
        var rest = 0;
        foreach (var (key, stored) in objects)
        {
            if (!key.StartsWith(prefix, StringComparison.Ordinal) || string.CompareOrdinal(key, token?.After ?? "") <= 0 || !selectors.Matches(stored))
            {
                continue;
            }

            if (limit > 0 && items.Count == limit)
            {
                rest++;
            }
            else
            {
                items.Add(stored);
            }
        }

        // The server does not count what it would have to filter.
        return rest == 0
            ? new ListPage(items, version, "", null)
            : new ListPage(items, version, new Token(version, items[^1].Key).ToString(), selectors.IsEverything ? rest : null);
    }

    /// <summary>Forgets the versions that lists which have begun are of.</summary>
    public void ForgetSnapshots()
    {
        lock (store.Gate)
        {
            _snapshots.Clear();
            _snapshotOrder.Clear();
        }
    }

    private (ImmutableSortedDictionary<string, StoredObject> Objects, long Version) SnapshotOf(ApiCall call, ResourceKind kind, Token? token, bool keep)
    {
        lock (store.Gate)
        {
            if (token is not null)
            {
                return _snapshots.TryGetValue((kind.QualifiedName, token.Version), out var kept)
                    ? (kept, token.Version)
                    : throw ApiStatusException.Expired(
                        "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.");
            }

            if (call.Number("resourceVersion") > store.Version)
            {
                throw new ApiStatusException(
                    504, "Timeout", $"Too large resource version: {call.Text("resourceVersion")}, current: {store.Version}")
                { RetryAfterSeconds = 1 };
            }

            var objects = store.Of(kind).Objects;
            if (keep && _snapshots.TryAdd((kind.QualifiedName, store.Version), objects))
            {
                _snapshotOrder.Enqueue((kind.QualifiedName, store.Version));
                if (_snapshotOrder.Count > KeptSnapshots)
                {
                    _snapshots.Remove(_snapshotOrder.Dequeue());
                }
            }

            return (objects, store.Version);
        }
    }

    /// <param name="Version">Of the whole list.</param>
    /// <param name="After">The last key that was given.</param>
    private sealed record Token(long Version, string After)
    {
        public static Token Read(string text)
        {
            try
            {
                return JsonSerializer.Deserialize<Token>(Base64Url.DecodeFromChars(text)) ?? throw new FormatException();
            }
            catch (Exception exception) when (exception is FormatException or JsonException)
            {
                throw ApiStatusException.BadRequest("continue key is not valid: " + exception.Message);
            }
        }

        public override string ToString() => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(this));
    }
}

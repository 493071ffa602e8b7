namespace KubeCop.Core.Bindings;

/// <summary>Objects by what they are made of, for as long as somebody else uses them: equal ones are the same object. For one thread at a time.</summary>
internal sealed class InUse<TKey, TValue>
    where TKey : notnull
    where TValue : class
{
    private readonly Dictionary<TKey, WeakReference<TValue>> _values = [];
    private int _forgetAt = 64;

    /// <summary>Entries, of which some may be of no use any more.</summary>
    public int Count => _values.Count;

    public TValue GetOrAdd(TKey key, Func<TKey, TValue> create)
    {
        if (_values.TryGetValue(key, out var known) && known.TryGetTarget(out var value))
        {
            return value;
        }

        value = create(key);
        _values[key] = new WeakReference<TValue>(value);
        if (_values.Count > _forgetAt)
        {
            Forget();
            _forgetAt = Math.Max(64, _values.Count * 2);
        }

        return value;
    }

    private void Forget()
    {
        foreach (var (key, value) in _values)
        {
            if (!value.TryGetTarget(out _))
            {
                _values.Remove(key);
            }
        }
    }
}

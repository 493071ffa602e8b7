using System.Collections;
using System.Reflection;
using KubeCop.Host.Configuration;
using KubeCop.Sensor.Journal;

namespace KubeCop.Tests.Docs;

/// <summary>The keys of the configuration, by the types of the options that it is bound to.</summary>
internal sealed class KnownSettings
{
    private readonly HashSet<string> _values = new(StringComparer.OrdinalIgnoreCase);
    private readonly List<string> _collections = [];

    private KnownSettings()
    {
    }

    public static KnownSettings Read()
    {
        var known = new KnownSettings();
        foreach (var section in typeof(Settings).GetProperties().Where(static property => property.PropertyType is { IsInterface: false }))
        {
            known.Add($"KubeCop:{section.Name}", section.PropertyType);
        }

        known.Add(JournalOptions.Section, typeof(JournalOptions));
        return known;
    }

    /// <summary>Whether a value, a section, or an entry of a list has this key.</summary>
    public bool Has(string key) => _values.Contains(key) || _collections.Exists(collection => key.StartsWith($"{collection}:", StringComparison.OrdinalIgnoreCase));

    private void Add(string key, Type type)
    {
        _values.Add(key);
        if (typeof(IEnumerable).IsAssignableFrom(type) && type != typeof(string))
        {
            _collections.Add(key);
        }
        else if (type.Namespace?.StartsWith("KubeCop.", StringComparison.Ordinal) is true && !type.IsEnum)
        {
            // As the settings themselves look for them: what can be set, and lists that are filled.
            var properties = type.GetProperties(BindingFlags.Public | BindingFlags.Instance);
            foreach (var property in properties.Where(static property => property.CanWrite || property.PropertyType.IsGenericType))
            {
                Add($"{key}:{property.Name}", property.PropertyType);
            }
        }
    }
}

using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers.Learning;

/// <summary>Names, whoever asks and whatever the answer; the addresses of all answers are united.</summary>
internal sealed class LearnedDns(int maxEntries) : LearnedKind
{
    private readonly Dictionary<string, HashSet<string>> _addresses = new(StringComparer.Ordinal);

    public override EventKind EventKind => EventKind.Dns;

    public override LearnOutcome Learn(in SensorEvent sensorEvent, out BehaviourItem? item)
    {
        item = null;
        var isKnown = _addresses.TryGetValue(sensorEvent.Path, out var known);
        if (!isKnown && _addresses.Count >= maxEntries)
        {
            return LearnOutcome.Full;
        }

        List<string>? added = null;
        var answered = sensorEvent.Dns?.Addresses;
        for (var i = 0; i < answered?.Count && (known?.Count ?? 0) + (added?.Count ?? 0) < DnsItem.MaxAddresses; i++)
        {
            if (known?.Contains(answered[i]) is not true)
            {
                (added ??= []).Add(answered[i]);
            }
        }

        if (isKnown && added is null)
        {
            return LearnOutcome.Known;
        }

        if (known is null)
        {
            _addresses.Add(sensorEvent.Path, known = new HashSet<string>(StringComparer.Ordinal));
        }

        known.UnionWith(added ?? []);
        item = new DnsItem(sensorEvent.Path, new ArgumentList(added?.ToArray() ?? []));
        return LearnOutcome.New;
    }

    public override bool Covers(in SensorEvent sensorEvent) => _addresses.ContainsKey(sensorEvent.Path);

    public override void Forget(CompiledProfile profile)
    {
        foreach (var name in _addresses.Keys)
        {
            if (profile.ContainsDnsName(name))
            {
                _addresses.Remove(name);
            }
        }
    }
}

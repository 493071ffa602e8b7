using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers.Learning;

/// <summary>Files with the union of the flags they were opened with.</summary>
internal sealed class LearnedOpens(int maxEntries) : LearnedKind
{
    private readonly Dictionary<string, uint> _flags = new(StringComparer.Ordinal);

    public override EventKind EventKind => EventKind.Open;

    public override LearnOutcome Learn(in SensorEvent sensorEvent, out BehaviourItem? item)
    {
        item = null;
        var flags = OpenFlags.ToSet(sensorEvent.Value);
        ref var known = ref CollectionsMarshal.GetValueRefOrNullRef(_flags, sensorEvent.Path);
        if (Unsafe.IsNullRef(ref known))
        {
            if (_flags.Count >= maxEntries)
            {
                return LearnOutcome.Full;
            }

            _flags.Add(sensorEvent.Path, flags);
        }
        else if ((known & flags) == flags)
        {
            return LearnOutcome.Known;
        }
        else
        {
            known |= flags;
        }

        item = new OpenItem(sensorEvent.Path, flags);
        return LearnOutcome.New;
    }

    public override bool Covers(in SensorEvent sensorEvent)
    {
        var flags = OpenFlags.ToSet(sensorEvent.Value);
        return (_flags.GetValueOrDefault(sensorEvent.Path) & flags) == flags;
    }

    public override bool AwaitsRoom => _flags.Count >= maxEntries;

    // The workload makes patterns of so many; here they only keep repeats away.
    public override void HandedOver()
    {
        if (AwaitsRoom)
        {
            _flags.Clear();
        }
    }

    public override void Forget(CompiledProfile profile)
    {
        foreach (var (path, flags) in _flags)
        {
            if (profile.ContainsOpen(path, flags))
            {
                _flags.Remove(path);
            }
        }
    }
}

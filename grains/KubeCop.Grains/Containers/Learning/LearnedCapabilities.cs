using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers.Learning;

/// <summary>Capabilities by verdict: one that is granted may also be refused, but not the other way round.</summary>
internal sealed class LearnedCapabilities(int maxEntries) : LearnedSet<(string Name, string Syscall, bool IsRefused)>(maxEntries)
{
    public override EventKind EventKind => EventKind.Capability;

    protected override bool TryRead(in SensorEvent sensorEvent, out (string Name, string Syscall, bool IsRefused) behaviour)
    {
        var capability = sensorEvent.Capability;
        behaviour = capability is null ? default : (capability.Name, capability.Syscall, !capability.Granted);
        return capability is not null;
    }

    protected override BehaviourItem ToItem((string Name, string Syscall, bool IsRefused) behaviour) =>
        new CapabilityItem(behaviour.Name, behaviour.Syscall, behaviour.IsRefused);

    protected override bool IsIn(CompiledProfile profile, (string Name, string Syscall, bool IsRefused) behaviour) =>
        profile.ContainsCapability(behaviour.Name, behaviour.Syscall, behaviour.IsRefused);

    protected override bool Covers((string Name, string Syscall, bool IsRefused) behaviour) =>
        Contains(behaviour) || (behaviour.IsRefused && Contains((behaviour.Name, behaviour.Syscall, false)));
}

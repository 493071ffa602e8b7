using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers.Learning;

internal sealed class LearnedSyscalls(int maxEntries) : LearnedSet<string>(maxEntries)
{
    public override EventKind EventKind => EventKind.Syscall;

    protected override bool TryRead(in SensorEvent sensorEvent, out string behaviour)
    {
        behaviour = sensorEvent.Path;
        return behaviour.Length > 0;
    }

    protected override BehaviourItem ToItem(string behaviour) => new SyscallItem(behaviour);

    protected override bool IsIn(CompiledProfile profile, string behaviour) => profile.ContainsSyscall(behaviour);
}

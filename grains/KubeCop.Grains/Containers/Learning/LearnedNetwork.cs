using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Containers.Learning;

/// <summary>Connections by peer and port, incoming ones by port alone: who the clients are does not matter.</summary>
internal sealed class LearnedNetwork(int maxEntries) : LearnedSet<(bool IsOutgoing, string Protocol, ushort Port, string Address)>(maxEntries)
{
    public override EventKind EventKind => EventKind.Network;

    protected override bool TryRead(in SensorEvent sensorEvent, out (bool IsOutgoing, string Protocol, ushort Port, string Address) behaviour)
    {
        var network = sensorEvent.Network;
        var isOutgoing = network is { Action: NetworkAction.Connect };
        behaviour = network is null ? default : (isOutgoing, network.Protocol, network.Port, isOutgoing ? network.Address : "");
        return network is not null;
    }

    protected override BehaviourItem ToItem((bool IsOutgoing, string Protocol, ushort Port, string Address) behaviour) =>
        new NetworkItem(behaviour.IsOutgoing, behaviour.Protocol, behaviour.Port, behaviour.Address);

    protected override bool IsIn(CompiledProfile profile, (bool IsOutgoing, string Protocol, ushort Port, string Address) behaviour) =>
        profile.ContainsConnection(behaviour.IsOutgoing, behaviour.Protocol, behaviour.Port, behaviour.Address);
}

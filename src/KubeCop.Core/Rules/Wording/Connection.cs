using KubeCop.Core.Events;

namespace KubeCop.Core.Rules.Wording;

internal static class Connection
{
    /// <summary><c>ADDRESS:PORT</c>, with an IPv6 address in brackets.</summary>
    public static string EndpointOf(NetworkDetails network) =>
        network.Address.Contains(':') ? $"[{network.Address}]:{network.Port}" : $"{network.Address}:{network.Port}";
}

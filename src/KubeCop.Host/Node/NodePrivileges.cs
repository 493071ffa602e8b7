using System.Globalization;
using KubeCop.Host.Configuration;
using KubeCop.Sensor.Privileges;

namespace KubeCop.Host.Node;

/// <summary>What a node's settings need of the kernel's privileges.</summary>
internal static class NodePrivileges
{
    private const string FirstFreePort = "/proc/sys/net/ipv4/ip_unprivileged_port_start";

    public static PrivilegeNeeds Of(Settings settings) => new()
    {
        HostRoot = settings.Node.HostRoot,
        ForeignPath = ThreadCapabilities.FindForeign(UsedPaths(settings)) ?? "",
        HasReservedEndpoint = IsReserved(settings.Http.EndPoint.Port),
        HasReservedSiloPort = settings.Cluster.Membership != Membership.None && (IsReserved(settings.Cluster.SiloPort) || IsReserved(settings.Cluster.GatewayPort)),
    };

    /// <summary>What is read or written while the node runs, and that somebody else may have made.</summary>
    private static IEnumerable<(string Path, bool IsWritten)> UsedPaths(Settings settings) =>
    [
        (settings.Node.DataDirectory, true),
        (settings.Export.Csv.Path, true),
        (Path.GetDirectoryName(settings.Export.Csv.Path) ?? "", true),
        (settings.Bindings.Path, false),
        (settings.Http.CertificateFile, false),
        (settings.Http.KeyFile, false),
        (settings.Cluster.Tls.CertificateFile, false),
        (settings.Cluster.Tls.KeyFile, false),
        (settings.Cluster.Tls.CaFile, false),
        (settings.Kubernetes.Kubeconfig, false),
    ];

    // 0 is any free port.
    private static bool IsReserved(int port) =>
        port > 0
        && port < (File.Exists(FirstFreePort) && int.TryParse(File.ReadAllText(FirstFreePort), NumberStyles.Integer, CultureInfo.InvariantCulture, out var first) ? first : 1024);
}

namespace KubeCop.Sensor.Privileges;

/// <summary>What of a node's settings and kernel decides which capabilities it needs, and for how long.</summary>
public sealed record PrivilegeNeeds
{
    /// <summary>Whether containers' files are scanned for malware. Default: no.</summary>
    public bool IsScanning { get; init; }

    /// <summary>Prefix of the host's file system. Default: <c>/</c>.</summary>
    public string HostRoot { get; init; } = "/";

    /// <summary>A file or directory that the node uses and that this user may not use as such; empty for none. Default: none.</summary>
    public string ForeignPath { get; init; } = "";

    /// <summary>Whether a port is reserved (<c>net.ipv4.ip_unprivileged_port_start</c>) to which the endpoints are bound once. Default: no.</summary>
    public bool HasReservedEndpoint { get; init; }

    /// <summary>The same of the silo's ports, which are bound anew with each silo. Default: no.</summary>
    public bool HasReservedSiloPort { get; init; }

    /// <summary>Whether this kernel lets only those with CAP_BPF use maps that they have open. Known when the programs are loaded. Default: no.</summary>
    public bool MapsNeedCapability { get; init; }
}

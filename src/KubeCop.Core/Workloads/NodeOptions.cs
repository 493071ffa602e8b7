namespace KubeCop.Core.Workloads;

/// <summary>This machine. Section <c>KubeCop:Node</c>.</summary>
public sealed class NodeOptions
{
    public const string Section = "KubeCop:Node";

    /// <summary>Name of the node and of its silo. Default: <c>NODE_NAME</c>, else the host name.</summary>
    public string Name { get; set; } = Environment.GetEnvironmentVariable("NODE_NAME") is { Length: > 0 } name ? name : Environment.MachineName;

    /// <summary>
    /// Where everything that must survive a restart is kept: grain state, journal, inventory, alerts. Created when absent, mode 0700.
    /// Default: <c>/var/lib/kubecop</c>.
    /// </summary>
    public string DataDirectory { get; set; } = "/var/lib/kubecop";

    /// <summary>Prefix of the host's file system where it is mounted elsewhere (in a pod: <c>/host</c>). Default: <c>HOST_ROOT</c>, else <c>/</c>.</summary>
    public string HostRoot { get; set; } = Environment.GetEnvironmentVariable("HOST_ROOT") is { Length: > 0 } root ? root : "/";

    /// <summary>
    /// IP address at which containers reach the Kubernetes API server: R0007 compares connections with it, and fixes of alerts are commands for
    /// kubectl. Empty for none: R0007 knows clients by their programs only, and fixes are commands for kubecop.
    /// Default: <c>KUBERNETES_SERVICE_HOST</c>, which the kubelet sets in every pod; none outside of pods.
    /// </summary>
    public string ApiServer { get; set; } = Environment.GetEnvironmentVariable("KUBERNETES_SERVICE_HOST") ?? "";
}

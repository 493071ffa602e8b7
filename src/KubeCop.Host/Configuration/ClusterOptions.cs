using System.Net;
using KubeCop.Kubernetes.Membership;

namespace KubeCop.Host.Configuration;

/// <summary>How silos of one cluster find each other.</summary>
internal enum Membership
{
    /// <summary>They do not: this silo runs alone, and nobody joins it.</summary>
    None,

    /// <summary>Through a table in Redis.</summary>
    Redis,

    /// <summary>Through a ConfigMap on the Kubernetes API server: nothing else has to be installed.</summary>
    Kubernetes,
}

/// <summary>
/// The cluster this node's silo is a member of. Section <c>KubeCop:Cluster</c>. All but <see cref="Membership"/> matters only in a cluster.
/// A silo's name is its node's name; of two with one name the one that started later counts.
/// </summary>
internal sealed class ClusterOptions
{
    public const string Section = "KubeCop:Cluster";

    /// <summary>Default: none.</summary>
    public Membership Membership { get; set; }

    /// <summary>Of the membership table in Redis, as its client library takes it: <c>host:port,password=…</c>. Default: empty.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>Where the membership table on the API server is. Default: the pod's own namespace; empty outside of a pod.</summary>
    public string KubernetesNamespace { get; set; } = KubernetesMembershipOptions.OwnNamespace();

    /// <summary>
    /// IP address at which the other silos reach this one, and on which it listens. Default: <c>POD_IP</c>, else empty.
    /// </summary>
    public string AdvertisedAddress { get; set; } = Environment.GetEnvironmentVariable("POD_IP") ?? "";

    /// <summary>
    /// Where silos talk to each other. It has to be the same after a restart: by it the others know at once that the one before is gone.
    /// Default: 11111.
    /// </summary>
    public int SiloPort { get; set; } = 11111;

    /// <summary>Where programs that are no silos would connect to; 0 for nowhere. Default: 0.</summary>
    public int GatewayPort { get; set; }

    /// <summary>Silos with the same one form a cluster. Default: kubecop.</summary>
    public string ClusterId { get; set; } = "kubecop";

    /// <summary>
    /// How long a silo waits for another one's answer to a probe, 0.5 s to 1 minute. One that has missed three in a row, as two others say, is
    /// declared dead: a node that is lost without a word is noticed in about four times this. Default: 5 s.
    /// </summary>
    public TimeSpan ProbeTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// How often each silo reads the membership table, 1 s to 10 minutes. Changes are also told from silo to silo, so this matters to those
    /// that could not be reached then. Default: 1 minute.
    /// </summary>
    public TimeSpan RefreshPeriod { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>
    /// How long a silo tries to become a member, 1 s to 5 minutes. After three such tries at the start of the program, or one later, it runs alone, and
    /// looks for the cluster again from time to time; what the containers do is judged in any case. Default: 10 s.
    /// </summary>
    public TimeSpan JoinTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// The longest time after which a silo that runs alone looks for its cluster again, 1 s to 1 hour. It begins with 2 s and doubles that; each
    /// time is up to a quarter shorter or longer. Default: 1 minute.
    /// </summary>
    public TimeSpan RejoinPeriod { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>How silos prove to each other who they are.</summary>
    public ClusterTlsOptions Tls { get; set; } = new();

    /// <summary>Whether <see cref="AdvertisedAddress"/> names one machine.</summary>
    public bool HasAddress => IPAddress.TryParse(AdvertisedAddress, out var address) && !address.Equals(IPAddress.Any) && !address.Equals(IPAddress.IPv6Any);
}

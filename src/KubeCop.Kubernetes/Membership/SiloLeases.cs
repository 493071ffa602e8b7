using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;

namespace KubeCop.Kubernetes.Membership;

/// <summary>
/// When silos last said that they are alive: a Lease for each, which only that silo renews. Orleans takes a silo for stale after
/// <see cref="ClusterMembershipOptions.NumMissedTableIAmAliveLimit"/> publish periods, and then everybody probes it and nobody counts it among
/// those who vote. So a reading may be as old as is left of that time, and is taken from the API server's memory.
/// </summary>
internal sealed partial class SiloLeases(MembershipApi api, string clusterId, ClusterMembershipOptions options, TimeProvider time, ILogger logger)
{
    /// <summary>The label that tells a cluster's Leases from others.</summary>
    public const string ClusterLabel = "kubecop.io/cluster";

    /// <summary>An object's name is a DNS subdomain (RFC 1123) of at most this length.</summary>
    private const int LongestName = 253;

    private const int HashLength = 12;
    private const long Never = long.MinValue;

    private ImmutableDictionary<SiloAddress, DateTime> _lastSeen = ImmutableDictionary<SiloAddress, DateTime>.Empty;
    private long _listed = Never;
    private volatile bool _failing;

    /// <summary>How long a silo is believed to live after it said so.</summary>
    public TimeSpan Validity => options.IAmAliveTablePublishTimeout * options.NumMissedTableIAmAliveLimit;

    /// <summary>
    /// How old a reading may become: a time in it was up to one publish period old when it was read. A tenth is left for what is late.
    /// </summary>
    public TimeSpan LongestUnread => (Validity - options.IAmAliveTablePublishTimeout) * 0.9;

    /// <summary>Null when its Lease is not known.</summary>
    public DateTime? LastSeen(SiloAddress silo) => Volatile.Read(ref _lastSeen).TryGetValue(silo, out var at) ? at : null;

    /// <summary>
    /// What people know the silo by, which is its node's name, and a hash that no other silo of any cluster has.
    /// </summary>
    public string NameOf(SiloAddress silo, string name)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{clusterId}/{silo.ToParsableString()}")))[..HashLength];
        var readable = new StringBuilder();
        foreach (var c in name.ToLowerInvariant().Take(LongestName - HashLength - 1))
        {
            // A dot stands between two letters or digits only.
            var isDot = c == '.' && readable.Length > 0 && char.IsAsciiLetterOrDigit(readable[^1]);
            if (!char.IsAsciiLetterOrDigit(c) && readable.Length > 0 && readable[^1] == '.')
            {
                readable[^1] = '-';
            }

            readable.Append(char.IsAsciiLetterOrDigit(c) || isDot ? c : '-');
        }

        return $"{readable.ToString().Trim('-', '.')}-{hash}".TrimStart('-');
    }

    /// <summary>Says that a silo is alive. One small request; a silo's first time takes two.</summary>
    public async Task RenewAsync(SiloAddress silo, string name, DateTime at, CancellationToken cancellationToken)
    {
        var lease = NameOf(silo, name);
        var patch = new JsonObject { ["spec"] = new JsonObject { ["renewTime"] = at.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture) } };
        if (await api.PatchLeaseAsync(lease, patch.ToJsonString(), cancellationToken) is null)
        {
            await api.CreateLeaseAsync(
                new V1Lease
                {
                    Metadata = new V1ObjectMeta { Name = lease, Labels = new Dictionary<string, string> { [ClusterLabel] = clusterId } },
                    Spec = new V1LeaseSpec
                    {
                        HolderIdentity = silo.ToParsableString(),
                        LeaseDurationSeconds = (int)Math.Ceiling(Validity.TotalSeconds),

                        // The client library leaves out a fraction of zero, which the API server then misses.
                        RenewTime = at.AddTicks(at.Ticks % TimeSpan.TicksPerSecond == 0 ? 1 : 0),
                    },
                },
                cancellationToken);
        }

        ImmutableInterlocked.AddOrUpdate(ref _lastSeen, silo, at, (_, known) => known > at ? known : at);
    }

    /// <summary>
    /// Reads the Leases when the next refresh would be too late for that. Never fails: without them the rows' own times count.
    /// </summary>
    public async Task RefreshAsync(CancellationToken cancellationToken)
    {
        if (Volatile.Read(ref _listed) is not Never and var listed && time.GetElapsedTime(listed) + options.TableRefreshTimeout < LongestUnread)
        {
            return;
        }

        try
        {
            var leases = await ListAsync(fromCache: true, cancellationToken);
            Volatile.Write(ref _lastSeen, leases.Where(static lease => lease.Renewed is not null).ToImmutableDictionary(static lease => lease.Silo, static lease => lease.Renewed!.Value));
            Volatile.Write(ref _listed, time.GetTimestamp());
            _failing = false;
        }
        catch (MembershipException exception)
        {
            if (!_failing)
            {
                LogWarningNotListed(exception.Message);
            }

            _failing = true;
        }
    }

    /// <summary>Removes a silo's Lease. That it cannot be removed is no failure: a clean-up will.</summary>
    public async Task RemoveAsync(SiloAddress silo, string name, CancellationToken cancellationToken)
    {
        try
        {
            await api.DeleteLeaseAsync(NameOf(silo, name), cancellationToken);
        }
        catch (MembershipException exception)
        {
            LogWarningNotRemoved(silo, exception.Message);
        }
    }

    /// <summary>Those that were there before <paramref name="readSilos"/> was called and whose silo it does not name.</summary>
    /// <param name="readSilos">Who may keep a Lease. A Lease is never older than its silo's row, so this has to look later.</param>
    public async Task RemoveOthersAsync(Func<Task<IReadOnlySet<SiloAddress>>> readSilos, CancellationToken cancellationToken)
    {
        var leases = await ListAsync(fromCache: false, cancellationToken);
        var silos = await readSilos();
        foreach (var lease in leases.Where(lease => !silos.Contains(lease.Silo)))
        {
            await api.DeleteLeaseAsync(lease.Name, cancellationToken);
        }
    }

    private async Task<List<(string Name, SiloAddress Silo, DateTime? Renewed)>> ListAsync(bool fromCache, CancellationToken cancellationToken)
    {
        var leases = new List<(string, SiloAddress, DateTime?)>();
        foreach (var lease in await api.ListLeasesAsync($"{ClusterLabel}={clusterId}", fromCache, cancellationToken))
        {
            if (SiloAddress.TryParse(lease.Spec?.HolderIdentity ?? "", null, out var silo))
            {
                leases.Add((lease.Metadata.Name, silo, lease.Spec?.RenewTime));
            }
        }

        return leases;
    }

    [LoggerMessage(LogLevel.Warning, "The Leases of the cluster's silos cannot be read; until they can, silos may take each other for stale and probe more than they need. {Reason}")]
    private partial void LogWarningNotListed(string reason);

    [LoggerMessage(LogLevel.Warning, "The Lease of silo {Silo}, which is dead, stays for now. {Reason}")]
    private partial void LogWarningNotRemoved(SiloAddress silo, string reason);
}

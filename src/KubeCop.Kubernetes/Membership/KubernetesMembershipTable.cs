using k8s;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Orleans.Configuration;

namespace KubeCop.Kubernetes.Membership;

/// <summary>
/// Orleans' membership table in one ConfigMap: all rows and the table's version change together, by compare-and-swap on its resource version.
/// That silos are alive is in <see cref="SiloLeases"/>, which never touch it.
/// </summary>
/// <remarks>
/// What the API server pays: reading is one GET of the ConfigMap, never from its cache, since Orleans writes by what it has read; and every second
/// refresh a list of the Leases. A change of one silo's status is one small PATCH, and no write is tried again here.
/// </remarks>
internal sealed partial class KubernetesMembershipTable : IMembershipTable
{
    /// <summary>For a clean-up, which meets other writers.</summary>
    private const int CleanupAttempts = 5;

    private readonly MembershipApi _api;
    private readonly SiloLeases _leases;
    private readonly string _clusterId;
    private readonly ILogger _logger;
    private volatile MembershipSnapshot? _known;
    private volatile bool _mayCreate;

    public KubernetesMembershipTable(
        IKubernetes client,
        IOptions<KubernetesMembershipOptions> options,
        IOptions<ClusterOptions> cluster,
        IOptions<ClusterMembershipOptions> membership,
        TimeProvider time,
        ILogger<KubernetesMembershipTable> logger)
    {
        _clusterId = cluster.Value.ClusterId;
        if (KubernetesMembershipOptions.FindMistake(options.Value.Namespace, _clusterId) is { } mistake)
        {
            throw new OptionsValidationException(nameof(KubernetesMembershipOptions), typeof(KubernetesMembershipOptions), [mistake]);
        }

        _api = new MembershipApi(client, options.Value.Namespace);
        _leases = new SiloLeases(_api, _clusterId, membership.Value, time, logger);
        _logger = logger;
    }

    private string Name => KubernetesMembershipOptions.TableNameOf(_clusterId);

    public Task InitializeMembershipTable(bool tryInitTableVersion) => InitializeMembershipTableAsync(tryInitTableVersion, CancellationToken.None);

    public Task DeleteMembershipTableEntries(string clusterId) => DeleteMembershipTableEntriesAsync(clusterId, CancellationToken.None);

    public Task CleanupDefunctSiloEntries(DateTimeOffset beforeDate) => CleanupDefunctSiloEntriesAsync(beforeDate, CancellationToken.None);

    public Task<MembershipTableData> ReadRow(SiloAddress key) => ReadRowAsync(key, CancellationToken.None);

    public Task<MembershipTableData> ReadAll() => ReadAllAsync(CancellationToken.None);

    public Task<bool> InsertRow(MembershipEntry entry, TableVersion tableVersion) => InsertRowAsync(entry, tableVersion, CancellationToken.None);

    public Task<bool> UpdateRow(MembershipEntry entry, string etag, TableVersion tableVersion) => UpdateRowAsync(entry, etag, tableVersion, CancellationToken.None);

    public Task UpdateIAmAlive(MembershipEntry entry) => UpdateIAmAliveAsync(entry, CancellationToken.None);

    /// <summary>
    /// What will not pass by itself fails the start; an outage does not, because Orleans tries the reading that follows for minutes.
    /// </summary>
    public async Task InitializeMembershipTableAsync(bool tryInitTableVersion, CancellationToken cancellationToken)
    {
        _mayCreate = tryInitTableVersion;
        if (!tryInitTableVersion)
        {
            return;
        }

        try
        {
            await ReadAsync(cancellationToken);
        }
        catch (MembershipException exception) when (exception.MayPass)
        {
            LogWarningNotYet(exception.Message);
        }
    }

    public async Task<MembershipTableData> ReadAllAsync(CancellationToken cancellationToken)
    {
        var leases = _leases.RefreshAsync(cancellationToken);
        var table = await ReadAsync(cancellationToken);
        await leases;
        return new MembershipTableData([.. table.Rows.Select(row => Describe(table, row.Key, row.Value))], VersionOf(table));
    }

    public async Task<MembershipTableData> ReadRowAsync(SiloAddress key, CancellationToken cancellationToken)
    {
        var leases = _leases.RefreshAsync(cancellationToken);
        var table = await ReadAsync(cancellationToken);
        await leases;
        return table.Rows.TryGetValue(key, out var row) ? new MembershipTableData(Describe(table, key, row), VersionOf(table)) : new MembershipTableData(VersionOf(table));
    }

    public async Task<bool> InsertRowAsync(MembershipEntry entry, TableVersion tableVersion, CancellationToken cancellationToken) =>
        await ReadAtAsync(tableVersion.VersionEtag, cancellationToken) is { } table
        && !table.Rows.ContainsKey(entry.SiloAddress)
        && await WriteAsync(table, tableVersion.Version, [new(entry.SiloAddress, MembershipRow.Of(entry))], cancellationToken);

    public async Task<bool> UpdateRowAsync(MembershipEntry entry, string etag, TableVersion tableVersion, CancellationToken cancellationToken)
    {
        if (etag != tableVersion.VersionEtag
            || await ReadAtAsync(tableVersion.VersionEtag, cancellationToken) is not { } table
            || !table.Rows.TryGetValue(entry.SiloAddress, out var known)
            || !await WriteAsync(table, tableVersion.Version, [new(entry.SiloAddress, MembershipRow.Of(entry, known))], cancellationToken))
        {
            return false;
        }

        if (entry.Status == SiloStatus.Dead)
        {
            await _leases.RemoveAsync(entry.SiloAddress, known.Name, cancellationToken);
        }

        return true;
    }

    /// <summary>A silo without a row, or with one that says it is dead, gets no Lease: nobody would remove it.</summary>
    public async Task UpdateIAmAliveAsync(MembershipEntry entry, CancellationToken cancellationToken)
    {
        if (_known?.Rows.GetValueOrDefault(entry.SiloAddress) is not { } row)
        {
            row = (await ReadAsync(cancellationToken)).Rows.GetValueOrDefault(entry.SiloAddress);
        }

        if (row is { Status: not SiloStatus.Dead })
        {
            await _leases.RenewAsync(entry.SiloAddress, row.Name, DateTime.SpecifyKind(entry.IAmAliveTime, DateTimeKind.Utc), cancellationToken);
        }
    }

    public async Task CleanupDefunctSiloEntriesAsync(DateTimeOffset beforeDate, CancellationToken cancellationToken)
    {
        await _leases.RefreshAsync(cancellationToken);
        for (var attempt = 1; !await TryCleanupAsync(beforeDate.UtcDateTime, cancellationToken); attempt++)
        {
            if (attempt == CleanupAttempts)
            {
                throw new MembershipException($"ConfigMap '{Name}' in namespace '{_api.Namespace}' changes faster than dead silos can be removed from it; they stay until the next time.")
                {
                    MayPass = true,
                };
            }
        }

        await _leases.RemoveOthersAsync(
            async () => (await ReadAsync(cancellationToken)).Rows.Where(static row => row.Value.Status != SiloStatus.Dead).Select(static row => row.Key).ToHashSet(),
            cancellationToken);
    }

    /// <summary>The ConfigMap itself stays, empty: nothing else needs the right to delete one.</summary>
    public async Task DeleteMembershipTableEntriesAsync(string clusterId, CancellationToken cancellationToken)
    {
        if (clusterId != _clusterId)
        {
            throw new ArgumentException($"This is the table of cluster '{_clusterId}', not of '{clusterId}'.", nameof(clusterId));
        }

        while (await _api.ReadTableAsync(Name, cancellationToken) is { } found)
        {
            var table = MembershipSnapshot.Read(found);
            if (await WriteAsync(table, 0, table.Rows.Keys.Select(static silo => KeyValuePair.Create(silo, (MembershipRow?)null)), cancellationToken))
            {
                break;
            }
        }

        await _leases.RemoveOthersAsync(static () => Task.FromResult<IReadOnlySet<SiloAddress>>(new HashSet<SiloAddress>()), cancellationToken);
    }

    private static TableVersion VersionOf(MembershipSnapshot table) => new(table.Version, table.ResourceVersion);

    private Tuple<MembershipEntry, string> Describe(MembershipSnapshot table, SiloAddress silo, MembershipRow row) =>
        Tuple.Create(row.ToEntry(_leases.LastSeen(silo)), table.ResourceVersion);

    /// <returns>False when somebody else wrote meanwhile.</returns>
    private async Task<bool> TryCleanupAsync(DateTime before, CancellationToken cancellationToken)
    {
        var table = await ReadAsync(cancellationToken);
        var defunct = table.Rows.Where(row => row.Value.Status == SiloStatus.Dead && LastUpdate(row.Key, row.Value) < before).Select(static row => row.Key).ToList();
        return defunct.Count == 0 || await WriteAsync(table, table.Version, defunct.Select(static silo => KeyValuePair.Create(silo, (MembershipRow?)null)), cancellationToken);
    }

    /// <summary>Also when somebody last voted against it: those just declared dead stay to be seen.</summary>
    private DateTime LastUpdate(SiloAddress silo, MembershipRow row) =>
        new[] { row.Start, row.IAmAlive, _leases.LastSeen(silo) ?? DateTime.MinValue }.Concat(row.Suspects?.Select(static suspicion => suspicion.At) ?? []).Max();

    /// <summary>The table at one resource version, from what was read before if it is that.</summary>
    /// <returns>Null when it has changed.</returns>
    private async Task<MembershipSnapshot?> ReadAtAsync(string resourceVersion, CancellationToken cancellationToken)
    {
        var table = _known is { } known && known.ResourceVersion == resourceVersion ? known : await ReadAsync(cancellationToken);
        return table.ResourceVersion == resourceVersion ? table : null;
    }

    private async Task<MembershipSnapshot> ReadAsync(CancellationToken cancellationToken)
    {
        var table = await _api.ReadTableAsync(Name, cancellationToken);
        if (table is null && _mayCreate && _known is null)
        {
            table = await _api.CreateTableAsync(Name, MembershipSnapshot.Empty, cancellationToken) ?? await _api.ReadTableAsync(Name, cancellationToken);
        }

        return _known = table is not null
            ? MembershipSnapshot.Read(table)
            : throw new MembershipException(
                $"ConfigMap '{Name}', the membership table, is not in namespace '{_api.Namespace}'. A silo makes it when it starts; if it was deleted, start all silos of the cluster again together.");
    }

    /// <returns>False when the table has changed since it was read.</returns>
    private async Task<bool> WriteAsync(MembershipSnapshot table, int version, IEnumerable<KeyValuePair<SiloAddress, MembershipRow?>> rows, CancellationToken cancellationToken)
    {
        if (await _api.PatchTableAsync(Name, table.Patch(version, rows), cancellationToken) is not { } written)
        {
            return false;
        }

        _known = MembershipSnapshot.Read(written);
        return true;
    }

    [LoggerMessage(LogLevel.Warning, "The membership table cannot be reached yet; the silo waits for it before it joins. {Reason}")]
    private partial void LogWarningNotYet(string reason);
}

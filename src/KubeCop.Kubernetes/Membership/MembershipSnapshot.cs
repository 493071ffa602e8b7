using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using k8s.Models;

namespace KubeCop.Kubernetes.Membership;

/// <summary>
/// The whole table as the ConfigMap had it at one <see cref="ResourceVersion"/>: <c>format</c>, <c>version</c>, and a silo's row as JSON under a key
/// made of its address. So one write with the resource version that was read changes a row and the version together, or nothing.
/// </summary>
/// <param name="ResourceVersion">The ETag of the table and of all its rows.</param>
/// <param name="Version">The table's version. 0 for a ConfigMap that holds nothing, as an installer may have made it.</param>
internal sealed record MembershipSnapshot(string ResourceVersion, int Version, IReadOnlyDictionary<SiloAddress, MembershipRow> Rows)
{
    /// <summary>Of this layout. One that differs is refused, not guessed at: two readings of one table would be two clusters.</summary>
    public const string Format = "1";

    private const string FormatKey = "format";
    private const string VersionKey = "version";

    /// <summary>What an empty table holds.</summary>
    public static Dictionary<string, string> Empty => new() { [FormatKey] = Format, [VersionKey] = "0" };

    /// <exception cref="MembershipException">It is no table that this version can read.</exception>
    public static MembershipSnapshot Read(V1ConfigMap table)
    {
        var data = table.Data ?? new Dictionary<string, string>();
        if (data.TryGetValue(FormatKey, out var format) && format != Format)
        {
            throw Unreadable(table, FormatKey, $"it is '{format}', and this version of kubecop knows {Format}", "Run the version of kubecop that wrote it on all nodes.");
        }

        var version = 0;
        if (data.TryGetValue(VersionKey, out var text) && !int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out version))
        {
            throw Unreadable(table, VersionKey, $"'{text}' is no number", Mend);
        }

        var rows = new Dictionary<SiloAddress, MembershipRow>(data.Count);
        foreach (var (key, json) in data.Where(static item => item.Key is not (FormatKey or VersionKey)))
        {
            try
            {
                var row = MembershipRow.Parse(json);
                rows[SiloAddress.FromParsableString(row.Address)] = row;
            }
            catch (Exception exception) when (exception is JsonException or FormatException)
            {
                throw Unreadable(table, key, exception.Message, Mend);
            }
        }

        return new MembershipSnapshot(table.Metadata.ResourceVersion, version, rows);
    }

    /// <summary>A merge patch (RFC 7386) that applies to this state of the table only: the API server refuses it with 409 once there is another.</summary>
    /// <param name="version">The table's new one.</param>
    /// <param name="rows">New rows; null for those to remove.</param>
    public string Patch(int version, IEnumerable<KeyValuePair<SiloAddress, MembershipRow?>> rows)
    {
        var data = new JsonObject { [FormatKey] = Format, [VersionKey] = version.ToString(CultureInfo.InvariantCulture) };
        foreach (var (address, row) in rows)
        {
            data[KeyOf(address)] = row?.ToJson();
        }

        return new JsonObject { ["metadata"] = new JsonObject { ["resourceVersion"] = ResourceVersion }, ["data"] = data }.ToJsonString();
    }

    private const string Mend = "Mend it or delete the ConfigMap, and start all silos of the cluster together.";

    /// <summary>An address in letters that a ConfigMap's key may have: [-._a-zA-Z0-9].</summary>
    private static string KeyOf(SiloAddress address) => string.Concat(address.ToParsableString().Select(static c => char.IsAsciiLetterOrDigit(c) || c == '.' ? c : '-'));

    private static MembershipException Unreadable(V1ConfigMap table, string key, string reason, string remedy) =>
        new($"The membership table cannot be read: '{key}' of ConfigMap {table.Metadata.NamespaceProperty}/{table.Metadata.Name}: {reason.TrimEnd('.')}. {remedy}");
}

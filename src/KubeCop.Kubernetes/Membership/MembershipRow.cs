using System.Text.Json;
using System.Text.Json.Serialization;

namespace KubeCop.Kubernetes.Membership;

/// <summary>A silo in the table, as JSON. Times are UTC. Fields that this version does not know stay with the row.</summary>
internal sealed record MembershipRow
{
    /// <summary>IP address, port and generation, as <c>10.0.0.1:11111@123</c>. A silo that starts again has another generation.</summary>
    public required string Address { get; init; }

    /// <summary>The silo's name, which is its node's.</summary>
    public required string Name { get; init; }

    /// <summary>The pod's host name.</summary>
    public required string Host { get; init; }

    /// <summary>Orleans' word: Joining, Active, ShuttingDown, Stopping, Dead.</summary>
    public required SiloStatus Status { get; init; }

    public required DateTime Start { get; init; }

    /// <summary>When its status was written last; a later time may be in its Lease.</summary>
    public required DateTime IAmAlive { get; init; }

    /// <summary>Where clients connect; 0 for nowhere.</summary>
    public int ProxyPort { get; init; }

    public string? Role { get; init; }

    public int FaultZone { get; init; }

    public int UpdateZone { get; init; }

    /// <summary>The silos that got no answer from it; null when none did.</summary>
    public IReadOnlyList<Suspicion>? Suspects { get; init; }

    [JsonExtensionData]
    public Dictionary<string, JsonElement>? Others { get; set; }

    /// <param name="known">The row as it was; null for a new one.</param>
    public static MembershipRow Of(MembershipEntry entry, MembershipRow? known = null) => new()
    {
        Address = entry.SiloAddress.ToParsableString(),
        Name = entry.SiloName ?? "",
        Host = entry.HostName ?? "",
        Status = entry.Status,
        Start = Utc(entry.StartTime),
        IAmAlive = Utc(entry.IAmAliveTime),
        ProxyPort = entry.ProxyPort,
        Role = entry.RoleName,
        FaultZone = entry.FaultZone,
        UpdateZone = entry.UpdateZone,
        Suspects = entry.SuspectTimes is { Count: > 0 } votes ? [.. votes.Select(static vote => new Suspicion(vote.Item1.ToParsableString(), Utc(vote.Item2)))] : null,
        Others = known?.Others,
    };

    /// <exception cref="FormatException">An address is none.</exception>
    /// <exception cref="JsonException">It is no row.</exception>
    public static MembershipRow Parse(string json)
    {
        var row = JsonSerializer.Deserialize(json, MembershipJson.Default.MembershipRow) ?? throw new JsonException("It is null.");
        return SiloAddress.TryParse(row.Address, null, out _) ? row : throw new FormatException($"'{row.Address}' is no silo's address.");
    }

    public string ToJson() => JsonSerializer.Serialize(this, MembershipJson.Default.MembershipRow);

    /// <param name="lastSeen">When its Lease was renewed; null when there is none.</param>
    public MembershipEntry ToEntry(DateTime? lastSeen) => new()
    {
        SiloAddress = SiloAddress.FromParsableString(Address),
        SiloName = Name,
        HostName = Host,
        Status = Status,
        StartTime = Start,
        IAmAliveTime = lastSeen > IAmAlive ? lastSeen.Value : IAmAlive,
        ProxyPort = ProxyPort,
        RoleName = Role,
        FaultZone = FaultZone,
        UpdateZone = UpdateZone,
        SuspectTimes = Suspects?.Select(static suspicion => Tuple.Create(SiloAddress.FromParsableString(suspicion.Silo), suspicion.At)).ToList(),
    };

    private static DateTime Utc(DateTime time) => time.Kind == DateTimeKind.Local ? time.ToUniversalTime() : DateTime.SpecifyKind(time, DateTimeKind.Utc);
}

/// <param name="Silo">Who suspects.</param>
internal sealed record Suspicion(string Silo, DateTime At);

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UseStringEnumConverter = true)]
[JsonSerializable(typeof(MembershipRow))]
internal sealed partial class MembershipJson : JsonSerializerContext;

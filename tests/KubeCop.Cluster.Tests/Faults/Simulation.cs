using System.Text.Json;

namespace KubeCop.Cluster.Tests.Faults;

/// <summary>What the process of one node is to do, from its start to its end.</summary>
internal sealed record Simulation
{
    public required string Node { get; init; }

    /// <summary>All nodes; replicas are spread over them.</summary>
    public required IReadOnlyList<string> Nodes { get; init; }

    public required int Workloads { get; init; }

    /// <summary>Of each workload.</summary>
    public required int Replicas { get; init; }

    /// <summary>Deeds of one container in a second, in the mean.</summary>
    public required double DeedsPerSecond { get; init; }

    /// <summary>How many of them nobody else does.</summary>
    public required double UniqueShare { get; init; }

    /// <summary>How long a container lives before another one replaces it, in the mean.</summary>
    public required TimeSpan Lifetime { get; init; }

    public required ulong Seed { get; init; }

    /// <summary>What this node's containers did, over all its processes.</summary>
    public required string EmissionLog { get; init; }

    /// <summary>Of the Azurite that holds the profiles; empty when they are in files of the node.</summary>
    public required string StorageConnection { get; init; }

    /// <summary>Settings of KubeCop by their keys.</summary>
    public required IReadOnlyDictionary<string, string> Settings { get; init; }

    public static Simulation Read(string file) => JsonSerializer.Deserialize<Simulation>(File.ReadAllText(file))!;

    public void Write(string file) => File.WriteAllText(file, JsonSerializer.Serialize(this));
}

/// <summary>How a node does, as its process answers.</summary>
/// <param name="Containers">That run there now.</param>
/// <param name="Unstored">Deltas that are not acknowledged, of all containers.</param>
/// <param name="Learning">Containers whose profile is not complete.</param>
/// <param name="Outdated">Containers that go by another version than their workload has.</param>
/// <param name="Unanswered">Containers whose grain knows nothing of them.</param>
/// <param name="Overflows">Whatever did not fit into a queue, by its name; empty when all did.</param>
/// <param name="Silo">Where its silo stands: member, alone or changing.</param>
/// <param name="Example">One container that is not as it is to be; null when there is none.</param>
internal sealed record NodeReport(
    int Containers, int Unstored, int Learning, int Outdated, int Unanswered, IReadOnlyDictionary<string, long> Overflows, string Silo, string? Example)
{
    public bool IsSettled => Silo == "Member" && Containers > 0 && Unstored + Learning + Outdated + Unanswered == 0;
}

/// <summary>A workload's profile as a node sees it.</summary>
/// <param name="State">As in <c>kubecop profiles</c>.</param>
/// <param name="Entries">As <see cref="Behaviours"/> names them.</param>
internal sealed record ReportedProfile(int Workload, string State, DateTimeOffset CompletesAt, long Version, IReadOnlyList<string> Entries);

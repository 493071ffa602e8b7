using KubeCop.Core.Profiles;
using KubeCop.Grains.Abstractions.Containers;
using KubeCop.Grains.Containers;
using KubeCop.Sensor;

namespace KubeCop.Host.Node;

/// <summary>How many containers there are by what their profiles are.</summary>
/// <param name="Unassigned">Those whose workload has not said; they count as learning.</param>
/// <param name="Overdue">Those that still learn although their time has passed.</param>
internal sealed record ProfileCounts(IReadOnlyDictionary<ProfileState, int> ByState, int Unassigned, int Overdue);

/// <summary>The containers of this node, as those that watch them tell.</summary>
internal sealed class NodeContainers(ISensor sensor, WatchedContainers containers, TimeProvider time)
{
    /// <summary>Containers that end meanwhile are left out.</summary>
    public async Task<IReadOnlyList<ContainerStatus>> ListAsync()
    {
        var statuses = await Task.WhenAll(sensor.ContainerIds.Select(containers.GetStatusAsync));
        return [.. statuses.OfType<ContainerStatus>()];
    }

    /// <summary>Waits for none of them, as busy as they may be.</summary>
    public ProfileCounts CountProfiles()
    {
        var assignments = sensor.ContainerIds.Select(containers.AssignmentOf).ToList();
        var now = time.GetUtcNow();
        return new ProfileCounts(
            assignments.CountBy(static assignment => assignment?.State ?? ProfileState.Learning).ToDictionary(),
            assignments.Count(static assignment => assignment is null),
            assignments.Count(assignment => assignment is { State: ProfileState.Learning } && assignment.CompletesAt < now));
    }

    /// <summary>Has them take the rules now in force.</summary>
    public Task RebindAsync() => containers.RebindAsync();
}

using KubeCop.Core.Workloads;

namespace KubeCop.Core.Profiles;

/// <summary>Where people see profiles and change them: <c>ApplicationProfile</c> objects of an API server. It never is the truth.</summary>
public interface IProfileMirror
{
    /// <summary>Whether this workload's profile can be seen there at all.</summary>
    bool Shows(WorkloadKey workload);

    /// <summary>What is there now.</summary>
    /// <returns>Null when there is nothing.</returns>
    Task<MirroredProfile?> ReadAsync(WorkloadKey workload, CancellationToken cancellationToken);

    /// <summary>Puts a profile there.</summary>
    /// <param name="basedOn">The version it is to replace; empty when there is to be none.</param>
    /// <returns>Its version.</returns>
    /// <exception cref="MirrorChangedException">There is another version: somebody has changed it.</exception>
    Task<string> WriteAsync(ShownProfile profile, string basedOn, CancellationToken cancellationToken);

    /// <summary>Takes a profile away from there. When there is none, that is well.</summary>
    /// <param name="version">The one that is to be there.</param>
    /// <exception cref="MirrorChangedException">There is another version: somebody has changed it.</exception>
    Task DeleteAsync(WorkloadKey workload, string version, CancellationToken cancellationToken);
}

/// <summary>Without an API server nobody sees profiles but through the node's own interfaces.</summary>
public sealed class NoProfileMirror : IProfileMirror
{
    public bool Shows(WorkloadKey workload) => false;

    public Task<MirroredProfile?> ReadAsync(WorkloadKey workload, CancellationToken cancellationToken) => Task.FromResult<MirroredProfile?>(null);

    public Task<string> WriteAsync(ShownProfile profile, string basedOn, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task DeleteAsync(WorkloadKey workload, string version, CancellationToken cancellationToken) => throw new NotSupportedException();
}

/// <summary>The profile there is another one than the one to be replaced.</summary>
public sealed class MirrorChangedException(string message) : Exception(message);

/// <summary>A profile as people find it.</summary>
/// <param name="Version">Another text whenever something of it has changed.</param>
/// <param name="IsOwn">It says what KubeCop wrote, and no more or less.</param>
/// <param name="IsFinal">It is marked as final.</param>
/// <param name="Containers">As those that somebody gives: see <see cref="ProfileSlot.GivenRevision"/>.</param>
/// <param name="Revisions">What it says of revisions; only KubeCop writes that.</param>
/// <param name="OwnerUid">Of the workload's object with which it is deleted; null when that does not delete it.</param>
public sealed record MirroredProfile(
    string Version, bool IsOwn, bool IsFinal, IReadOnlyList<ContainerProfile> Containers, IReadOnlyList<ShownRevision> Revisions, string? OwnerUid = null);

/// <summary>A profile as people are to see it.</summary>
/// <param name="Profile">Of each container what guards it, or, while nothing does, what is learned.</param>
/// <param name="Revisions">All that are known.</param>
/// <param name="Object">What of the API server the workload is; null when that is not known.</param>
public sealed record ShownProfile(ApplicationProfile Profile, IReadOnlyList<ShownRevision> Revisions, WorkloadObject? Object);

/// <summary>One revision of a container.</summary>
public sealed record ShownRevision(string Container, string Revision, ProfileState State, DateTimeOffset CompletesAt);

using KubeCop.Core.Workloads;
using KubeCop.Sensor.Containers.Runtimes;
using KubeCop.Storage;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace KubeCop.Sensor.Containers;

/// <summary>What a cgroup is.</summary>
internal enum Verdict
{
    /// <summary>Certainly no container's.</summary>
    NotAContainer,

    /// <summary>A container's own cgroup or one below it.</summary>
    Container,

    /// <summary>May turn out to be a container's once its runtime has written it down: ask again at its next exec.</summary>
    Unknown,
}

/// <param name="Container">Set when <see cref="Verdict"/> is Container.</param>
internal readonly record struct Classification(Verdict Verdict, CgroupContainer? Container);

/// <summary>
/// Tells which container a cgroup belongs to and describes it from the runtime's files; asks the runtime for what they lack. Reads files and
/// may wait for a daemon, shortly: not for the ring's thread.
/// </summary>
internal sealed class ContainerResolver(
    CgroupTree tree, RuntimeState state, ContainerMetadata metadata, RuntimeSockets runtimes, ContainerInventory inventory, IOptions<NodeOptions> node)
{
    // A command line can have megabytes; the revision is made of all of it, lists show its beginning.
    private const int MaxCommandParts = 256;
    private const int MaxCommandLength = 16_384;

    public Classification Classify(string cgroupPath)
    {
        state.Refresh();
        if (Find(cgroupPath) is not { } container)
        {
            return new Classification(CgroupPath.IsNeverContainer(cgroupPath) ? Verdict.NotAContainer : Verdict.Unknown, null);
        }

        return Read(container).IsSandbox ? new Classification(Verdict.NotAContainer, null) : new Classification(Verdict.Container, container);
    }

    /// <summary>
    /// Describes the container a cgroup belongs to. One that already ran (<paramref name="origin"/> Attached) and is known from before our
    /// restart is continued: its origin, time and gap are the inventory's.
    /// </summary>
    /// <param name="cgroupId">Id of the cgroup at <paramref name="cgroupPath"/>.</param>
    /// <param name="cgroupPath">Path in the v2 hierarchy; may be below the container's own cgroup.</param>
    /// <param name="maker">Of a cgroup that was made while we watched, its maker.</param>
    /// <returns>Null when it is no container, or not yet.</returns>
    public ContainerDescription? Resolve(ulong cgroupId, string cgroupPath, ContainerOrigin origin, DateTimeOffset seenAt, CgroupMaker? maker = null)
    {
        state.Refresh();
        var container = Find(cgroupPath);
        RuntimeEntry? entry = null;
        if (container is null && maker is not null && (entry = state.OfNewCgroup(cgroupPath, maker)) is not null)
        {
            container = new CgroupContainer(entry.Id, entry.Runtime, null, cgroupPath);
            inventory.Keep(entry, cgroupId);
        }

        if (container is null || Complete(container, Read(container, entry)) is not { IsSandbox: false } facts)
        {
            return null;
        }

        var id = container.Id;
        var name = facts.Name.Length > 0 ? facts.Name : id;
        var rootId = container.RootPath == cgroupPath ? cgroupId : tree.IdOf(container.RootPath) ?? cgroupId;
        var known = origin == ContainerOrigin.Attached ? inventory.Find(id, rootId) : null;
        return new ContainerDescription
        {
            Id = id,
            Name = name,
            Runtime = facts.Runtime,
            Node = node.Value.Name,
            Workload = facts.Pod is { } pod
                ? new WorkloadKey(pod.Namespace, "Pod", pod.Name)
                : new WorkloadKey(facts.Namespace, "Container", facts.Workload.Length > 0 ? facts.Workload : name),
            Image = facts.Image,
            ImageDigest = facts.ImageDigest,
            Pod = facts.Pod,
            Command = Beginning(facts.Command),
            Mounts = [.. facts.Mounts.Select(mount => mount.Path)],
            Volumes = facts.Mounts,
            Attempt = facts.Attempt,
            Type = facts.Type,
            Origin = known?.Origin ?? origin,
            SeenAt = known?.SeenAt ?? seenAt,
            Gap = known?.Gap,
            CgroupId = rootId,
            CgroupPath = container.RootPath,
            Revision = known?.Revision ?? Revision.Of(name, facts.ImageDigest, facts.Image, facts.Command),
        };
    }

    /// <summary>
    /// Resolves containers made up for this, in files of their own: whatever has to be compiled for it is so before the first real container
    /// comes, which may live for an instant only.
    /// </summary>
    /// <exception cref="IOException">The data directory cannot be written. Nothing but time is lost.</exception>
    public void Rehearse()
    {
        const string Bundle = "run/containerd/io.containerd.runtime.v2.task/rehearsal/bundle";
        var scratch = Path.Combine(node.Value.DataDirectory, "rehearsal");
        try
        {
            Write($"{Bundle}/config.json", """
                {
                  "ociVersion": "1.2.0", "process": {"args": ["/bin/app"]}, "annotations": {"io.kubernetes.cri.container-name": "app"},
                  "mounts": [{"destination": "/data", "type": "bind", "source": "/", "options": ["rbind"]}], "linux": {"cgroupsPath": "/rehearsal/bundle"}
                }
                """);
            Write("run/runc/state/state.json", $$"""
                {"cgroup_paths": {"": "{{tree.HostMountPoint}}/rehearsal/state"}, "config": {"labels": ["bundle=/{{Bundle}}"]} }
                """);
            Write("run/crun/status/status", $$"""{"cgroup-path": "/rehearsal/status", "bundle": "/{{Bundle}}"}""");

            var itsState = new RuntimeState(scratch, tree.HostMountPoint, TimeProvider.System);
            var itsMetadata = new ContainerMetadata(scratch, NullLogger<ContainerMetadata>.Instance);
            var rehearsal = new ContainerResolver(tree, itsState, itsMetadata, runtimes, inventory, node);
            foreach (var path in (string[])["/rehearsal", "/rehearsal/bundle", "/rehearsal/state", "/rehearsal/status"])
            {
                rehearsal.Classify(path);
                rehearsal.Resolve(0, path, ContainerOrigin.Started, default, new CgroupMaker("runc", $"/{Bundle}"));
            }
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }

        void Write(string path, string text)
        {
            var file = Path.Combine(scratch, path);
            Directory.CreateDirectory(Path.GetDirectoryName(file)!, Posix.PrivateDirectory);
            File.WriteAllText(file, text);
        }
    }

    private ContainerFacts Complete(CgroupContainer container, ContainerFacts facts)
    {
        var isIncomplete = facts.Name.Length == 0 || facts.Image.Length == 0 || facts.ImageDigest.Length == 0;
        RuntimeApi? api = facts switch
        {
            { IsSandbox: true } => null,

            // Of pods containerd writes down neither the digest nor the labels.
            _ when container.PodUid is not null || facts.Pod is not null => isIncomplete || facts.Pod is not { Labels.Count: > 0 } ? RuntimeApi.Cri : null,
            { Runtime: "docker" or "podman" } when isIncomplete => RuntimeApi.Docker,
            _ => null,
        };
        return api is { } who && runtimes.Describe(container.Id, who) is { } answer ? ContainerMetadata.Complete(facts, answer) : facts;
    }

    private static IReadOnlyList<string> Beginning(IReadOnlyList<string> command)
    {
        var left = MaxCommandLength;
        return [.. command.Take(MaxCommandParts).TakeWhile(_ => left > 0).Select(Shorten)];

        string Shorten(string part)
        {
            var kept = part.Length <= left ? part : part[..left];
            left -= Math.Max(kept.Length, 1);
            return kept;
        }
    }

    private CgroupContainer? Find(string cgroupPath) =>
        CgroupPath.Parse(
            cgroupPath,
            tree.OwnPath,
            path => EntryOf(path) is { } entry ? new CgroupContainer(entry.Id, entry.Runtime, null, path) : null);

    private ContainerFacts Read(CgroupContainer container, RuntimeEntry? entry = null) =>
        metadata.Read(container, entry ?? EntryOf(container.RootPath) ?? state.FindById(container.Id));

    private RuntimeEntry? EntryOf(string cgroupPath) =>
        state.FindByCgroup(cgroupPath) ?? (inventory.FindUnlisted(cgroupPath) is var (entry, id) && tree.IdOf(cgroupPath) == id ? entry : null);
}

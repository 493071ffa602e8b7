using System.IO.Hashing;
using System.Runtime.InteropServices;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads;

/// <summary>What somebody has changed of a profile that was shown.</summary>
internal static class ProfileEdits
{
    /// <summary>The hashes of all things that profiles say, in order.</summary>
    public static ulong[] HashesOf(IEnumerable<ContainerProfile> containers)
    {
        var hashes = containers.SelectMany(static container => ProfileItems.Of(container).Select(item => ProfileItems.Hash(container.Name, item))).Distinct().ToArray();
        Array.Sort(hashes);
        return hashes;
    }

    /// <summary>
    /// The changes since it was last read or written: things that have come and are not shown now, and things that are shown now and have gone.
    /// What has been learned since then is neither.
    /// </summary>
    /// <param name="shown">As it is shown now.</param>
    /// <param name="before">Hashes of what was there, in order.</param>
    /// <param name="found">As it is there.</param>
    public static IEnumerable<(string Container, IReadOnlyList<BehaviourItem> Added, IReadOnlyList<BehaviourItem> Removed)> Between(
        IReadOnlyList<ContainerProfile> shown, IReadOnlyList<ulong> before, IReadOnlyList<ContainerProfile> found)
    {
        var there = before.ToHashSet();
        foreach (var name in shown.Concat(found).Select(static container => container.Name).Distinct(StringComparer.Ordinal))
        {
            var shownItems = ItemsOf(shown, name);
            var foundItems = ItemsOf(found, name);
            var added = foundItems.Except(shownItems).Where(item => !there.Contains(ProfileItems.Hash(name, item))).ToArray();
            var removed = shownItems.Except(foundItems).Where(item => there.Contains(ProfileItems.Hash(name, item))).ToArray();
            if (added.Length > 0 || removed.Length > 0)
            {
                yield return (name, added, removed);
            }
        }
    }

    /// <summary>A number for all that is shown: another one, when something of it is another. How long learning still takes is not of it.</summary>
    public static ulong DigestOf(ShownProfile shown, IReadOnlyList<ulong> items)
    {
        var hash = new XxHash64();
        hash.Append(MemoryMarshal.AsBytes<ulong>(items.ToArray()));
        Append($"{shown.Profile.State} {shown.Object}");
        foreach (var container in shown.Profile.Containers)
        {
            Append($"{container.Name} {container.Lost} {container.Truncated} {container.Sections}");
        }

        foreach (var revision in shown.Revisions)
        {
            Append($"{revision}");
        }

        return hash.GetCurrentHashAsUInt64();

        void Append(string text) => hash.Append(MemoryMarshal.AsBytes(text.AsSpan()));
    }

    private static HashSet<BehaviourItem> ItemsOf(IReadOnlyList<ContainerProfile> containers, string name) =>
        containers.Where(container => container.Name == name).SelectMany(ProfileItems.Of).ToHashSet();
}

using System.Runtime.CompilerServices;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Core.Rules.Matching;

/// <summary>
/// Directories of which a profile knows all as soon as it knows one file in one of them: for rules that ask whether a container does such
/// a thing at all, not with which file. From any thread; each profile is gone through once.
/// </summary>
internal sealed class ProfilePlaces
{
    private readonly PathPrefix[] _directories;
    private readonly ConditionalWeakTable<CompiledProfile, StrongBox<uint>> _flagsByProfile = [];
    private readonly ConditionalWeakTable<CompiledProfile, StrongBox<uint>>.CreateValueCallback _read;

    public ProfilePlaces(IEnumerable<string> directories)
    {
        _directories = [.. directories.Select(static directory => new PathPrefix(directory))];
        _read = profile => new StrongBox<uint>(profile.Profile.Opens
            .Where(open => Cover(open.Path))
            .Aggregate(0u, static (flags, open) => flags | OpenFlags.Parse(open.Flags)));
    }

    public bool Cover(string path)
    {
        foreach (var directory in _directories)
        {
            if (directory.Covers(path))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The flags that files of these places were opened with, as a set; 0 when none was opened.</summary>
    public uint OpenFlagsOf(CompiledProfile profile) => _flagsByProfile.GetValue(profile, _read).Value;
}

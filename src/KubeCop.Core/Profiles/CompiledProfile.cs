using System.Collections.Frozen;
using KubeCop.Core.Events;

namespace KubeCop.Core.Profiles;

/// <summary>A guarding profile in the form rules ask: immutable, shared by all containers it guards, look-ups without allocation.</summary>
public sealed class CompiledProfile
{
    private readonly FrozenDictionary<string, string[]> _executablesByPath;
    private readonly FrozenDictionary<string, uint> _flagsByPath;

    public CompiledProfile(ContainerProfile profile)
    {
        Profile = profile;
        _executablesByPath = profile.Execs
            .GroupBy(static exec => exec.Path, StringComparer.Ordinal)
            .ToFrozenDictionary(static group => group.Key, static group => group.Select(static exec => exec.Executable).Distinct().ToArray(), StringComparer.Ordinal);
        _flagsByPath = profile.Opens
            .GroupBy(static open => open.Path, StringComparer.Ordinal)
            .ToFrozenDictionary(
                static group => group.Key,
                static group => group.Aggregate(0u, static (flags, open) => flags | OpenFlags.Parse(open.Flags)),
                StringComparer.Ordinal);
    }

    /// <summary>What it was compiled from.</summary>
    public ContainerProfile Profile { get; }

    /// <summary>
    /// Whether this path was seen to run this executable. An entry without an executable, as in profiles written by people, stands for any.
    /// </summary>
    public bool ContainsExec(string path, string executable)
    {
        if (!_executablesByPath.TryGetValue(path, out var executables))
        {
            return false;
        }

        foreach (var known in executables)
        {
            if (known.Length == 0 || string.Equals(known, executable, StringComparison.Ordinal))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>The flags this path was opened with, as a set; 0 when it was not.</summary>
    public uint OpenFlagsOf(string path) => _flagsByPath.GetValueOrDefault(path);
}

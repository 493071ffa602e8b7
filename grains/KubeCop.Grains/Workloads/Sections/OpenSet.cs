using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads.Sections;

/// <summary>
/// Files by path; the flags are the union of all opens. When there is no room for another, patterns take the place of files whose names do not
/// matter most (<see cref="OpenGeneralization"/>), as hard as it takes to get half of the room back. What was learned stays covered; which
/// patterns are made then depends on what had come until then.
/// </summary>
internal sealed class OpenSet(int maxEntries, int maxVariableNames) : SectionSet<OpenItem, string, uint>(maxEntries)
{
    // What profiles can name; other bits would be lost in storage and make an entry look new after each restart.
    private static readonly uint NamedFlags = OpenFlags.Parse(OpenFlags.Names(uint.MaxValue));

    private readonly Dictionary<string, OpenEntry> _collapsed = new(StringComparer.Ordinal);
    private PathPatterns _patterns = new([]);
    private bool _isExhausted;

    public override bool Add(ContainerProfile profile)
    {
        var changed = false;
        foreach (var pattern in profile.Opens.Where(static open => open.Collapsed > 0))
        {
            changed |= Collapse(pattern);
        }

        if (changed)
        {
            _patterns = new PathPatterns(_collapsed.Values);
        }

        return base.Add(profile) || changed;
    }

    protected override (string Key, uint Detail) Split(OpenItem item) => (item.Path, item.Flags & NamedFlags);

    protected override uint Unite(uint known, uint added) => known | added;

    protected override bool IsCovered(string key, uint detail) =>
        _collapsed.Count > 0 && (_patterns.Find(key).Flags & detail) == detail && !SensitivePaths.Covers(key);

    protected override bool MakeRoom(Dictionary<string, (uint Detail, Sighting Seen)> entries)
    {
        if (_isExhausted)
        {
            return false;
        }

        var files = entries.Select(static entry => EntryOf(entry.Key, entry.Value.Detail, entry.Value.Seen)).ToArray();
        for (var step = 0; step <= OpenGeneralization.LastStep; step++)
        {
            var collapsed = OpenGeneralization.Collapse(files, maxVariableNames, step);
            if (collapsed.Count > files.Length / (step < OpenGeneralization.LastStep ? 2.0 : 1.1))
            {
                continue;
            }

            entries.Clear();
            foreach (var entry in collapsed)
            {
                if (entry.Collapsed > 0)
                {
                    Collapse(entry);
                }
                else
                {
                    entries.Add(entry.Path, (OpenFlags.Parse(entry.Flags), new Sighting(entry.FirstSeen, entry.Replicas)));
                }
            }

            _patterns = new PathPatterns(_collapsed.Values);
            _isExhausted = _collapsed.Count >= MaxEntries;
            return true;
        }

        // To look for room each time would cost more than it could find.
        _isExhausted = true;
        return false;
    }

    protected override IEnumerable<(OpenItem Item, Sighting Seen)> Read(ContainerProfile profile) =>
        profile.Opens
            .Where(static entry => entry.Collapsed == 0)
            .Select(static entry => (new OpenItem(entry.Path, OpenFlags.Parse(entry.Flags)), new Sighting(entry.FirstSeen, entry.Replicas)));

    protected override ContainerProfile Write(
        ContainerProfile profile, IEnumerable<(string Key, uint Detail, Sighting Seen)> entries) => profile with
        {
            Opens = entries
                .Select(static entry => EntryOf(entry.Key, entry.Detail, entry.Seen))
                .Concat(_collapsed.Values)
                .OrderBy(static entry => entry.Path, StringComparer.Ordinal)
                .ToArray(),
        };

    private static OpenEntry EntryOf(string path, uint flags, Sighting seen) => new(path, OpenFlags.Names(flags), seen.First, Replicas: seen.Replicas);

    private bool Collapse(OpenEntry pattern)
    {
        var known = _collapsed.GetValueOrDefault(pattern.Path);
        var united = known is null ? pattern : OpenGeneralization.Unite(known, pattern);
        _collapsed[pattern.Path] = united;
        return known is null || united.Collapsed != known.Collapsed || united.Flags.Count != known.Flags.Count;
    }
}

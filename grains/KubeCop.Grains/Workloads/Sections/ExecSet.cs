using KubeCop.Core.Profiles;

namespace KubeCop.Grains.Workloads.Sections;

internal sealed class ExecSet(int maxEntries) : SectionSet<ExecItem>(maxEntries)
{
    protected override IEnumerable<(ExecItem Item, Sighting Seen)> Read(ContainerProfile profile) =>
        profile.Execs.Select(static entry => (new ExecItem(entry.Path, entry.Executable, new ArgumentList(entry.Args)), new Sighting(entry.FirstSeen, entry.Replicas)));

    protected override ContainerProfile Write(
        ContainerProfile profile, IEnumerable<(ExecItem Key, ValueTuple Detail, Sighting Seen)> entries) => profile with
        {
            Execs = entries
                .OrderBy(static entry => entry.Key.Path, StringComparer.Ordinal)
                .ThenBy(static entry => entry.Key.Executable, StringComparer.Ordinal)
                .ThenBy(static entry => entry.Key.Arguments.Values, ArgumentOrder.Instance)
                .Select(static entry => new ExecEntry(entry.Key.Path, entry.Key.Executable, entry.Key.Arguments.Values.ToArray(), entry.Seen.First, Replicas: entry.Seen.Replicas))
                .ToArray(),
        };

    private sealed class ArgumentOrder : IComparer<IReadOnlyList<string>>
    {
        public static readonly ArgumentOrder Instance = new();

        public int Compare(IReadOnlyList<string>? x, IReadOnlyList<string>? y)
        {
            for (var i = 0; i < Math.Min(x!.Count, y!.Count); i++)
            {
                if (string.CompareOrdinal(x[i], y[i]) is var order and not 0)
                {
                    return order;
                }
            }

            return x!.Count.CompareTo(y!.Count);
        }
    }
}

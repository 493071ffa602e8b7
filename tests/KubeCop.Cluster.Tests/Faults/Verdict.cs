namespace KubeCop.Cluster.Tests.Faults;

/// <summary>Compares what containers did with what the profiles say.</summary>
internal sealed class Verdict
{
    /// <summary>What a grain has taken so long before a kill -9 may be lost: docs/architecture.md.</summary>
    private static readonly TimeSpan KillWindow = TimeSpan.FromSeconds(1);

    /// <summary>The longest that a grain may take to take something, as while a thousand of them start on a machine that is busy.</summary>
    private static readonly TimeSpan TakingTime = TimeSpan.FromSeconds(10);

    private readonly FaultPlan _plan;
    private readonly List<string> _faults = [];
    private readonly Dictionary<string, List<DateTimeOffset>> _taken = [];

    private Verdict(FaultPlan plan) => _plan = plan;

    /// <summary>What is wrong; empty when nothing is.</summary>
    public IReadOnlyList<string> Faults => _faults;

    /// <summary>Entries of all profiles that had to be there.</summary>
    public int Expected { get; private set; }

    /// <summary>Entries that are missing because of a kill.</summary>
    public int Excused { get; private set; }

    /// <summary>Containers that go on in a profile of their own since a kill.</summary>
    public int Partial { get; private set; }

    public long Deeds { get; private set; }

    public static Verdict Of(FaultCluster cluster, IReadOnlyList<ReportedProfile> profiles)
    {
        var verdict = new Verdict(cluster.Plan);
        var deeds = new Dictionary<(int Workload, string Entry), List<(Emission Deed, FaultNode Node)>>();
        foreach (var node in cluster.Nodes)
        {
            var emissions = node.Emissions.ToList();
            foreach (var taken in emissions.Where(static emission => emission.Kind == EmissionKind.Taken).GroupBy(static emission => emission.Container))
            {
                verdict._taken.Add(taken.Key, [.. taken.Select(static emission => emission.At)]);
            }

            var partial = verdict.PartialContainers(node, emissions);
            foreach (var deed in emissions.Where(static emission => emission.Kind == EmissionKind.Did))
            {
                verdict.Deeds++;
                foreach (var entry in partial.Contains(deed.Container) ? [] : deed.Entries)
                {
                    if (!deeds.TryGetValue((deed.Workload, entry), out var all))
                    {
                        deeds.Add((deed.Workload, entry), all = []);
                    }

                    all.Add((deed, node));
                }
            }
        }

        foreach (var profile in profiles)
        {
            verdict.Judge(profile, deeds.Where(deed => deed.Key.Workload == profile.Workload).ToDictionary(static deed => deed.Key.Entry, static deed => deed.Value));
        }

        return verdict;
    }

    private void Judge(ReportedProfile profile, Dictionary<string, List<(Emission Deed, FaultNode Node)>> deeds)
    {
        if (profile.State != "Final")
        {
            _faults.Add($"workload {profile.Workload}: the profile is {profile.State}");
        }

        var entries = profile.Entries.ToHashSet(StringComparer.Ordinal);
        foreach (var (entry, all) in deeds)
        {
            var learned = all.Where(done => done.Deed.At < profile.CompletesAt).ToList();
            if (learned.Count == 0)
            {
                continue;
            }

            Expected++;
            if (entries.Contains(entry))
            {
                continue;
            }

            if (learned.All(done => IsInKillWindow(done.Deed, done.Node)))
            {
                Excused++;
                continue;
            }

            var (deed, node) = learned.First(done => !IsInKillWindow(done.Deed, done.Node));
            _faults.Add(
                $"workload {profile.Workload}: '{entry}' is missing; {deed.Container} did it at {deed.At:HH:mm:ss.fff}, it was taken at {TakenAt(deed):HH:mm:ss.fff}, "
                + $"learning ended at {profile.CompletesAt:HH:mm:ss.fff}, "
                + $"kills of {node.Name}: {string.Join(", ", node.Kills.Select(static kill => $"{kill.At:HH:mm:ss.fff}"))}");
        }

        // Of two activations that live for a moment one may have heard of a gap before the other ended the learning: both are united.
        var latestEnd = profile.CompletesAt + _plan.Duration;
        foreach (var entry in entries.Where(entry => !deeds.TryGetValue(entry, out var all) || all.All(done => done.Deed.At >= latestEnd)))
        {
            _faults.Add(
                $"workload {profile.Workload}: '{entry}' was learned, but "
                + (deeds.TryGetValue(entry, out var all)
                    ? $"first done at {all.Min(static done => done.Deed.At):HH:mm:ss.fff}, after learning ended at {profile.CompletesAt:HH:mm:ss.fff}"
                    : "nobody did it"));
        }
    }

    private bool IsInKillWindow(Emission deed, FaultNode node) => node.Kills.Any(
        kill => deed.At <= kill.Until && deed.At >= kill.At - TakingTime && TakenAt(deed) >= kill.At - KillWindow);

    // At the earliest: what was taken then may have been given before.
    private DateTimeOffset TakenAt(Emission deed) =>
        _taken.GetValueOrDefault(deed.Container, []).Where(at => at >= deed.At).DefaultIfEmpty(DateTimeOffset.MaxValue).Min();

    /// <summary>Containers whose beginning nobody knows because it fell into the window of a kill.</summary>
    private HashSet<string> PartialContainers(FaultNode node, IReadOnlyList<Emission> emissions)
    {
        var started = emissions.Where(static emission => emission.Kind == EmissionKind.Started).ToDictionary(static emission => emission.Container, static emission => emission.At);
        var partial = new HashSet<string>(StringComparer.Ordinal);
        foreach (var container in emissions.Where(static emission => emission.Kind == EmissionKind.Partial))
        {
            if (node.Kills.Any(kill => started[container.Container] >= kill.At - KillWindow && started[container.Container] <= kill.Until))
            {
                Partial += partial.Add(container.Container) ? 1 : 0;
            }
            else
            {
                _faults.Add(
                    $"workload {container.Workload}: {container.Container} started at {started[container.Container]:HH:mm:ss.fff} "
                    + $"and is taken for one that nobody saw start since {container.At:HH:mm:ss.fff}");
            }
        }

        return partial;
    }
}

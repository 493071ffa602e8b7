using KubeCop.Core.Workloads;

namespace KubeCop.Grains.Workloads;

/// <summary>Times nobody watched, as a sorted list without overlaps: a time that several containers report counts once.</summary>
internal static class ObservationGaps
{
    /// <summary>More gaps than this and the two earliest become one, the time between them included.</summary>
    private const int Most = 100;

    public static IReadOnlyList<ObservationGap> Union(IEnumerable<ObservationGap> gaps)
    {
        var union = new List<ObservationGap>();
        foreach (var gap in gaps.Where(static gap => gap.To > gap.From).OrderBy(static gap => gap.From))
        {
            if (union.Count > 0 && gap.From <= union[^1].To)
            {
                union[^1] = union[^1] with { To = gap.To > union[^1].To ? gap.To : union[^1].To };
            }
            else
            {
                union.Add(gap);
            }
        }

        while (union.Count > Most)
        {
            union[0] = union[0] with { To = union[1].To };
            union.RemoveAt(1);
        }

        return union;
    }

    /// <summary>When <paramref name="period"/> of watched time has passed since <paramref name="start"/>.</summary>
    /// <param name="gaps">As <see cref="Union"/> gives them.</param>
    public static DateTimeOffset CompletesAt(DateTimeOffset start, TimeSpan period, IReadOnlyList<ObservationGap> gaps)
    {
        var end = start + period;
        foreach (var gap in gaps)
        {
            if (gap.From < end && gap.To > start)
            {
                end += gap.To - (gap.From > start ? gap.From : start);
            }
        }

        return end;
    }
}

namespace KubeCop.Core.Bindings;

/// <summary>What somebody may have meant who wrote a name that does not exist.</summary>
internal static class NearestName
{
    private const int MaxCompared = 100;
    private const int MaxListed = 6;

    /// <summary>That there is no such thing, and which one is nearest.</summary>
    /// <param name="what">For example <c>rule ID</c>.</param>
    /// <param name="known">At least one.</param>
    public static string Refuse(string what, string given, IReadOnlyCollection<string> known)
    {
        var all = known.Count is > 1 and <= MaxListed ? $" (there are {string.Join(", ", known)})" : "";
        return $"there is no {what} {BindingError.Quote(given)}; the nearest is '{Of(given, known)}'{all}";
    }

    /// <summary>By edit distance, not minding case; the first of those that are equally near.</summary>
    public static string Of(string given, IReadOnlyCollection<string> known)
    {
        var compared = given.Length <= MaxCompared ? given : given[..MaxCompared];
        return known.MinBy(name => Distance(compared.ToUpperInvariant(), name.ToUpperInvariant()))!;
    }

    // Insertions, deletions, substitutions, and two neighbours exchanged (optimal string alignment).
    private static int Distance(string from, string to)
    {
        var (before, last, now) = (new int[to.Length + 1], Enumerable.Range(0, to.Length + 1).ToArray(), new int[to.Length + 1]);
        for (var i = 1; i <= from.Length; i++)
        {
            now[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var replaced = last[j - 1] + (from[i - 1] == to[j - 1] ? 0 : 1);
                now[j] = Math.Min(replaced, Math.Min(last[j], now[j - 1]) + 1);
                if (i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1])
                {
                    now[j] = Math.Min(now[j], before[j - 2] + 1);
                }
            }

            (before, last, now) = (last, now, before);
        }

        return last[to.Length];
    }
}

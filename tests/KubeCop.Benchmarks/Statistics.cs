namespace KubeCop.Benchmarks;

internal static class Statistics
{
    /// <summary>The value below which a share of the samples lies.</summary>
    /// <param name="samples">In any order.</param>
    /// <param name="share">0.5 is the median.</param>
    public static double Percentile(IEnumerable<double> samples, double share)
    {
        var sorted = samples.Order().ToArray();
        return sorted[(int)Math.Min(sorted.Length - 1, Math.Floor(share * sorted.Length))];
    }
}

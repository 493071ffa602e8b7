using CsCheck;
using KubeCop.Core.Workloads;
using KubeCop.Grains.Workloads;

namespace KubeCop.Tests.Grains.Workloads;

public sealed class ObservationGapsTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch.AddHours(1);

    [Theory]
    [InlineData("", 100)]
    [InlineData("20-30", 110)]
    [InlineData("20-30 25-40", 120)]
    [InlineData("20-30 20-30", 110)]
    [InlineData("-50-10", 110)] // what was before the start costs nothing
    [InlineData("90-190 195-205", 210)] // a gap inside the lengthened time lengthens it again
    [InlineData("100-200", 100)] // it was over
    public void CompletesAt_Gaps_WaitsForThePeriodOfWatchedTime(string gaps, int seconds)
    {
        var union = ObservationGaps.Union(gaps.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Parse));

        Assert.Equal(Start.AddSeconds(seconds), ObservationGaps.CompletesAt(Start, TimeSpan.FromSeconds(100), union));
    }

    [Fact]
    public void Union_AnyOrderAndRepeats_IsTheSame() =>
        Gen.Select(Gen.Select(Gen.Int[0, 50], Gen.Int[0, 50]).Array[0, 10], Gen.Int).Sample(static (pairs, seed) =>
        {
            var gaps = pairs.Select(static pair => new ObservationGap(Start.AddSeconds(pair.Item1), Start.AddSeconds(pair.Item2))).ToArray();
            var shuffled = gaps.Concat(gaps).ToArray();
            new Random(seed).Shuffle(shuffled);
            return ObservationGaps.Union(gaps).SequenceEqual(ObservationGaps.Union(shuffled));
        });

    [Fact]
    public void Union_ThousandsOfGaps_StaysBounded()
    {
        var union = ObservationGaps.Union(Enumerable.Range(0, 5000).Select(static i => new ObservationGap(Start.AddSeconds(2 * i), Start.AddSeconds((2 * i) + 1))));

        Assert.Equal(100, union.Count);
        Assert.Equal(Start, union[0].From);
    }

    private static ObservationGap Parse(string text)
    {
        var dash = text.LastIndexOf('-');
        return new ObservationGap(Start.AddSeconds(int.Parse(text[..dash])), Start.AddSeconds(int.Parse(text[(dash + 1)..])));
    }
}

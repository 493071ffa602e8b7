using CsCheck;
using KubeCop.Core.Rules.Matching;
using KubeCop.Testing;

namespace KubeCop.Tests.Core.Rules;

public sealed class RecentSetTests
{
    [Fact]
    public void Add_BeyondTheRoom_ForgetsWhatWasUnusedForLongest()
    {
        var set = new RecentSet<string>(3);
        Assert.True(set.Add("a") && set.Add("b") && set.Add("c"));
        Assert.True(set.Contains("a"));
        Assert.False(set.Add("b"));

        Assert.True(set.Add("d"));

        Assert.False(set.Contains("c"));
        Assert.True(set.Contains("a") && set.Contains("b") && set.Contains("d"));
        Assert.Equal(3, set.Count);
    }

    /// <summary>Against the plainest form of the same: a list from the oldest to the newest.</summary>
    [Fact]
    public void AnyUse_IsThatOfAList() => Gen.Select(Gen.Int[1, 6], Gen.Select(Gen.Bool, Gen.Int[0, 9]).Array[0, 200]).Sample(static (capacity, uses) =>
    {
        var set = new RecentSet<int>(capacity);
        var list = new List<int>();
        foreach (var (isAdded, value) in uses)
        {
            var isKnown = list.Remove(value);
            if (isAdded || isKnown)
            {
                list.Add(value);
            }

            if (list.Count > capacity)
            {
                list.RemoveAt(0);
            }

            if (isAdded ? set.Add(value) == isKnown : set.Contains(value) != isKnown)
            {
                return false;
            }
        }

        return set.Count == list.Count;
    });

    [Fact]
    public void Use_OnceGrown_AllocatesNothing()
    {
        var set = new RecentSet<int>(100);
        Fill(0);
        Assert.Equal(0, Allocations.Of(() => Fill(1000)));

        void Fill(int from)
        {
            for (var i = from; i < from + 500; i++)
            {
                set.Add(i);
                set.Contains(i - 50);
            }
        }
    }
}

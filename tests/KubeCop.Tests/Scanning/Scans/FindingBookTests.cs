using KubeCop.Scanning.Scans;
using KubeCop.Testing;

namespace KubeCop.Tests.Scanning.Scans;

public sealed class FindingBookTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void Add_Twice_IsToldOnce()
    {
        var book = new FindingBook();

        Assert.True(book.Add("a", Start));
        Assert.False(book.Add("a", Start.AddHours(1)));
        Assert.True(book.Add("b", Start));
    }

    [Fact]
    public void Resolve_NotMetAgain_IsGoneAndToldAgain()
    {
        var book = new FindingBook();
        book.Add("gone", Start);
        book.Add("there", Start);
        book.Add("there", Start.AddHours(1));

        Assert.Equal(1, book.Resolve(Start.AddMinutes(30)));

        Assert.False(book.Add("there", Start.AddHours(2)));
        Assert.True(book.Add("gone", Start.AddHours(2)));
    }

    [Fact]
    public void Add_OverTheLimit_ForgetsTheOneSeenLongestAgo()
    {
        var book = new FindingBook(limit: 2);
        book.Add("old", Start);
        book.Add("new", Start.AddMinutes(1));

        Assert.True(book.Add("newest", Start.AddMinutes(2)));

        Assert.Equal(2, book.Count);
        Assert.False(book.Add("new", Start.AddMinutes(3)));
        Assert.True(book.Add("old", Start.AddMinutes(4)));
    }

    [Fact]
    public void Load_WhatWasSaved_IsNotToldAgain()
    {
        using var directory = new TestDirectory();
        var book = new FindingBook();
        book.Add("a", Start);
        book.Save(directory.Combine("findings"));

        var later = new FindingBook();
        Assert.Null(later.Load(directory.Combine("findings")));

        Assert.False(later.Add("a", Start.AddDays(1)));
    }

    [Fact]
    public void Load_DamagedFile_SaysSoAndGoesOn()
    {
        using var directory = new TestDirectory();
        File.WriteAllText(directory.Combine("findings"), "{\"a\":");

        Assert.Contains("damaged", new FindingBook().Load(directory.Combine("findings")), StringComparison.Ordinal);
    }
}

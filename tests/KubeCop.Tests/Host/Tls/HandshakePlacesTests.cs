using KubeCop.Host.Tls;
using KubeCop.Testing;

namespace KubeCop.Tests.Host.Tls;

public sealed class HandshakePlacesTests
{
    private readonly HandshakePlaces _places = new();

    [Fact]
    public async Task Enter_OneAddressHasAllItMay_OthersDoNotWait()
    {
        var taken = Enter("a", HandshakePlaces.MostOfOne + 1);
        Assert.All(taken.SkipLast(1), static place => Assert.True(place.IsCompletedSuccessfully, "There is room for it."));
        Assert.False(taken[^1].IsCompleted, "One address has more than it may.");
        Assert.True(Enter("b", 1)[0].IsCompletedSuccessfully, "Another address waits for the first one.");

        (await taken[0])!.Dispose();
        Assert.NotNull(await taken[^1].WaitAsync(Wait.DefaultTimeout, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Enter_AllPlacesTaken_WaitsForAnyOfThem()
    {
        var taken = Enumerable.Range(0, HandshakePlaces.Most / HandshakePlaces.MostOfOne).SelectMany(address => Enter($"{address}", HandshakePlaces.MostOfOne)).ToList();
        var next = Enter("next", 1)[0];
        Assert.False(next.IsCompleted, "There are more than there may be.");

        (await taken[0])!.Dispose();
        Assert.NotNull(await next.WaitAsync(Wait.DefaultTimeout, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Enter_TooManyWait_FindsNoRoom()
    {
        var own = Enter("a", HandshakePlaces.MostOfOne + HandshakePlaces.MostWaitingOfOne + 1);
        Assert.Null(await own[^1]);
        Assert.False(own[^2].IsCompleted, "It may wait.");

        var others = Enumerable.Range(0, HandshakePlaces.Most + HandshakePlaces.MostWaiting).Select(address => Enter($"{address}", 1)[0]).ToList();
        Assert.Null(await others[^1]);
    }

    /// <summary>Whoever goes takes nothing along: afterwards there is as much room as at first.</summary>
    [Fact]
    public async Task Enter_ManyCameAndWent_HasAsMuchRoomAsBefore()
    {
        for (var time = 0; time < 3; time++)
        {
            using var impatience = new CancellationTokenSource();
            var all = Enter("a", HandshakePlaces.MostOfOne + HandshakePlaces.MostWaitingOfOne, impatience.Token);
            await impatience.CancelAsync();
            foreach (var place in all)
            {
                await ((Task)place).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            }

            var given = all.Where(static place => place.IsCompletedSuccessfully).ToList();
            Assert.Equal(HandshakePlaces.MostOfOne, given.Count);
            foreach (var place in given)
            {
                (await place)!.Dispose();
            }
        }
    }

    private List<Task<IDisposable?>> Enter(string address, int count, CancellationToken? impatience = null) =>
        [.. Enumerable.Range(0, count).Select(_ => _places.EnterAsync(address, impatience ?? TestContext.Current.CancellationToken))];
}

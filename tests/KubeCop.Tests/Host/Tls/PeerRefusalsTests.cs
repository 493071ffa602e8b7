using KubeCop.Host.Tls;
using KubeCop.Testing;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Host.Tls;

public sealed class PeerRefusalsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly List<string> _log = [];
    private readonly PeerRefusals _refusals;

    public PeerRefusalsTests() => _refusals = new PeerRefusals(_time, new WarningLog<PeerRefusals>(_log));

    [Fact]
    public void Add_SameReasonAgainAndAgain_IsLoggedOnceAMinute()
    {
        for (var second = 0; second < 150; second++)
        {
            _refusals.Add("10.0.0.2", "10.0.0.2:11111 does not use TLS.");
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(3, _log.Count);
        Assert.All(_log, static line => Assert.Equal("No connection between two silos: 10.0.0.2:11111 does not use TLS.", line));
        Assert.Single(_refusals.Current);
    }

    [Fact]
    public void Current_NotSeenForAWhile_IsForgotten()
    {
        _refusals.Add("peer", "a");
        _time.Advance(PeerRefusals.Memory);
        _refusals.Add("peer", "b");
        Assert.Equal(["a", "b"], _refusals.Current);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["b"], _refusals.Current);
    }

    [Fact]
    public void Add_MoreThanItKeeps_LeavesThemOutUntilThereIsRoom()
    {
        for (var peer = 0; peer < PeerRefusals.Most + 10; peer++)
        {
            _refusals.Add($"{peer}", $"peer {peer}");
        }

        Assert.Equal((PeerRefusals.Most, PeerRefusals.Most), (_refusals.Current.Count, _log.Count));

        _time.Advance(PeerRefusals.Memory + TimeSpan.FromSeconds(1));
        _refusals.Add("peer", "later");
        Assert.Equal(["later"], _refusals.Current);
    }

    [Fact]
    public void Add_ManyReasonsOfOnePeer_LeaveRoomForOthers()
    {
        for (var number = 0; number < 100; number++)
        {
            _refusals.Add("10.0.0.9", $"10.0.0.9 says {number}.");
        }

        _refusals.Add("10.0.0.2", "The certificate of 10.0.0.2 has expired.", isOfCertificate: true);
        Assert.Equal(PeerRefusals.MostOfOne + 1, _refusals.Current.Count);
        Assert.Equal("The certificate of 10.0.0.2 has expired.", _refusals.Current[0]);
    }

    [Fact]
    public void ClockThatIsSetBack_ForgetsAndLogsAsBefore()
    {
        var clock = new SettableClock(DateTimeOffset.UtcNow.AddYears(1));
        var log = new List<string>();
        var refusals = new PeerRefusals(clock, new WarningLog<PeerRefusals>(log));
        refusals.Add("peer", "a");
        clock.Set(-TimeSpan.FromDays(365));
        clock.Advance(TimeSpan.FromSeconds(61));
        refusals.Add("peer", "a");
        Assert.Equal(2, log.Count);
        clock.Advance(PeerRefusals.Memory + TimeSpan.FromSeconds(1));
        Assert.Empty(refusals.Current);
    }
}

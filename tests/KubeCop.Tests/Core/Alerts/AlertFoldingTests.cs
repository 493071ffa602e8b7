using KubeCop.Core.Alerts;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Core.Alerts;

public sealed class AlertFoldingTests
{
    private readonly AlertList _sent = [];
    private readonly FakeTimeProvider _time = new(Sample.Boot);
    private readonly AlertFolding _folding;
    private int _overflows;

    public AlertFoldingTests() => _folding = new AlertFolding(_sent, _time, limit: 6, capacity: 3);

    [Fact]
    public void Repeats_InWindow_BecomeOneSummary()
    {
        Raise("a");
        _time.Advance(TimeSpan.FromSeconds(59));
        Raise("a");
        Raise("a");
        Assert.Single(_sent);

        _time.Advance(TimeSpan.FromSeconds(1));
        _folding.CloseDue();
        Assert.Equal(2, _sent.Count);
        Assert.Equal((AlertState.Summary, 3L, Sample.Boot, Sample.Boot.AddSeconds(59)), (_sent[1].State, _sent[1].Count, _sent[1].FirstSeen, _sent[1].LastSeen));
        Assert.Equal(_sent[0].Fingerprint, _sent[1].Fingerprint);
        Assert.NotEqual(_sent[0].Id, _sent[1].Id);
    }

    [Fact]
    public void Single_WindowCloses_NoSummary()
    {
        Raise("a");
        _time.Advance(AlertFolding.Window);
        _folding.CloseDue();
        Assert.Single(_sent);
    }

    [Fact]
    public void Window_IsFixed_RepeatsDoNotExtendIt()
    {
        for (var second = 0; second <= 120; second += 20)
        {
            Raise("a");
            _time.Advance(TimeSpan.FromSeconds(20));
        }

        Assert.Equal(["New 1", "Summary 3", "New 1", "Summary 3", "New 1"], _sent.Select(static alert => $"{alert.State} {alert.Count}"));
    }

    [Fact]
    public void Subjects_OrRules_AreNotFoldedTogether()
    {
        Raise("a");
        Raise("b");
        Raise("a", "R1000");
        Assert.Equal(3, _sent.Count);
    }

    [Fact]
    public void Overflow_NewSubjects_AreSentUnfoldedAndCounted()
    {
        foreach (var subject in new[] { "a", "b", "c", "d", "d", "a" })
        {
            Raise(subject);
        }

        Assert.Equal(5, _sent.Count);
        Assert.Equal(2, _overflows);

        _time.Advance(AlertFolding.Window);
        Raise("d");
        Raise("d");
        Assert.Equal(2, _overflows);
    }

    [Fact]
    public void Flood_OfNewSubjects_IsLimitedAndOneAlertTellsItsNumber()
    {
        for (var number = 0; number < 1000; number++)
        {
            Raise($"{number}");
        }

        Assert.Equal(7, _sent.Count);

        _time.Advance(AlertFolding.Window);
        _folding.CloseDue();
        var summary = Assert.Single(_sent, static alert => alert.State == AlertState.Summary);
        Assert.Equal((994L, _sent[6].Fingerprint), (summary.Count, summary.Fingerprint));

        Raise("next");
        Assert.Equal((AlertState.New, 9), (_sent[^1].State, _sent.Count));
    }

    [Fact]
    public void Flood_OfOneRule_HidesNothingOfAnother()
    {
        for (var number = 0; number < 1000; number++)
        {
            Raise($"{number}");
        }

        Raise("attack", "R1000");
        Assert.Equal("R1000", _sent[^1].RuleId);
    }

    [Fact]
    public void Flood_ThatGoesOn_TellsItsNumberEachMinute()
    {
        for (var second = 0; second < 180; second++)
        {
            for (var number = 0; number < 10; number++)
            {
                Raise($"{second} {number}");
            }

            _time.Advance(TimeSpan.FromSeconds(1));
        }

        _folding.CloseAll();
        Assert.Equal(3 * 7, _sent.Count(static alert => alert.State == AlertState.New));
        Assert.Equal(1800, _sent.Where(static alert => alert.State == AlertState.Summary).Sum(static alert => alert.Count) + (3 * 6));
    }

    [Fact]
    public void CloseAll_OpenWindows_SendsTheirSummaries()
    {
        Raise("a");
        Raise("a");
        _folding.CloseAll();
        Assert.Equal(AlertState.Summary, _sent[^1].State);
    }

    private void Raise(string subject, string rule = "R0001")
    {
        var now = _time.GetUtcNow();
        var alert = AlertSample.Of(Sample.Exec(subject), rule) with { Timestamp = now, FirstSeen = now, LastSeen = now };
        switch (_folding.Offer(rule, subject, now))
        {
            case AlertFate.New:
                _overflows += _folding.Send(alert, subject) ? 0 : 1;
                break;
            case AlertFate.LastBeforeLimit:
                _folding.SendLast(alert);
                break;
        }
    }
}

using KubeCop.Core.Alerts;
using KubeCop.Core.Malware;
using KubeCop.Scanning.Scans;
using KubeCop.Testing;
using KubeCop.Tests.Core.Alerts;
using KubeCop.Tests.Exporters;

namespace KubeCop.Tests.Scanning.Scans;

public sealed class FindingAlertsTests
{
    private readonly AlertList _alerts = [];
    private readonly SettableClock _clock = new(DateTimeOffset.UtcNow);
    private readonly FindingBook _book = new();

    [Fact]
    public void Finding_MetAgain_IsOngoing_AndNewAgainWhenItWasGone()
    {
        var telling = new FindingAlerts(_book, _alerts, _clock);
        var alert = TestAlerts.Malware();
        var until = alert.LastSeen.AddHours(2);

        Assert.True(telling.Tell(alert, until));
        Assert.False(telling.Tell(alert with { LastSeen = alert.LastSeen.AddHours(1) }, until.AddHours(1)));
        Assert.Equal(1, _book.Resolve(alert.LastSeen.AddHours(2)));
        Assert.True(telling.Tell(alert with { LastSeen = alert.LastSeen.AddHours(3) }, until.AddHours(3)));

        Assert.Equal([AlertState.New, AlertState.Ongoing, AlertState.New], _alerts.Select(static told => told.State));
        Assert.Equal([until, until.AddHours(1), until.AddHours(3)], _alerts.Select(static told => told.Until!.Value));
    }

    [Fact]
    public void ContainerFullOfMalware_IsToldInParts_AndHidesNoOther()
    {
        var telling = new FindingAlerts(_book, _alerts, _clock);
        TellAll();
        Assert.True(telling.Tell(TestAlerts.Malware(layer: null), DateTimeOffset.MaxValue));

        Assert.Equal(FindingAlerts.Limit + 1, _alerts.Count);
        Assert.Equal(50, telling.Held);
        Assert.Contains("further ones are told by later scans", _alerts[FindingAlerts.Limit - 1].Message, StringComparison.Ordinal);

        // The next scan.
        _clock.Advance(FindingAlerts.Window);
        TellAll();
        Assert.Equal(
            Enumerable.Range(0, FindingAlerts.Limit + 50).Select(static number => $"/evil{number}").Order(StringComparer.Ordinal),
            _alerts.Where(static told => told.State == AlertState.New && told.Malware!.Places.Count > 0)
                .Select(static told => told.Malware!.Places[0].Path)
                .Order(StringComparer.Ordinal));

        void TellAll()
        {
            for (var number = 0; number < FindingAlerts.Limit + 50; number++)
            {
                telling.Tell(TestAlerts.Malware(MalwareLayer.Upper, $"/evil{number}"), DateTimeOffset.MaxValue);
            }
        }
    }
}

using System.Text;
using System.Text.Json;
using KubeCop.Exporters.History;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Exporters.History;

public sealed class AlertHistoryTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kubecop-history-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Read_AfterReopening_HasTheAlertsAsTheyWereWritten()
    {
        using (var history = Open())
        {
            history.Export([TestAlerts.Create(1), TestAlerts.Create(2)]);
        }

        using var reopened = Open();
        var alerts = reopened.Read(after: null, limit: 10);

        Assert.Equal([Id(1), Id(2)], alerts.Select(IdOf));
        Assert.Equal("R0001", JsonDocument.Parse(alerts[0]).RootElement.GetProperty("ruleId").GetString());
    }

    [Fact]
    public void Export_MoreThanTheCapacity_KeepsTheNewestAndBoundsTheFiles()
    {
        using var history = Open(capacity: 20);
        for (var i = 0; i < 95; i++)
        {
            history.Export([TestAlerts.Create(i)]);
        }

        Assert.Equal(20, history.Count);
        Assert.Equal(Enumerable.Range(75, 20).Select(Id), history.Read(after: null, limit: 1000).Select(IdOf));
        Assert.InRange(Directory.GetFiles(_directory).Length, 10, 12);
    }

    [Fact]
    public void Export_AfterReopening_GoesOnInOrder()
    {
        for (var i = 0; i < 30; i++)
        {
            using var history = Open(capacity: 20);
            history.Export([TestAlerts.Create(i)]);
        }

        using var reopened = Open(capacity: 20);
        Assert.Equal(Enumerable.Range(10, 20).Select(Id), reopened.Read(after: null, limit: 1000).Select(IdOf));
    }

    [Fact]
    public void Read_After_GivesOnlyLaterOnes()
    {
        using var history = Open();
        history.Export([TestAlerts.Create(1), TestAlerts.Create(2), TestAlerts.Create(3)]);

        Assert.Equal([Id(2), Id(3)], history.Read(Id(1), limit: 10).Select(IdOf));
        Assert.Empty(history.Read(Id(3), limit: 10));
        Assert.Equal([Id(3)], history.Read(Id(1), limit: 1).Select(IdOf));
        Assert.Equal(3, history.Read("an alert that was forgotten", limit: 10).Count);
    }

    [Theory]
    [InlineData("{\"id\":\"torn")]
    [InlineData("\0\0\0\0")]
    public void Open_FileEndsInTheMiddleOfALine_KeepsTheWholeOnesAndGoesOn(string tail)
    {
        using (var history = Open())
        {
            history.Export([TestAlerts.Create(1)]);
        }

        File.AppendAllText(Directory.GetFiles(_directory).Single(), tail);

        using (var history = Open())
        {
            history.Export([TestAlerts.Create(2)]);
        }

        using var reopened = Open();
        Assert.Equal([Id(1), Id(2)], reopened.Read(after: null, limit: 10).Select(IdOf));
    }

    [Fact]
    public void Open_DamagedLineInTheMiddle_OthersAreKept()
    {
        using (var history = Open())
        {
            history.Export([TestAlerts.Create(1)]);
            history.Export([TestAlerts.Create(2)]);
        }

        var file = Directory.GetFiles(_directory).Single();
        File.WriteAllText(file, File.ReadAllText(file).Replace(Id(1), "\"", StringComparison.Ordinal));

        using var reopened = Open();
        Assert.Equal([Id(2)], reopened.Read(after: null, limit: 10).Select(IdOf));
    }

    [Fact]
    public async Task WaitAsync_NothingNew_CompletesWithTheNextAlert()
    {
        using var history = Open();
        history.Export([TestAlerts.Create(1)]);
        Assert.True(history.WaitAsync(after: null, TestContext.Current.CancellationToken).IsCompleted, "There is one already.");

        var wait = history.WaitAsync(Id(1), TestContext.Current.CancellationToken);
        Assert.False(wait.IsCompleted, "There is none after it.");
        history.Export([TestAlerts.Create(2)]);

        await wait.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
    }

    [Fact]
    public void Files_OfTheHistory_AreForTheOwnerOnly()
    {
        using var history = Open();
        history.Export([TestAlerts.Create(1)]);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Directory.GetFiles(_directory).Single()));
    }

    private static string Id(int number) => TestAlerts.Create(number).Id;

    private static string IdOf(byte[] alert) => JsonDocument.Parse(Encoding.UTF8.GetString(alert)).RootElement.GetProperty("id").GetString()!;

    private AlertHistory Open(int capacity = 100) => new(_directory, NullLogger<AlertHistory>.Instance, capacity);
}

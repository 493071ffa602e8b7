using KubeCop.Core.Workloads;
using KubeCop.Sensor;
using KubeCop.Sensor.Containers;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

namespace KubeCop.Tests.Sensor.Containers;

public sealed class ContainerInventoryTests : IDisposable
{
    private const string Boot = "bbd07eb5-2bdd-488d-9455-e1be091b338c";

    private static readonly DateTimeOffset Start = new(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly Scratch _data = new();
    private readonly FakeTimeProvider _time = new(Start);

    public void Dispose() => _data.Dispose();

    private string FilePath => $"{_data.Path}/inventory.json";

    [Fact]
    public void Find_AfterKill_ContinuesWithTheGap()
    {
        // Never disposed: that is what kill -9 leaves.
        var killed = Open();
        killed.Add(Container("a", 7));
        _time.Advance(TimeSpan.FromSeconds(5));
        var lastAlive = _time.GetUtcNow();
        var inventory = OpenLater(TimeSpan.FromMinutes(3));

        Assert.Equal(lastAlive, inventory.LastAlive);
        Assert.Equal(new KnownContainer(ContainerOrigin.Continued, Start, new ObservationGap(lastAlive, lastAlive.AddMinutes(3)), Container("a", 7).Revision), inventory.Find("a", 7));
    }

    [Fact]
    public void Find_AnotherCgroupOrContainerOrBoot_IsNotKnown()
    {
        var killed = Open();
        killed.Add(Container("a", 7));
        _time.Advance(TimeSpan.FromSeconds(1));

        Assert.Null(killed.Find("a", 7));
        var restarted = OpenLater(TimeSpan.Zero);
        Assert.NotNull(restarted.Find("a", 7));
        Assert.Null(restarted.Find("a", 8));
        Assert.Null(restarted.Find("b", 7));
        Assert.Null(OpenLater(TimeSpan.Zero, "another-boot").Find("a", 7));
    }

    [Fact]
    public void Find_ContainerWhoseBeginningWasNeverSeen_StaysAttached()
    {
        Open().Add(Container("a", 7) with { Origin = ContainerOrigin.Attached });
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(ContainerOrigin.Attached, OpenLater(TimeSpan.Zero).Find("a", 7)?.Origin);
    }

    [Fact]
    public void Remove_EndedContainer_IsNotKnownAfterRestart()
    {
        var killed = Open();
        killed.Add(Container("a", 7));
        killed.Add(Container("b", 8));
        killed.Remove("a");
        _time.Advance(TimeSpan.FromSeconds(1));

        var inventory = OpenLater(TimeSpan.Zero);
        Assert.Null(inventory.Find("a", 7));
        Assert.NotNull(inventory.Find("b", 8));
    }

    [Fact]
    public void ForgetEnded_OnlyOnceAllAreListed_ForgetsThoseThatEndedUnwatched()
    {
        var first = Open();
        first.Add(Container("a", 7));
        first.Add(Container("b", 8));
        _time.Advance(TimeSpan.FromSeconds(1));

        first.Dispose();
        var second = Open();
        second.Add(Container("a", 7));
        _time.Advance(TimeSpan.FromSeconds(1));

        // Killed before it has listed what runs.
        second.Dispose();
        var third = Open();
        Assert.NotNull(third.Find("b", 8));

        third.Add(Container("a", 7));
        Assert.Equal(["b"], third.ForgetEnded().Select(entry => entry.Id));
        Assert.Null(third.Find("b", 8));
        _time.Advance(TimeSpan.FromSeconds(1));
        var fourth = OpenLater(TimeSpan.Zero);
        Assert.Null(fourth.Find("b", 8));
        Assert.NotNull(fourth.Find("a", 7));
    }

    [Theory]
    [InlineData("{\"version\":1,\"bootId\":\"bbd07eb5-2b", "torn")]
    [InlineData("", "empty")]
    [InlineData("\0\0\0\0", "never written out")]
    [InlineData("{\"apiVersion\":\"v1\",\"items\":[]}", "somebody else's")]
    [InlineData("{\"version\":2,\"bootId\":\"b\",\"containers\":[]}", "of a later release")]
    [InlineData("{\"version\":1,\"bootId\":\"b\",\"containers\":[null]}", "with an empty entry")]
    public void Start_FileThatIsNotUnderstood_IsSetAsideAndKept(string content, string why)
    {
        _data.Write("inventory.json", content);
        var inventory = Open();
        inventory.Add(Container("a", 7));
        _time.Advance(TimeSpan.FromSeconds(1));

        var aside = Assert.Single(Directory.GetFiles(_data.Path, "inventory.json.bad-*"));
        Assert.True(content == File.ReadAllText(aside), $"The file ({why}) is not as it was.");
        Assert.NotNull(OpenLater(TimeSpan.Zero).Find("a", 7));
    }

    [Fact]
    public void Start_HalfWrittenReplacement_DoesNotMatter()
    {
        Open().Add(Container("a", 7));
        _time.Advance(TimeSpan.FromSeconds(1));
        _data.Write("inventory.json.new", "{\"vers");
        Assert.NotNull(OpenLater(TimeSpan.Zero).Find("a", 7));
    }

    [Fact]
    public void Start_DataDirectoryThatCannotBe_SaysWhichAndWhatToDo()
    {
        _data.Write("file", "");
        var error = Assert.Throws<SensorException>(
            () => new ContainerInventory($"{_data.Path}/file/data", Boot, _time, NullLogger<ContainerInventory>.Instance).Start());
        Assert.Contains($"{_data.Path}/file/data", error.Cause, StringComparison.Ordinal);
        Assert.Contains("--data-dir", error.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Start_InventoryThatIsADirectory_SaysSo()
    {
        _data.Make("inventory.json");
        Assert.Contains("inventory.json", Assert.Throws<SensorException>(Open).Cause, StringComparison.Ordinal);
    }

    [Fact]
    public void Add_ManyWithinASecond_AreWrittenOnce()
    {
        var inventory = Open();
        var before = File.ReadAllText(FilePath);
        for (var i = 0ul; i < 100; i++)
        {
            inventory.Add(Container($"c{i}", i));
        }

        Assert.Equal(before, File.ReadAllText(FilePath));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Contains("\"c99\"", File.ReadAllText(FilePath), StringComparison.Ordinal);
    }

    [Fact]
    public void Tick_WhileTheDiskRefuses_TriesAgainUntilItIsWritten()
    {
        var inventory = Open();
        _data.Make("inventory.json.new");
        inventory.Add(Container("a", 7));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.DoesNotContain("\"a\"", File.ReadAllText(FilePath), StringComparison.Ordinal);

        Directory.Delete($"{_data.Path}/inventory.json.new");
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.NotNull(OpenLater(TimeSpan.Zero).Find("a", 7));
    }

    [Fact]
    public async Task StopAsync_UnsavedContainer_IsWritten()
    {
        var inventory = Open();
        inventory.Add(Container("a", 7));
        await ((IHostedService)inventory).StopAsync(TestContext.Current.CancellationToken);
        Assert.NotNull(OpenLater(TimeSpan.Zero).Find("a", 7));
    }

    private static ContainerDescription Container(string id, ulong cgroupId) => new()
    {
        Id = id,
        Name = id,
        Runtime = "runc",
        Node = "n",
        Workload = new WorkloadKey("default", "Container", id),
        Origin = ContainerOrigin.Started,
        SeenAt = Start,
        CgroupId = cgroupId,
        CgroupPath = $"/{id}",
        Revision = "0123456789abcdef",
    };

    private ContainerInventory Open()
    {
        var inventory = new ContainerInventory(_data.Path, Boot, _time, NullLogger<ContainerInventory>.Instance);
        inventory.Start();
        return inventory;
    }

    // The killed run's timer must not go on beating: the clock of the new run is another.
    private ContainerInventory OpenLater(TimeSpan later, string boot = Boot)
    {
        var inventory = new ContainerInventory(_data.Path, boot, new FakeTimeProvider(_time.GetUtcNow() + later), NullLogger<ContainerInventory>.Instance);
        inventory.Start();
        return inventory;
    }
}

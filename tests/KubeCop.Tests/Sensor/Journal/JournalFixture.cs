using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Sensor.Journal;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace KubeCop.Tests.Sensor.Journal;

internal static class JournalFixture
{
    public static readonly WorkloadKey Workload = new("default", "Deployment", "shop");

    public static BehaviourJournal Open(string dataDirectory, Action<JournalOptions>? configure = null)
    {
        var options = new JournalOptions { SyncInterval = TimeSpan.FromMilliseconds(10), RetryInterval = TimeSpan.FromMilliseconds(50) };
        configure?.Invoke(options);
        var node = Options.Create(new NodeOptions { DataDirectory = dataDirectory });
        return new BehaviourJournal(node, Options.Create(options), TimeProvider.System, NullLogger<BehaviourJournal>.Instance);
    }

    public static ProfileDelta Delta(string text) => new()
    {
        Slot = new ProfileSlot("web", "0123456789abcdef", false),
        Generation = 1,
        Items = [new ObservedItem(new OpenItem(text, 5), DateTimeOffset.UnixEpoch)],
    };

    public static string TextOf(JournalEntry entry) => Assert.IsType<OpenItem>(Assert.Single(entry.Delta.Items).Item).Path;

    public static string[] Files(string dataDirectory) =>
        [.. Directory.GetFiles(Path.Combine(dataDirectory, "journal"), "*.journal").Order(StringComparer.Ordinal)];

    /// <summary>Waits for what the journal's own thread does.</summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        for (var deadline = Environment.TickCount64 + 30_000; !condition(); await Task.Delay(5, TestContext.Current.CancellationToken))
        {
            Assert.True(Environment.TickCount64 < deadline, $"After 30 s still not: {what}");
        }
    }
}

using System.Globalization;
using KubeCop.Testing.Storage;
using static KubeCop.Tests.Sensor.Journal.JournalFixture;

namespace KubeCop.Tests.Sensor.Journal;

public sealed class BehaviourJournalCrashTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    /// <summary>The part of a child process: appends numbers without end and tells how far they are synced and acknowledged.</summary>
    internal static async Task AppendForever(string dataDirectory)
    {
        using var journal = Open(dataDirectory, static options => options.SegmentBytes = 16 * 1024);
        for (var number = 1; ; number++)
        {
            var sequence = journal.Append(Workload, Delta(number.ToString(CultureInfo.InvariantCulture)));
            if (number % 5 == 0)
            {
                journal.Acknowledge(sequence);
            }

            if (number % 50 == 0)
            {
                await journal.FlushAsync(CancellationToken.None);
                ChildProcess.Say($"{number}");
            }
        }
    }

    [Fact]
    public async Task Kill_WhileAppending_LosesNothingThatWasSynced()
    {
        for (var round = 0; round < 3; round++)
        {
            Directory.Delete(_directory.Path, recursive: true);
            Directory.CreateDirectory(_directory.Path);
            using var writer = ChildProcess.Start(nameof(AppendForever), _directory.Path);
            var synced = 0;
            for (var line = 0; line < 20; line++)
            {
                synced = int.Parse(await writer.ReadLineAsync(TestContext.Current.CancellationToken), CultureInfo.InvariantCulture);
            }

            if (await writer.KillAsync() is [.., var last])
            {
                synced = int.Parse(last, CultureInfo.InvariantCulture);
            }

            using var journal = Open(_directory.Path);
            var left = journal.ReadUnacknowledged().Select(static entry => int.Parse(TextOf(entry), CultureInfo.InvariantCulture)).ToArray();
            Assert.Equal(left.Order().Distinct(), left);
            Assert.Empty(Enumerable.Range(1, synced).Where(static number => number % 5 != 0).Except(left));
            Assert.Empty(Directory.GetFiles(Path.Combine(_directory.Path, "journal"), "*.bad-*"));
        }
    }
}

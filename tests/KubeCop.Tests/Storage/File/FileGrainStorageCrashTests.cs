using System.Globalization;
using KubeCop.Testing.Storage;

namespace KubeCop.Tests.Storage.File;

public sealed class FileGrainStorageCrashTests : IDisposable
{
    private const int Grains = 4;

    private readonly TemporaryDirectory _directory = new();

    public sealed record Sample(int Number, string Padding);

    public void Dispose() => _directory.Dispose();

    /// <summary>The part of a child process: writes ever greater numbers and tells each that is stored.</summary>
    internal static async Task WriteForever(string directory)
    {
        var storage = FileStorageFixture.Open(directory);
        var states = Enumerable.Range(0, Grains).Select(static _ => new GrainState<Sample>()).ToArray();
        for (var grain = 0; grain < Grains; grain++)
        {
            await storage.ReadStateAsync("profile", Grain(grain), states[grain]);
        }

        for (var number = 1; ; number++)
        {
            for (var grain = 0; grain < Grains; grain++)
            {
                states[grain].State = new Sample(number, new string('x', number % 1000 * 100));
                await storage.WriteStateAsync("profile", Grain(grain), states[grain]);
                ChildProcess.Say($"{grain} {number}");
            }
        }
    }

    [Fact]
    public async Task Kill_WhileWriting_LosesNothingThatWasStored()
    {
        for (var round = 0; round < 3; round++)
        {
            var stored = new int[Grains];
            using var writer = ChildProcess.Start(nameof(WriteForever), _directory.Path);
            for (var line = 0; line < 50; line++)
            {
                Note(await writer.ReadLineAsync(TestContext.Current.CancellationToken));
            }

            foreach (var line in await writer.KillAsync())
            {
                Note(line);
            }

            var storage = FileStorageFixture.Open(_directory.Path);
            for (var grain = 0; grain < Grains; grain++)
            {
                var state = new GrainState<Sample>();
                await storage.ReadStateAsync("profile", Grain(grain), state);
                Assert.InRange(state.State!.Number, stored[grain], stored[grain] + 1);
                Assert.Equal(state.State!.Number % 1000 * 100, state.State!.Padding.Length);
            }

            Assert.Empty(Directory.GetFiles(_directory.Path, "*.tmp"));
            Assert.Empty(Directory.GetFiles(_directory.Path, "*.bad-*"));

            void Note(string line)
            {
                if (line.Split(' ') is [var grain, { Length: > 0 } number])
                {
                    stored[int.Parse(grain, CultureInfo.InvariantCulture)] = int.Parse(number, CultureInfo.InvariantCulture);
                }
            }
        }
    }

    private static GrainId Grain(int number) => GrainId.Create("workload", $"default/Deployment/{number}");
}

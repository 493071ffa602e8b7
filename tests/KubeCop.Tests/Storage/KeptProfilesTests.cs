using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Storage;
using KubeCop.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace KubeCop.Tests.Storage;

public sealed class KeptProfilesTests : IDisposable
{
    private static readonly WorkloadKey Workload = new("shop", "Deployment", "web");
    private static readonly ProfileSlot Slot = new("app", "r1", Partial: false);

    private readonly TestDirectory _directory = new();

    private string Path => _directory.Combine("profiles");

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Find_AfterRestart_GivesTheProfileThatWasKeptLast()
    {
        using (var first = Open())
        {
            first.Keep(Workload, Slot, Profile(version: 1, "/bin/old"));
            first.Keep(Workload, Slot, Profile(version: 2, "/bin/app"));
            Assert.Equal(2, first.Find(Workload, Slot)?.Version);
        }

        using var second = Open();
        var found = second.Find(Workload, Slot);

        Assert.NotNull(found);
        Assert.Equal((2, ProfileState.Final), (found.Version, found.State));
        Assert.Equal(["/bin/app"], found.Execs.Select(static exec => exec.Path));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(Assert.Single(Directory.GetFiles(Path))));
    }

    [Fact]
    public void Find_AnotherSlotOrWorkload_GivesNone()
    {
        using var kept = Open();
        kept.Keep(Workload, Slot, Profile(version: 1, "/bin/app"));

        Assert.Null(kept.Find(Workload, Slot with { Revision = "r2" }));
        Assert.Null(kept.Find(Workload, Slot with { Partial = true }));
        Assert.Null(kept.Find(Workload with { Name = "other" }, Slot));
    }

    [Fact]
    public void Find_DamagedFile_GivesNone()
    {
        using (var first = Open())
        {
            first.Keep(Workload, Slot, Profile(version: 1, "/bin/app"));
        }

        var file = Assert.Single(Directory.GetFiles(Path));
        var content = System.IO.File.ReadAllBytes(file);
        content[^10] ^= 1;
        System.IO.File.WriteAllBytes(file, content);

        using var second = Open();
        Assert.Null(second.Find(Workload, Slot));
    }

    [Fact]
    public void Forget_KeptProfile_DeletesItsFile()
    {
        using (var kept = Open())
        {
            kept.Keep(Workload, Slot, Profile(version: 1, "/bin/app"));
            kept.Forget(Workload, Slot);
            Assert.Null(kept.Find(Workload, Slot));
        }

        Assert.Equal(0, Files());
    }

    [Fact]
    public async Task Keep_MoreThanThereIsRoomFor_ForgetsTheOldest()
    {
        using var kept = new KeptProfiles(Path, NullLogger<KeptProfiles>.Instance, mostFiles: 3);
        for (var number = 0; number < 5; number++)
        {
            var slot = Slot with { Revision = $"r{number}" };
            kept.Keep(Workload, slot, Profile(version: 1, "/bin/app"));
            await Wait.UntilAsync(() => Files(), count => count == Math.Min(number + 1, 3), $"{Math.Min(number + 1, 3)} files");
        }

        // There were three files also before room was made for the last ones.
        await Wait.UntilAsync(
            () => string.Join(' ', Enumerable.Range(0, 5).Where(number => kept.Find(Workload, Slot with { Revision = $"r{number}" }) is not null)),
            static found => found == "2 3 4",
            "the last three alone");
    }

    [Fact]
    public void Keep_DirectoryCannotBeMade_GoesOnWithout()
    {
        System.IO.File.WriteAllText(Path, "");
        using var kept = Open();

        kept.Keep(Workload, Slot, Profile(version: 1, "/bin/app"));
        kept.Dispose();

        Assert.Null(kept.Find(Workload, Slot));
    }

    private KeptProfiles Open() => new(Path, NullLogger<KeptProfiles>.Instance);

    // None before the first was written.
    private int Files() => Directory.Exists(Path) ? Directory.GetFiles(Path, "*.profile").Length : 0;

    private static ContainerProfile Profile(long version, string program) => new()
    {
        Name = "app",
        Revision = "r1",
        State = ProfileState.Final,
        Version = version,
        Generation = 1,
        LearningStartedAt = DateTimeOffset.UnixEpoch,
        CompletesAt = DateTimeOffset.UnixEpoch.AddMinutes(15),
        Execs = [new ExecEntry(program, program, [program], DateTimeOffset.UnixEpoch)],
        Opens = [],
        IsPartial = false,
    };
}

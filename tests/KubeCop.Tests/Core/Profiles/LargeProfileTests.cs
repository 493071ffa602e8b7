using KubeCop.Core.Profiles;

namespace KubeCop.Tests.Core.Profiles;

/// <summary>A profile that somebody has filled, far beyond what is ever learned.</summary>
public sealed class LargeProfileTests
{
    private const int Entries = 100_000;

    [Fact]
    public void Profile_OfAHundredThousandEntries_CoversThemAndNothingElse()
    {
        var now = DateTimeOffset.UnixEpoch;
        var profile = new CompiledProfile(Sample.ContainerProfile() with
        {
            Opens =
            [
                .. Enumerable.Range(0, Entries).Select(index => new OpenEntry($"/srv/{index % 1000}/file-{index}", ["O_RDONLY"], now)),
                .. Enumerable.Range(0, Entries).Select(index => new OpenEntry($"/var/{index % 1000}/⋯/{index}/*", ["O_RDONLY"], now)),
            ],
            Execs = [.. Enumerable.Range(0, Entries).Select(index => new ExecEntry($"/opt/program-{index}", $"/opt/program-{index}", ["program", $"{index}"], now))],
        });

        foreach (var index in (int[])[0, 1, Entries / 2, Entries - 1])
        {
            Assert.True(profile.Covers(Sample.Open($"/srv/{index % 1000}/file-{index}")), $"file {index}");
            Assert.True(profile.Covers(Sample.Open($"/var/{index % 1000}/any/{index}/below/it")), $"pattern {index}");
            Assert.True(profile.Covers(Sample.Exec($"/opt/program-{index}", $"/opt/program-{index}", args: ["program", $"{index}"])), $"program {index}");
        }

        Assert.False(profile.Covers(Sample.Open($"/srv/0/file-{Entries}")));
        Assert.False(profile.Covers(Sample.Open("/var/1/any/2/below")));
        Assert.False(profile.Covers(Sample.Exec($"/opt/program-{Entries}")));
    }
}

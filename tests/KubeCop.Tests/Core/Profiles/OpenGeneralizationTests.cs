using CsCheck;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;

namespace KubeCop.Tests.Core.Profiles;

public sealed class OpenGeneralizationTests
{
    private const int Threshold = 3;

    private static readonly string[] Words = ["data", "etc", ".ssh", "secrets", "id_rsa", "*", "⋯", "..", "⋯x", "tmp.aB3dE9"];

    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private static readonly Gen<string> Names = Gen.OneOf(
        Gen.Int[0, 30].Select(static n => $"{n}"),
        Gen.Int[0, 30].Select(static n => $"log.{n:0000}"),
        Gen.Int[0, 1 << 24].Select(static n => $"{n:x3}a1b2c3"),
        Gen.Int[0, Words.Length - 1].Select(static n => Words[n]));

    private static readonly Gen<OpenEntry[]> Profiles =
        Gen.Select(Names.Array[1, 5], Gen.UInt[1, 0xFFF], Gen.Int[0, 100]).Select(static (names, flags, second) => new OpenEntry(
            PathPatterns.Literal($"/{string.Join('/', names)}"), OpenFlags.Names(OpenFlags.ToSet(flags)), Start.AddSeconds(second)))
        .Array[0, 200]
        .Select(static opens => opens.DistinctBy(static open => open.Path).ToArray());

    [Theory]
    [InlineData("17", "#")]
    [InlineData("app.log.3", "app.log.#")]
    [InlineData("2026-01-02T10", "#-#-#T#")]
    [InlineData("base64", "base#")]
    [InlineData("x86_64", "x#_#")]
    [InlineData("3f2504e0-4f89-11d3-9a0c-0305e82c3301", "?")]
    [InlineData("tmp.k3X9q1", "?")]
    [InlineData("index-9f86d081884c.js", "?")]
    [InlineData("config", null)]
    [InlineData("", null)]
    public void KindOf_Name_IsWhatItHasInCommonWithOthers(string name, string? kind) => Assert.Equal(kind, OpenGeneralization.KindOf(name));

    [Fact]
    public void Collapse_UpToTheThreshold_KeepsEachFile()
    {
        var opens = Files(Threshold, static n => $"/var/cache/app/{n}");

        Assert.Equal(opens, OpenGeneralization.Collapse(opens, Threshold));
    }

    [Fact]
    public void Collapse_OneMore_IsAPatternOfAllWithTheirFlagsAndFirstTime()
    {
        var opens = Files(Threshold + 1, static n => $"/var/cache/app/{n}");
        opens = [.. opens.Skip(1), opens[0] with { Flags = ["O_WRONLY"] }, new OpenEntry("/var/cache/app/index", ["O_RDONLY"], Start)];

        var collapsed = OpenGeneralization.Collapse(opens, Threshold);

        Assert.Equal(["/var/cache/app/index", "/var/cache/app/⋯"], collapsed.Select(static open => open.Path));
        Assert.Equal((0, Threshold + 1), (collapsed[0].Collapsed, collapsed[1].Collapsed));
        Assert.Equal(["O_RDONLY", "O_WRONLY"], collapsed[1].Flags.Order(StringComparer.Ordinal));
        Assert.Equal(Start, collapsed[1].FirstSeen);
    }

    [Fact]
    public void Collapse_VariableDirectories_UnitesWhatIsBelowThem()
    {
        var opens = Files(Threshold + 1, static n => $"/srv/sessions/{n}/state").Concat(Files(Threshold + 1, static n => $"/srv/sessions/{n}/part-{n}")).ToArray();

        var collapsed = OpenGeneralization.Collapse(opens, Threshold);

        Assert.Equal(["/srv/sessions/⋯/state", "/srv/sessions/⋯/⋯"], collapsed.Select(static open => open.Path));
    }

    [Fact]
    public void Collapse_NamesOfDifferentKinds_KeepsThem()
    {
        var opens = new[] { "base64", "utf8", "sha1", "x86_64", "2fa" }.Select(static name => new OpenEntry($"/app/node_modules/{name}", ["O_RDONLY"], Start)).ToArray();

        Assert.Equal(opens.Select(static open => open.Path).Order(StringComparer.Ordinal), OpenGeneralization.Collapse(opens, Threshold).Select(static open => open.Path));
    }

    [Theory]
    [InlineData("/etc/app.d")]
    [InlineData("/proc")]
    [InlineData("/srv/app/secrets")]
    [InlineData("/data/.ssh")]
    public void Collapse_SensitiveDirectory_KeepsEachFile(string directory)
    {
        var opens = Files(5 * Threshold, n => $"{directory}/{n}");

        Assert.Equal(opens, OpenGeneralization.Collapse(opens, Threshold).OrderBy(static open => open.Path.Length).ThenBy(static open => open.Path, StringComparer.Ordinal));
    }

    [Fact]
    public void Collapse_ThresholdOfNothing_MakesNoPatterns()
    {
        var opens = Files(100, static n => $"/var/cache/app/{n}");

        Assert.Equal(opens, OpenGeneralization.Collapse(opens, threshold: 0));
    }

    [Fact]
    public void Collapse_Anything_ForgetsNothing() => Profiles.Sample(static opens =>
    {
        var patterns = new PathPatterns(OpenGeneralization.Collapse(opens, Threshold).Where(static open => PathPatterns.IsPattern(open.Path)));
        var files = OpenGeneralization.Collapse(opens, Threshold).ToDictionary(static open => open.Path, static open => OpenFlags.Parse(open.Flags));
        foreach (var open in opens)
        {
            var flags = OpenFlags.Parse(open.Flags);
            Assert.Equal(flags, (files.GetValueOrDefault(open.Path) | patterns.Find(open.Path).Flags) & flags);
            Assert.True(!SensitivePaths.Covers(open.Path) || files.ContainsKey(open.Path), $"{open.Path} is not listed by itself.");
        }
    });

    [Fact]
    public void Collapse_InAnotherOrder_IsTheSame() => Gen.Select(Profiles, Gen.Int).Sample(static (opens, seed) =>
    {
        var shuffled = opens.ToArray();
        new Random(seed).Shuffle(shuffled);

        Assert.Equal(Texts(OpenGeneralization.Collapse(opens, Threshold)), Texts(OpenGeneralization.Collapse(shuffled, Threshold)));
    });

    [Fact]
    public void Collapse_MoreFiles_CoversAtLeastAsMuch() => Gen.Select(Profiles, Profiles).Sample(static (some, more) =>
    {
        var all = some.Concat(more).GroupBy(static open => open.Path).Select(static same => same.First()).ToArray();
        var before = new PathPatterns(OpenGeneralization.Collapse(some, Threshold).Where(static open => PathPatterns.IsPattern(open.Path)));
        var after = new PathPatterns(OpenGeneralization.Collapse(all, Threshold).Where(static open => PathPatterns.IsPattern(open.Path)));
        foreach (var open in more)
        {
            Assert.True(before.Find(open.Path).Flags == 0 || after.Find(open.Path).Flags != 0 || SensitivePaths.Covers(open.Path), $"{open.Path} was covered before.");
        }
    });

    // Two by the same path are the same here but for the flags, which are compared as sets.
    private static IEnumerable<string> Texts(IEnumerable<OpenEntry> opens) =>
        opens.Select(static open => $"{open.Path} {string.Join(',', open.Flags)} {open.FirstSeen:O} {open.Collapsed}").Order(StringComparer.Ordinal);

    private static OpenEntry[] Files(int count, Func<int, string> path) =>
        [.. Enumerable.Range(0, count).Select(n => new OpenEntry(path(n), ["O_RDONLY"], Start.AddSeconds(n)))];
}

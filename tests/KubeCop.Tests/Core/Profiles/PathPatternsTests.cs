using System.Diagnostics;
using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Testing;

namespace KubeCop.Tests.Core.Profiles;

public sealed class PathPatternsTests
{
    private const uint Read = 1;
    private const uint Write = 2;

    [Theory]
    [InlineData("/tmp/⋯", "/tmp/x", true, true)]
    [InlineData("/tmp/⋯", "/tmp/⋯", true, true)]
    [InlineData("/tmp/⋯", "/tmp", false, false)]
    [InlineData("/tmp/⋯", "/tmp/x/y", false, false)]
    [InlineData("/tmp/⋯", "/tmpx/y", false, false)]
    [InlineData("/tmp/⋯", "(unreachable)/tmp/x", false, false)]
    [InlineData("/tmp/⋯/x", "/tmp/a/x", true, false)]
    [InlineData("/tmp/⋯/x", "/tmp/a/y", false, false)]
    [InlineData("/tmp/⋯/x", "/tmp/a/b/x", false, false)]
    [InlineData("/⋯/b/⋯", "/a/b/c", true, true)]
    [InlineData("/⋯/⋯/⋯/⋯", "/a/b/c/d", true, true)]
    [InlineData("/⋯/⋯/⋯/⋯", "/a/b/c", false, false)]
    [InlineData("/tmp/*", "/tmp/x", true, true)]
    [InlineData("/tmp/*", "/tmp/x/y/z", true, true)]
    [InlineData("/tmp/*", "/tmp", false, false)]
    [InlineData("/⋯/log/*", "/var/log/a/b", true, true)]
    [InlineData("/*", "/x", true, true)]
    [InlineData("/*", "/", false, false)]
    [InlineData("/⋯", "/", false, false)]
    [InlineData("/⋯/⋯", "//", false, false)]
    [InlineData("/tmp/*.log", "/tmp/x.log", false, false)]
    [InlineData("/tmp/*/x", "/tmp/a/x", false, false)]
    [InlineData("/tmp/x⋯", "/tmp/xy", false, false)]
    public void Pattern_Covers_WhatItsVariableSegmentsStandFor(string pattern, string path, bool isCovered, bool isAnyNameCovered)
    {
        var profile = Profile((pattern, Read));
        Assert.Equal(isCovered ? Read : 0, profile.OpenFlagsOf(path));
        Assert.Equal(isAnyNameCovered ? Read : 0, profile.OpenFlagsBeside(path));
        Assert.Equal(isCovered, profile.Covers(Sample.Open(path)));
    }

    [Fact]
    public void Flags_OfTheOwnEntryAndOfAllPatterns_AreUnited()
    {
        var profile = Profile(("/tmp/x", 0x40), ("/tmp/⋯", Read), ("/tmp/*", Write), ("/⋯/x", 0x400), ("/tmp/x/⋯", 0x800));
        Assert.Equal(0x40 | Read | Write | 0x400, profile.OpenFlagsOf("/tmp/x"));
        Assert.Equal(Read | Write, profile.OpenFlagsBeside("/tmp/x"));
        Assert.True(profile.Covers(Sample.Open("/tmp/x", 0x40)));
        Assert.False(profile.Covers(Sample.Open("/tmp/y", 0x40)));
    }

    [Theory]
    [InlineData("/data/*", @"/data/\x2a")]
    [InlineData("/⋯/⋯/x", @"/\xe2\x8b\xaf/\xe2\x8b\xaf/x")]
    [InlineData("/⋯/*/*", @"/\xe2\x8b\xaf/*/\x2a")]
    public void Literal_OfAFileThatIsCalledSo_IsNoPattern(string path, string literal)
    {
        Assert.True(PathPatterns.IsPattern(path));
        Assert.Equal(literal, PathPatterns.Literal(path));
        Assert.False(PathPatterns.IsPattern(literal));
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/a/*/b")]
    [InlineData("/a/x*")]
    [InlineData("/a⋯/b")]
    [InlineData("⋯")]
    [InlineData("(truncated)/a/⋯")]
    public void Path_WithoutAVariableSegment_IsNoPattern(string path) => Assert.False(PathPatterns.IsPattern(path));

    /// <summary>Against the definition, word for word.</summary>
    [Fact]
    public void Look_Up_OfRandomPathsInRandomPatterns_FindsWhatTheDefinitionDoes()
    {
        var random = new Random(20261125);
        string[] names = ["a", "b", "cc"];
        for (var round = 0; round < 300; round++)
        {
            var opens = Enumerable.Range(0, random.Next(1, 12)).Select(_ => (Path: RandomPattern(), Flags: 1u << random.Next(6, 12))).ToList();
            var profile = Profile([.. opens]);
            for (var i = 0; i < 20; i++)
            {
                var path = string.Concat(Enumerable.Range(0, random.Next(1, 6)).Select(_ => $"/{names[random.Next(names.Length)]}"));
                var covering = opens.Where(open => Stands(open.Path.Split('/'), path.Split('/'))).ToList();
                Assert.Equal(Union(covering), profile.OpenFlagsOf(path));
                Assert.Equal(Union(covering.Where(static open => open.Path[^1] is '⋯' or '*')), profile.OpenFlagsBeside(path));
            }
        }

        string RandomPattern() =>
            string.Concat(Enumerable.Range(0, random.Next(1, 5)).Select(_ => random.Next(3) == 0 ? "/⋯" : $"/{names[random.Next(names.Length)]}")) + (random.Next(4) == 0 ? "/*" : "");

        static uint Union(IEnumerable<(string Path, uint Flags)> opens) => opens.Aggregate(0u, static (all, open) => all | open.Flags);

        static bool Stands(string[] pattern, string[] path) =>
            (pattern[^1] == "*" ? path.Length >= pattern.Length : path.Length == pattern.Length)
            && pattern.Take(pattern[^1] == "*" ? pattern.Length - 1 : pattern.Length).Zip(path).All(static pair => pair.First == "⋯" || pair.First == pair.Second);
    }

    [Fact]
    public void Look_Up_AllocatesNothing()
    {
        var profile = Profile(("/tmp/known", Read), ("/tmp/⋯", Read), ("/⋯/⋯/x", Read), ("/srv/*", Read));
        string[] paths = ["/tmp/known", "/tmp/new", "/a/b/x", "/srv/a/b/c/d", "/nowhere", $"/srv/{new string('x', 4000)}", $"/srv/{new string('x', 5000)}"];
        var found = 0u;
        Assert.Equal(0, Allocations.Of(() =>
        {
            for (var i = 0; i < 1000; i++)
            {
                foreach (var path in paths)
                {
                    found |= profile.OpenFlagsOf(path) | profile.OpenFlagsBeside(path);
                }
            }
        }));
        Assert.Equal(Read, found);
    }

    /// <summary>More shapes than are kept, and paths that nearly fit each: a look-up costs what the bound allows.</summary>
    [Fact]
    public void Look_Up_InAProfileMadeToBeSlow_IsBounded()
    {
        const int Depth = 12;
        var opens = Enumerable.Range(1, (1 << Depth) - 1)
            .Select(static shape => (string.Concat(Enumerable.Range(0, Depth).Select(segment => (shape >> segment & 1) != 0 ? "/⋯" : "/a")), Read))
            .Concat(Enumerable.Range(0, 50_000).Select(static number => ($"/exact/{number}", Read)))
            .Concat(Enumerable.Range(0, 50_000).Select(static number => ($"/many/{number}/⋯", Read)))
            .ToArray();
        var profile = Profile(opens);
        var path = string.Concat(Enumerable.Repeat("/a", Depth - 1)) + "/b";

        var time = Stopwatch.StartNew();
        for (var i = 0; i < 10_000; i++)
        {
            _ = profile.OpenFlagsOf(path);
        }

        Assert.True(time.Elapsed < TimeSpan.FromSeconds(20), $"10 000 look-ups took {time.Elapsed}");
        Assert.Equal(Read, profile.OpenFlagsOf("/exact/49999"));
        // The shape of the most patterns is never the one that is left out.
        Assert.Equal(Read, profile.OpenFlagsOf("/many/49999/x"));
        Assert.Equal(0u, profile.OpenFlagsOf(string.Concat(Enumerable.Repeat("/a", 3000))));
    }

    private static CompiledProfile Profile(params (string Path, uint Flags)[] opens) => new(Sample.ContainerProfile() with
    {
        Opens = [.. opens.Select(static open => new OpenEntry(open.Path, OpenFlags.Names(open.Flags), Sample.Boot))],
    });
}

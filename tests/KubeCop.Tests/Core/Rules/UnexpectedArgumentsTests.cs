using KubeCop.Core.Events;
using KubeCop.Core.Profiles;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Deviations;
using KubeCop.Testing;

namespace KubeCop.Tests.Core.Rules;

public sealed class UnexpectedArgumentsTests
{
    private static readonly IRule Rule = UnexpectedArguments.Type.Create(RuleArguments.Default);

    [Theory]
    [InlineData("-x /etc/nginx.conf", "-x /etc/nginx.conf", false)]
    [InlineData("-x /etc/nginx.conf", "-x /etc/other.conf", true)]
    [InlineData("-x /etc/nginx.conf", "-x", true)]
    [InlineData("-x /etc/nginx.conf", "-x /etc/nginx.conf -g", true)]
    [InlineData("-x a b", "-x b a", true)]
    // Alike wherever they stand.
    [InlineData("-p 80 -n 1", "-p 8080 -n 22", false)]
    [InlineData("--port=80", "--port=81", false)]
    [InlineData("--port=80", "--host=80", true)]
    [InlineData("run 3f2a9c4e-0b1d-4c5e-8f70-1234567890ab", "run aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee", false)]
    [InlineData("gc sha256:9f86d081884c7d65", "gc sha256:2c26b46b68ffc68f", false)]
    [InlineData("-f /tmp/tmp.Ab3dE", "-f /tmp/x/y", false)]
    [InlineData("-f /tmp/tmp.Ab3dE", "-f /etc/tmp.Ab3dE", true)]
    [InlineData("stop", "start", true)]
    public void Arguments_OfAProgramThatRanOnce_AreAlikeOrNot(string learned, string given, bool fires)
    {
        var profile = Sample.Profile(Sample.ExecItem("/usr/bin/x", null, learned.Split(' ')));
        Assert.Equal(fires, Evaluate(Exec("/usr/bin/x", given.Split(' ')), profile) is not null);
    }

    [Theory]
    [InlineData("resize -w 5 cat.png out.png", false)]
    [InlineData("resize -w 5 bird.png elsewhere.png", false)]
    [InlineData("resize -w 5 --exec=id out.png", true)] // of other words
    [InlineData("resize -w 5 -rf out.png", true)] // an option
    [InlineData("remove -w 5 cat.png out.png", true)]
    [InlineData("resize -w 5 cat.png", true)]
    public void Words_ThatVariedWhileLearning_MayBeOthers(string given, bool fires)
    {
        var profile = Sample.Profile(
            Sample.ExecItem("/usr/bin/convert", null, "resize", "-w", "5", "dog.png", "a.png"),
            Sample.ExecItem("/usr/bin/convert", null, "resize", "-w", "5", "cow.png", "b.png"));
        Assert.Equal(fires, Evaluate(Exec("/usr/bin/convert", given.Split(' ')), profile) is not null);
    }

    [Theory]
    [InlineData("ping -c 1 host-c", false)]
    [InlineData("ping -c 3 host-c", false)]
    [InlineData("ping -c 1 host-c; id", true)]
    [InlineData("ping -c 1 $(id)", true)]
    [InlineData("ping -c 1 `id`", true)]
    [InlineData("ping -c 1 host-c | sh", true)]
    [InlineData("wget -c 1 host-c", true)]
    public void Commands_OfAShell_DoNotVaryWithTheirWords(string given, bool fires)
    {
        var profile = Sample.Profile(
            Sample.ExecItem("/bin/sh", "/bin/busybox", "-c", "ping -c 1 host-a"), Sample.ExecItem("/bin/sh", "/bin/busybox", "-c", "ping -c 1 host-b"));
        Assert.Equal(fires, Evaluate(Sample.Exec("/bin/sh", "/bin/busybox", args: ["sh", "-c", given]), profile) is not null);
    }

    [Fact]
    public void Commands_OfAShell_AreKnownOnlyThemselves()
    {
        var profile = Sample.Profile([.. ((string[])["date", "uptime", "free"]).Select(static command => Sample.ExecItem("/bin/sh", null, "-c", $"{command} -x"))]);
        Assert.Null(Evaluate(Exec("/bin/sh", "-c", "uptime -x"), profile));
        Assert.NotNull(Evaluate(Exec("/bin/sh", "-c", "nc -x"), profile));
    }

    [Fact]
    public void Scripts_OfAShell_AreKnownOnlyThemselves()
    {
        var profile = Sample.Profile(Sample.ExecItem("/bin/sh", null, "/a.sh", "one"), Sample.ExecItem("/bin/sh", null, "/b.sh", "two"));
        Assert.Null(Evaluate(Exec("/bin/sh", "/a.sh", "three"), profile));
        Assert.NotNull(Evaluate(Exec("/bin/sh", "/c.sh", "one"), profile));
    }

    [Fact]
    public void Arguments_BeginAndEnd()
    {
        var profile = Sample.Profile(Sample.ExecItem("/usr/bin/x", null, "a b", "c"));
        Assert.Null(Evaluate(Exec("/usr/bin/x", "a b", "c"), profile));
        Assert.NotNull(Evaluate(Exec("/usr/bin/x", "a", "b c"), profile));
        Assert.NotNull(Evaluate(Exec("/usr/bin/x", "a b", "c", ""), profile));
        Assert.NotNull(Evaluate(Exec("/usr/bin/x"), profile));
    }

    [Fact]
    public void Program_WithAsManyListsAsAreKept_MayHaveAny()
    {
        var lists = Enumerable.Range(0, ExecItem.MaxArgumentLists).Select(static i => Sample.ExecItem("/usr/bin/x", null, $"-{(char)('a' + i % 26)}{(char)('a' + i / 26)}")).ToArray();
        Assert.Null(Evaluate(Exec("/usr/bin/x", "whatever", "-else"), Sample.Profile(lists)));
        Assert.NotNull(Evaluate(Exec("/usr/bin/x", "whatever", "-else"), Sample.Profile(lists[1..])));
    }

    [Fact]
    public void Entry_OfPeople_MayLeaveOutExecutableAndArguments()
    {
        Assert.Null(Evaluate(Exec("/usr/bin/x", "any"), Sample.Profile(Sample.ExecItem("/usr/bin/x", ""))));
        Assert.Null(Evaluate(Exec("/usr/bin/x", "any"), Sample.Profile(Sample.ExecItem("/usr/bin/x", "", "*"))));
        Assert.Null(Evaluate(Exec("/usr/bin/x", "any"), Sample.Profile(Sample.ExecItem("/usr/bin/x", null, "*"), Sample.ExecItem("/usr/bin/x"))));
        Assert.NotNull(Evaluate(Exec("/usr/bin/x", "any"), Sample.Profile(Sample.ExecItem("/usr/bin/x", null, "*", "*"))));
        Assert.NotNull(Evaluate(Exec("/usr/bin/x", "any"), Sample.Profile(Sample.ExecItem("/usr/bin/x", "/other", "*"), Sample.ExecItem("/usr/bin/x"))));
        Assert.Null(Evaluate(Exec("/usr/bin/x", "-a"), Sample.Profile(Sample.ExecItem("/usr/bin/x", "", "-a"))));
        Assert.NotNull(Evaluate(Exec("/usr/bin/x", "any"), Sample.Profile(Sample.ExecItem("/usr/bin/x", "", "-a"))));
        // Beside what was learned, too.
        var both = Sample.Profile(Sample.ExecItem("/usr/bin/x", null, "learned"), Sample.ExecItem("/usr/bin/x", "", "-a"));
        Assert.Null(Evaluate(Exec("/usr/bin/x", "-a"), both));
        Assert.Null(Evaluate(Exec("/usr/bin/x", "learned"), both));
    }

    [Fact]
    public void Program_ThatIsUnknown_IsLeftToR0001()
    {
        var profile = Sample.Profile(Sample.ExecItem("/bin/ls", "/bin/busybox", "-l"));
        Assert.Null(Evaluate(Exec("/bin/cat", "x"), profile));
        Assert.Null(Evaluate(Sample.Exec("/bin/ls", "/tmp/ls", args: ["ls", "x"]), profile));
        Assert.NotNull(Evaluate(Sample.Exec("/bin/ls", "/bin/busybox", args: ["ls", "x"]), profile));
    }

    [Theory]
    [InlineData(EventFlags.ArgumentsTruncated)]
    [InlineData(EventFlags.ArgumentsUnreadable)]
    [InlineData(EventFlags.Refused)]
    public void Arguments_ThatAreNotKnown_AreNotJudged(EventFlags flags) =>
        Assert.Null(Evaluate(Sample.Exec("/usr/bin/x", flags: flags, args: ["x", "y"]), Sample.Profile(Sample.ExecItem("/usr/bin/x"))));

    [Fact]
    public void Finding_NamesTheArgumentsAndAllowsThem()
    {
        var finding = Evaluate(Exec("/usr/bin/x", "-n", "17", "it's"), Sample.Profile(Sample.ExecItem("/usr/bin/x")));
        Assert.Equal("/usr/bin/x -n 0 it's", finding?.Subject);
        Assert.Equal(@"Unexpected process arguments: /usr/bin/x was started with -n 17 'it'\''s'", finding!.Message);
        Assert.Equal(@"kubecop profiles allow shop/deployment-web --container web --exec /usr/bin/x --executable /usr/bin/x --arg=-n --arg 17 --arg 'it'\''s'", finding.Fix);
        Assert.EndsWith("was started with no arguments", Evaluate(Exec("/usr/bin/x"), Sample.Profile(Sample.ExecItem("/usr/bin/x", null, "y")))?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Findings_WithLongArguments_AreOneSubjectOnlyIfAlike()
    {
        var profile = Sample.Profile(Sample.ExecItem("/usr/bin/x"));
        var start = new string('y', 2000);
        var first = Evaluate(Exec("/usr/bin/x", $"{start} a"), profile)!.Subject;
        Assert.NotEqual(first, Evaluate(Exec("/usr/bin/x", $"{start} b"), profile)!.Subject);
        Assert.Equal(first, Evaluate(Exec("/usr/bin/x", $"{start} a"), profile)!.Subject);
        Assert.InRange(first.Length, 512, 600);
    }

    [Fact]
    public void LongArguments_AreComparedWhole()
    {
        var words = string.Join(' ', Enumerable.Range(0, 500).Select(static i => $"w{(char)('a' + i % 26)}"));
        var profile = Sample.Profile(Sample.ExecItem("/usr/bin/x", null, words), Sample.ExecItem("/usr/bin/x", null, $"{words}z"));
        Assert.Null(Evaluate(Exec("/usr/bin/x", words), profile));
        Assert.NotNull(Evaluate(Exec("/usr/bin/x", $"{words}y"), profile));

        var word = new string('y', 1000);
        profile = Sample.Profile(Sample.ExecItem("/usr/bin/x", null, word));
        Assert.Null(Evaluate(Exec("/usr/bin/x", word), profile));
        Assert.NotNull(Evaluate(Exec("/usr/bin/x", $"{word}z"), profile));
    }

    [Fact]
    public void KnownArguments_AllocateNothing()
    {
        var profile = Sample.Profile(Sample.ExecItem("/bin/sh", null, "-c", "ping -c 1 host-a"), Sample.ExecItem("/bin/sh", null, "-c", "ping -c 1 host-b"));
        var exec = Exec("/bin/sh", "-c", "ping -c 42 host-c");
        Assert.Null(Evaluate(exec, profile));
        Assert.Equal(0, Allocations.Of(() =>
        {
            for (var round = 0; round < 1000; round++)
            {
                Evaluate(exec, profile);
            }
        }));
    }

    private static SensorEvent Exec(string path, params string[] arguments) => Sample.Exec(path, args: [path, .. arguments]);

    private static Finding? Evaluate(SensorEvent sensorEvent, CompiledProfile profile) => Rule.Evaluate(sensorEvent, new RuleContext(Sample.Container, profile));
}

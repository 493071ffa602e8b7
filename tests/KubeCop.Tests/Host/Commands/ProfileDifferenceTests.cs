using KubeCop.Host;
using KubeCop.Host.Commands;
using KubeCop.Host.Http;
using KubeCop.Testing;

namespace KubeCop.Tests.Host.Commands;

public sealed class ProfileDifferenceTests : IDisposable
{
    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly TestDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public void Diff_OfAProfileAndItsExport_IsNothing()
    {
        var profile = Profile();
        using (var file = File.CreateText(_directory.Combine("export.yaml")))
        {
            ProfileYaml.Write(profile, file);
        }

        Assert.Equal("", Diff(ProfileDifference.LinesOf(profile), ProfileDifference.ReadLines(_directory.Combine("export.yaml"))));
    }

    [Fact]
    public void Diff_EntriesAddedAndGone_AreALineEach()
    {
        var before = Profile();
        var after = before with
        {
            Containers =
            [
                before.Containers[0] with
                {
                    Execs = [before.Containers[0].Execs[0], new ExecView("/bin/\u001bid", "/bin/busybox", ["-u", "-n"], Time)],
                    Syscalls = ["write"],
                    Opens = [new OpenView("/etc/hosts", ["O_WRONLY", "O_RDONLY"], Time)],
                },
            ],
        };

        Assert.Equal(
            """
            + web execs: /bin/\x1bid args=[-u, -n]
            + web opens: /etc/hosts flags=[O_RDONLY, O_WRONLY]
            - web opens: /etc/hosts flags=[O_RDONLY]
            - web syscalls: read
            + web syscalls: write

            """,
            Diff(ProfileDifference.LinesOf(before), ProfileDifference.LinesOf(after)));
    }

    [Fact]
    public void Diff_OneArgumentThatLooksLikeTwo_IsAnother()
    {
        var (one, two) = (Started(["a, b"]), Started(["a", "b"]));

        Assert.Equal(
            """
            - web execs: /bin/id args=["a, b"]
            + web execs: /bin/id args=[a, b]

            """,
            Diff(ProfileDifference.LinesOf(one), ProfileDifference.LinesOf(two)));

        static ProfileView Started(string[] arguments) =>
            Profile() with { Containers = [Profile().Containers[0] with { Execs = [new ExecView("/bin/id", "/bin/busybox", arguments, Time)] }] };
    }

    [Fact]
    public void Diff_OrderOfEntriesAndFlags_MakesNoDifference()
    {
        var profile = Profile() with { Containers = [Profile().Containers[0] with { Opens = [new("/a", ["O_RDWR", "O_CREAT"], Time), new("/b", ["O_RDONLY"], Time)] }] };
        var other = profile with { Containers = [profile.Containers[0] with { Opens = [new("/b", ["O_RDONLY"], Time), new("/a", ["O_CREAT", "O_RDWR"], Time)] }] };

        Assert.Equal("", Diff(ProfileDifference.LinesOf(profile), ProfileDifference.LinesOf(other)));
    }

    [Fact]
    public void Diff_EmptySectionAndNone_Differ()
    {
        var empty = Profile() with { Containers = [Profile().Containers[0] with { Syscalls = [] }] };
        var none = empty with { Containers = [empty.Containers[0] with { LearnedSections = [.. empty.Containers[0].LearnedSections.Where(static section => section != "syscalls")] }] };

        Assert.Equal("- web syscalls:\n", Diff(ProfileDifference.LinesOf(empty), ProfileDifference.LinesOf(none)));
    }

    [Theory]
    [InlineData("kind: RuntimeRuleAlertBinding\nspec: {}", "ApplicationProfile")]
    [InlineData("- 1", "ApplicationProfile")]
    [InlineData("kind: ApplicationProfile\nspec: { containers: [{ execs: [] }] }", "no name")]
    [InlineData("kind: ApplicationProfile\nspec: {}\n---\nkind: ApplicationProfile\nspec: {}", "2 documents")]
    [InlineData("", "0 documents")]
    [InlineData("a: [1", "it is no YAML")]
    public void Read_WhatIsNoProfile_SaysWhereAndWhy(string yaml, string reason)
    {
        var file = _directory.Combine("bad.yaml");
        File.WriteAllText(file, yaml);

        var error = Assert.Throws<UsageException>(() => ProfileDifference.ReadLines(file));

        Assert.Contains(file, error.Message, StringComparison.Ordinal);
        Assert.Contains(reason, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Read_Fifo_IsRefusedAtOnce()
    {
        var file = _directory.Combine("fifo");
        await KubeCop.Testing.Commands.RunAsync("mkfifo", file);

        Assert.Contains(file, Assert.Throws<UsageException>(() => ProfileDifference.ReadLines(file)).Message, StringComparison.Ordinal);
    }

    private static string Diff(IReadOnlySet<string> before, IReadOnlySet<string> after)
    {
        var output = new StringWriter { NewLine = "\n" };
        var same = ProfileDifference.Write(before, after, output);
        Assert.Equal(output.ToString().Length == 0, same);
        return output.ToString();
    }

    private static ProfileView Profile() => new()
    {
        Name = "deployment-web",
        Namespace = "default",
        Workload = new WorkloadView("Deployment", "web", "default"),
        State = "final",
        RemainingSeconds = 0,
        Revision = "1",
        Containers =
        [
            new ContainerProfileView
            {
                Name = "web",
                Revision = "1",
                State = "final",
                Partial = false,
                LearningStartedAt = Time,
                CompletesAt = Time,
                Lost = 0,
                Gaps = [],
                Execs = [new ExecView("/bin/sh", "/bin/busybox", ["-c", "a: b # c"], Time)],
                Opens = [new OpenView("/etc/hosts", ["O_RDONLY"], Time)],
                Syscalls = ["read"],
                Capabilities = [new CapabilityView("bind", ["NET_BIND_SERVICE"], [], Time)],
                Dns = [new DnsView("a.example", ["10.0.0.1"], Time)],
                NetworkActivity = new NetworkActivityView([new NetworkView("tcp", 80, "", Time)], [new NetworkView("udp", 53, "fd00::a", Time)]),
                LearnedSections = ["execs", "opens", "syscalls", "capabilities", "dns", "networkActivity"],
            },
        ],
    };
}

using System.Text.Encodings.Web;
using System.Text.Json;
using CsCheck;
using KubeCop.Core.Profiles;
using KubeCop.Host.Commands;
using KubeCop.Host.Http;

namespace KubeCop.Tests.Core.Profiles;

public sealed class ProfileSizeTests
{
    private const int Threshold = 10;

    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;

    private static readonly Gen<string> Names = Gen.String[Gen.Char["abcXYZ019./-_<>&\"\\é⋯\u0001 "], 1, 40];

    private static readonly Gen<ContainerProfile> Profiles =
        Gen.Select(Names.Array[0, 20], Names.Array[0, 20], Names.Array[0, 5], Names.Array[0, 20]).Select(static (execs, opens, args, dns) => Profile() with
        {
            Execs = [.. execs.Select(path => new ExecEntry("/" + path, "/x", args, Start))],
            Opens = [.. opens.Select(static path => new OpenEntry("/" + path, ["O_CLOEXEC", "O_RDONLY"], Start))],
            Dns = [.. dns.Select(name => new DnsEntry(name, args, Start))],
            Outgoing = [.. dns.Select(static name => new NetworkEntry("tcp", 65535, name, Start))],
            Incoming = [.. dns.Select(static _ => new NetworkEntry("udp", 53, "", Start))],
            Syscalls = [.. opens.Select(static name => new SyscallEntry(name, Start))],
            Capabilities = [.. opens.Select(name => new CapabilityEntry(name, [.. execs, "X"], [], Start))],
        });

    [Fact]
    public void Of_AnyProfile_IsNoLessThanItsJson() => Profiles.Sample(static profile => ProfileSize.Of(profile) >= Json(profile));

    [Fact]
    public void Fit_AnyProfile_IsNoLargerAndSaysWhatIsMissing() => Gen.Select(Profiles, Gen.Int[1500, 6000]).Sample(static (profile, bytes) =>
    {
        var few = profile with { Syscalls = [], Capabilities = [], Incoming = [] };
        var fitted = ProfileSize.Fit(few, Threshold, bytes);
        return ProfileSize.Of(fitted) <= bytes && Entries(fitted) + fitted.Truncated == Entries(ProfileSize.Collapse(few, Threshold, bytes));
    });

    [Fact]
    public void Fit_ManyFiles_CollapsesHarderBeforeAnythingIsLeftOut()
    {
        var profile = Profile() with { Opens = [.. Enumerable.Range(0, 5000).Select(static n => new OpenEntry($"/srv/{(char)('a' + (n % 26))}/{Word(n)}", ["O_RDONLY"], Start))] };

        var fitted = ProfileSize.Fit(profile, Threshold, 20_000);

        Assert.Equal(0, fitted.Truncated);
        Assert.InRange(ProfileSize.Of(fitted), 1, 20_000);
        var compiled = new CompiledProfile(fitted);
        Assert.All(profile.Opens, open => Assert.True(compiled.OpenFlagsOf(open.Path) != 0, open.Path));
    }

    [Fact]
    public void Fit_ManySensitiveFiles_LeavesOutWhatWasSeenLast()
    {
        var profile = Profile() with { Opens = [.. Enumerable.Range(0, 1000).Select(static n => new OpenEntry($"/usr/lib/{n:0000}", ["O_RDONLY"], Start.AddSeconds(-n)))] };

        var fitted = ProfileSize.Fit(profile, Threshold, 20_000);

        Assert.Equal(1000 - fitted.Opens.Count, fitted.Truncated);
        Assert.Equal(profile.Opens.TakeLast(fitted.Opens.Count), fitted.Opens);
        Assert.InRange(fitted.Opens.Count, 100, 999);
    }

    [Theory]
    [InlineData("10,20,30", 100, 100)]
    [InlineData("10,20,300", 100, 70)]
    [InlineData("10,200,300", 100, 45)]
    [InlineData("200,200", 100, 50)]
    [InlineData("", 100, 100)]
    public void Share_SmallOnesKeepTheirs(string sizes, int bytes, int share) =>
        Assert.Equal(share, ProfileSize.Share(sizes.Split(',', StringSplitOptions.RemoveEmptyEntries).Select(static size => int.Parse(size, null)), bytes));

    // As the resource has it: ProfileYaml writes the same document.
    private static int Json(ContainerProfile profile) => JsonSerializer.SerializeToUtf8Bytes(
        ((IDictionary<string, object>)ProfileYaml.Document(ProfileView.Of(new ApplicationProfile
        {
            Name = "",
            Namespace = "",
            Workload = new("", "", ""),
            State = ProfileState.Final,
            RemainingSeconds = 0,
            Revision = "",
            Containers = [profile],
        })))["spec"],
        new JsonSerializerOptions { Encoder = JavaScriptEncoder.Default }).Length;

    private static int Entries(ContainerProfile profile) => profile.Execs.Count + profile.Opens.Count + profile.Dns.Count + profile.Outgoing.Count;

    // No digits, so that no two are of one kind.
    private static string Word(int number) => string.Concat(number.ToString(null as IFormatProvider).Select(static digit => (char)('a' + digit - '0')));

    private static ContainerProfile Profile() => new()
    {
        Name = "app",
        Revision = "r1",
        State = ProfileState.Final,
        Version = 1,
        Generation = 1,
        LearningStartedAt = Start,
        CompletesAt = Start,
        Execs = [],
        Opens = [],
        IsPartial = false,
        Sections = ProfileSections.All,
    };
}

using KubeCop.Host.Commands;
using KubeCop.Host.Http;
using YamlDotNet.RepresentationModel;

namespace KubeCop.Tests.Host.Commands;

public sealed class ProfileYamlTests
{
    private static readonly DateTimeOffset Time = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    [Fact]
    public void Write_Profile_IsAnApplicationProfile()
    {
        var root = Write(Profile("final", Container("web", "1", Time, new ExecView("/bin/true", "/bin/busybox", ["a: b", "true"], Time))));

        Assert.Equal("kubescape.io/v1", Text(root, "apiVersion"));
        Assert.Equal("ApplicationProfile", Text(root, "kind"));
        var label = (YamlScalarNode)root["metadata"]["labels"]["kapprofiler.kubescape.io/final"];
        Assert.Equal(("true", YamlDotNet.Core.ScalarStyle.DoubleQuoted), (label.Value, label.Style));
        var container = root["spec"]["containers"][0];
        Assert.Equal("web", Text(container, "name"));
        Assert.Equal("/bin/true", Text(container["execs"][0], "path"));
        Assert.Equal(["a: b", "true"], ((YamlSequenceNode)container["execs"][0]["args"]).Select(static arg => ((YamlScalarNode)arg).Value));
        Assert.Equal("O_RDONLY", ((YamlScalarNode)container["opens"][0]["flags"][0]).Value);
    }

    [Fact]
    public void Write_SeveralRevisionsOfAContainer_TheOneLearnedLast()
    {
        var root = Write(Profile("final", Container("web", "old", Time, Exec("/bin/old")), Container("web", "new", Time.AddDays(1), Exec("/bin/new"))));

        Assert.Equal("/bin/new", Text(Assert.Single((YamlSequenceNode)root["spec"]["containers"])["execs"][0], "path"));
    }

    [Theory]
    [InlineData("\x1b[31m\n- evil: true")]
    [InlineData("# comment")]
    [InlineData("\u202e")]
    [InlineData("null")]
    [InlineData("0x1F")]
    public void Write_HostilePath_IsReadBackAsTheSameText(string path) =>
        Assert.Equal(path, Text(Write(Profile("final", Container("web", "1", Time, Exec(path))))["spec"]["containers"][0]["execs"][0], "path"));

    private static YamlNode Write(ProfileView profile)
    {
        var yaml = new StringWriter();
        ProfileYaml.Write(profile, yaml);
        Assert.DoesNotContain('\x1b', yaml.ToString());
        var stream = new YamlStream();
        stream.Load(new StringReader(yaml.ToString()));
        return stream.Documents[0].RootNode;
    }

    private static string? Text(YamlNode node, string key) => ((YamlScalarNode)node[key]).Value;

    private static ExecView Exec(string path) => new(path, path, [], Time);

    private static ProfileView Profile(string state, params ContainerProfileView[] containers) => new()
    {
        Name = "container-web",
        Namespace = "default",
        Workload = new WorkloadView("Container", "web", "default"),
        State = state,
        RemainingSeconds = 0,
        Revision = "1",
        Containers = containers,
    };

    private static ContainerProfileView Container(string name, string revision, DateTimeOffset learned, params ExecView[] execs) => new()
    {
        Name = name,
        Revision = revision,
        State = "final",
        Partial = false,
        LearningStartedAt = learned,
        CompletesAt = learned.AddMinutes(15),
        Lost = 0,
        Gaps = [],
        Execs = execs,
        Opens = [new OpenView("/etc/hosts", ["O_RDONLY"], learned)],
    };
}

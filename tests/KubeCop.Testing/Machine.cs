namespace KubeCop.Testing;

/// <summary>What the machine the tests run on can do.</summary>
public static class Machine
{
    /// <summary>Why tests with real containers cannot run here, in words; null when they can.</summary>
    public static string? MissingForContainers { get; } = FindMissing();

    private static string? FindMissing()
    {
        if (!OperatingSystem.IsLinux())
        {
            return "needs Linux";
        }

        if (!Environment.IsPrivilegedProcess)
        {
            return "needs root, to load eBPF programs and to run containers";
        }

        if (!File.Exists("/sys/kernel/btf/vmlinux"))
        {
            return "needs a kernel with type information (CONFIG_DEBUG_INFO_BTF)";
        }

        var missing = new[] { "containerd", "ctr", "runc", "busybox", "nsenter", "unshare" }.Where(static name => Commands.Find(name) is null).ToArray();
        return missing.Length == 0 ? null : $"needs {string.Join(", ", missing)}; tools/test installs them";
    }
}

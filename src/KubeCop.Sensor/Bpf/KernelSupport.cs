using System.Globalization;
using System.Runtime.InteropServices;
using KubeCop.Sensor.Privileges;

namespace KubeCop.Sensor.Bpf;

/// <summary>What the sensor needs of the machine, checked in the order in which it can fail, each with cause and remedy.</summary>
internal static class KernelSupport
{
    /// <summary>Atomic compare-and-exchange and pointers as arguments of global functions appeared in 5.12.</summary>
    private static readonly Version OldestKernel = new(5, 12);

    /// <summary>EPERM</summary>
    public const int OperationNotPermitted = 1;
    private const int OutOfMemory = 12;

    /// <param name="needs">What of the settings decides which capabilities are needed.</param>
    public static IReadOnlyList<SensorCheck> Check(PrivilegeNeeds needs) =>
    [
        OperatingSystemCheck(),
        KernelVersion(),
        Btf(),
        Lockdown(),
        .. CapabilityChecks(needs),
        Library(),
        CgroupHierarchy(),
        IoUring(),
    ];

    /// <summary>The most likely cause of a refused load.</summary>
    public static SensorException Explain(int error, string log)
    {
        if (Check(new PrivilegeNeeds()).FirstOrDefault(static check => check is { Ok: false, Fatal: true }) is { } failed)
        {
            return new SensorException($"{failed.Name}: {failed.Detail}.", failed.Remedy);
        }

        var reason = Marshal.GetPInvokeErrorMessage(error);
        var hook = LoadFailure.ProgramOf(log) is { Length: > 0 } program ? $" at hook {program}" : "";
        var cause = LoadFailure.ReasonOf(log);
        return error switch
        {
            OperationNotPermitted or OutOfMemory when MemoryLockLimited() => new SensorException(
                $"The kernel refused memory for BPF maps ({reason}).",
                "Kernels before 5.11 count maps against RLIMIT_MEMLOCK: raise it (ulimit -l unlimited, LimitMEMLOCK=infinity) or give CAP_SYS_RESOURCE."),
            OperationNotPermitted => new SensorException(
                $"The kernel refused the BPF programs{hook} ({reason}): {cause}.",
                "A security module or seccomp profile forbids bpf(2): run with CAP_SYS_ADMIN, or allow bpf(2) and perf_event_open(2) in the profile."),
            _ => new SensorException(
                $"The kernel did not accept the BPF programs{hook} ({reason}): {cause}.",
                "Please report this with the output of 'kubecop doctor' and 'uname -a'."),
        };
    }

    /// <exception cref="SensorException">The process may not load the kernel side.</exception>
    public static void RequireCapabilities()
    {
        if (CapabilityChecks(new PrivilegeNeeds()).FirstOrDefault(static check => check is { Ok: false, Fatal: true }) is { } failed)
        {
            throw new SensorException($"{failed.Name}: {failed.Detail}.", failed.Remedy);
        }
    }

    /// <summary>Why the kernel refused one program, which may be that the process has not all capabilities.</summary>
    public static string ReasonOf(int error, string log) =>
        error == OperationNotPermitted && EffectiveCapabilities() is { } effective && Missing(effective) is { Length: > 0 } missing
            ? $"{string.Join(" and ", missing)} missing"
            : LoadFailure.ReasonOf(log) is { Length: > 0 } reason ? reason : Marshal.GetPInvokeErrorMessage(error);

    /// <exception cref="SensorException">libbpf is not installed.</exception>
    public static void RequireLibrary()
    {
        if (Library() is { Ok: false } failed)
        {
            throw new SensorException($"{failed.Name}: {failed.Detail}.", failed.Remedy);
        }
    }

    private static SensorCheck OperatingSystemCheck() =>
        new("Operating system", OperatingSystem.IsLinux(), RuntimeInformation.OSDescription, "The sensor uses eBPF: run it on Linux.");

    private static SensorCheck KernelVersion()
    {
        var release = File.Exists("/proc/sys/kernel/osrelease") ? File.ReadAllText("/proc/sys/kernel/osrelease").Trim() : "unknown";
        var numbers = release.Split('.', '-');
        var known = Version.TryParse(string.Join('.', numbers.Take(2)), out var version);
        return new SensorCheck("Kernel", known && version >= OldestKernel, release, $"Linux {OldestKernel} or later is needed (atomic operations of BPF).");
    }

    // Documentation/admin-guide/sysctl/kernel.rst, "io_uring_disabled": 0 lets everybody, 1 a group, 2 nobody set one up.
    private static SensorCheck IoUring()
    {
        const string Setting = "/proc/sys/kernel/io_uring_disabled";
        var isOff = File.Exists(Setting) && File.ReadAllText(Setting).Trim() == "2";
        return new SensorCheck(
            "io_uring",
            isOff,
            isOff ? "not to be had here" : "what a process opens and connects through it is not seen, only that it sets one up (io_uring_setup)",
            "Where nothing needs it: sysctl kernel.io_uring_disabled=2. Container runtimes' default seccomp profiles forbid it too.",
            Fatal: false);
    }

    private static SensorCheck Btf() =>
        new(
            "BTF",
            File.Exists("/sys/kernel/btf/vmlinux"),
            File.Exists("/sys/kernel/btf/vmlinux") ? "/sys/kernel/btf/vmlinux" : "the kernel has no type information (/sys/kernel/btf/vmlinux)",
            "Use a kernel built with CONFIG_DEBUG_INFO_BTF=y (all current distributions), and mount /sys in the container.");

    private static SensorCheck Lockdown()
    {
        const string Path = "/sys/kernel/security/lockdown";
        var mode = File.Exists(Path) ? File.ReadAllText(Path).Trim() : "[none]";
        return new SensorCheck(
            "Lockdown",
            !mode.Contains("[confidentiality]", StringComparison.Ordinal),
            mode,
            "Lockdown 'confidentiality' forbids reading kernel memory: boot with lockdown=integrity or less.");
    }

    private static IReadOnlyList<SensorCheck> CapabilityChecks(PrivilegeNeeds needs) => EffectiveCapabilities() is { } effective
        ? CapabilityChecks(effective, needs)
        : [new SensorCheck("Capabilities", false, "/proc/self/status cannot be read", "Mount /proc.")];

    /// <param name="effective">One bit for each capability the process has.</param>
    /// <param name="needs">What of the settings decides which are needed.</param>
    internal static IReadOnlyList<SensorCheck> CapabilityChecks(ulong effective, PrivilegeNeeds needs) =>
    [
        .. from capability in Capability.All
           where capability.IsNeededFor(needs)
           let has = capability.IsIn(effective)
           select new SensorCheck(
               capability.Name,
               has,
               has ? $"to {capability.Use}" : $"missing, to {capability.Use}: {capability.Without}",
               $"Run as root (sudo), or give the process {capability.Name}.",
               Fatal: capability.IsFatal),
    ];

    /// <returns>Names of what a sensor uses on any node and is not there.</returns>
    private static string[] Missing(ulong effective) =>
        [.. CapabilityChecks(effective, new PrivilegeNeeds()).Where(static check => !check.Ok).Select(static check => check.Name)];

    private static SensorCheck Library()
    {
        try
        {
            return new SensorCheck("libbpf", LibBpf.MajorVersion() >= 1, $"{LibBpf.MajorVersion()}.{LibBpf.MinorVersion()}", "libbpf 1.0 or later is needed.");
        }
        catch (DllNotFoundException)
        {
            return new SensorCheck("libbpf", false, "libbpf.so.1 is not installed", "Install it: apt-get install libbpf1.");
        }
    }

    private static SensorCheck CgroupHierarchy()
    {
        var mounted = File.Exists("/proc/self/mountinfo")
            && File.ReadLines("/proc/self/mountinfo").Any(static line => line.Contains(" - cgroup2 ", StringComparison.Ordinal));
        return new SensorCheck(
            "cgroup v2",
            mounted,
            mounted ? "mounted" : "no cgroup2 file system is mounted",
            "Containers are told apart by their v2 cgroup: boot with the unified or hybrid hierarchy (systemd.unified_cgroup_hierarchy=1).");
    }

    private static ulong? EffectiveCapabilities() =>
        File.Exists("/proc/self/status")
        && File.ReadLines("/proc/self/status").FirstOrDefault(static line => line.StartsWith("CapEff:", StringComparison.Ordinal)) is { } line
        && ulong.TryParse(line["CapEff:".Length..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var capabilities)
            ? capabilities
            : null;

    private static bool MemoryLockLimited() =>
        File.Exists("/proc/self/limits")
        && File.ReadLines("/proc/self/limits").Any(static line =>
            line.StartsWith("Max locked memory", StringComparison.Ordinal) && !line.Contains("unlimited", StringComparison.Ordinal));
}

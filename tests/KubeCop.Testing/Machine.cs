using System.Net;
using System.Net.Sockets;

namespace KubeCop.Testing;

/// <summary>What the machine the tests run on can do.</summary>
public static class Machine
{
    /// <summary>Why tests with real containers cannot run here, in words; null when they can.</summary>
    public static string? MissingForContainers { get; } = FindMissing();

    /// <summary>An address of this machine at which others reach it; null when it has only loopback.</summary>
    public static IPAddress? Address { get; } = FindAddress();

    private static IPAddress? FindAddress()
    {
        // Nothing is sent: the kernel only chooses the address (RFC 5737 keeps the other one from being anybody's).
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Connect(new IPEndPoint(IPAddress.Parse("203.0.113.1"), 9));
            return ((IPEndPoint)socket.LocalEndPoint!).Address is var address && IPAddress.IsLoopback(address) ? null : address;
        }
        catch (SocketException)
        {
            return null;
        }
    }

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

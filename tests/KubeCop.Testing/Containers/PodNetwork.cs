namespace KubeCop.Testing.Containers;

/// <summary>
/// A network for pods that needs nothing of the machine's: a namespace of the pod's own in which loopback is up and has the pod's address
/// besides. Network plugins (CNI) are programs; these are shell scripts.
/// </summary>
internal static class PodNetwork
{
    public const string Address = "10.213.0.2";

    private const UnixFileMode Executable = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public static void Write(string directory)
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "10-test.conflist"), """
            {"cniVersion": "0.4.0", "name": "kubecop-test", "plugins": [{"type": "kubecop-test"}]}
            """);
        WritePlugin(directory, "loopback", "lo", "127.0.0.1/8");
        WritePlugin(directory, "kubecop-test", "eth0", $"{Address}/32");
    }

    private static void WritePlugin(string directory, string name, string device, string address)
    {
        var path = Path.Combine(directory, name);
        File.WriteAllText(path, $$"""
            #!/bin/sh
            cat >/dev/null
            case $CNI_COMMAND in
            VERSION) echo '{"cniVersion": "0.4.0", "supportedVersions": ["0.3.1", "0.4.0"]}' ;;
            ADD)
                busybox nsenter --net="$CNI_NETNS" busybox ip link set lo up || exit 1
                busybox nsenter --net="$CNI_NETNS" busybox ip addr add {{address}} dev lo 2>/dev/null
                cat <<END
            {"cniVersion": "0.4.0", "interfaces": [{"name": "{{device}}", "sandbox": "$CNI_NETNS"}],
             "ips": [{"version": "4", "interface": 0, "address": "{{address}}"}]}
            END
                ;;
            esac

            """);
        File.SetUnixFileMode(path, Executable);
    }
}

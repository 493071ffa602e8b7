namespace KubeCop.Cluster.Tests.Tls;

/// <summary>The ports at which this process takes connections.</summary>
internal static class Listeners
{
    // tcp_states.h: TCP_LISTEN, as /proc/net/tcp has it.
    private const string Listening = "0A";

    public static int Count()
    {
        var own = Directory.EnumerateFileSystemEntries("/proc/self/fd").Select(static descriptor => new FileInfo(descriptor).LinkTarget).ToHashSet();
        return ((IEnumerable<string>)["/proc/self/net/tcp", "/proc/self/net/tcp6"])
            .Where(File.Exists)
            .SelectMany(File.ReadLines)
            .Select(static line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Count(fields => fields[3] == Listening && own.Contains($"socket:[{fields[9]}]"));
    }
}

using System.Globalization;

namespace KubeCop.Host.Demo;

/// <summary>Names everything of one demo after the process that runs it, so that a later one can tell whether it is still in use.</summary>
internal static class DemoName
{
    public const string Prefix = "kubecop-demo-";

    public static string OfThisProcess() => string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{StartTime(Environment.ProcessId)}");

    /// <summary>Whether the process the name tells of has ended.</summary>
    public static bool IsStale(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal)
        && name[Prefix.Length..].Split('-') is [var pid, var start]
        && int.TryParse(pid, NumberStyles.None, CultureInfo.InvariantCulture, out var process)
        && StartTime(process)?.ToString(CultureInfo.InvariantCulture) != start;

    /// <returns>Ticks since boot, which tell a pid that was used again; null when there is no such process.</returns>
    private static long? StartTime(int pid)
    {
        try
        {
            // The command's name, field 2, may hold spaces and parentheses; the start is field 22 (proc_pid_stat(5)).
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return long.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[19], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return null;
        }
    }
}

using System.Globalization;
using KubeCop.Core.Alerts;
using KubeCop.Host.Configuration;
using KubeCop.Host.Http;

namespace KubeCop.Host.Commands;

/// <summary>Profiles for people.</summary>
internal static class ProfileText
{
    public static void WriteList(IReadOnlyList<ProfileView> profiles, TextWriter output) =>
        TextTable.Write(output, ["namespace", "name", "state", "left", "revision", "containers", "execs", "opens"], profiles.Select(static profile => new[]
        {
            profile.Namespace,
            profile.Name,
            profile.State,
            Left(profile.RemainingSeconds),
            profile.Revision,
            string.Join(", ", profile.Containers.Select(static container => container.Name).Distinct()),
            Count(profile.Containers.Sum(static container => container.Execs.Count)),
            Count(profile.Containers.Sum(static container => container.Opens.Count)),
        }));

    public static void Write(ProfileView profile, TextWriter output)
    {
        TextTable.WriteFacts(output,
        [
            ("profile", $"{profile.Namespace}/{profile.Name}"),
            ("workload", profile.Workload.ToString()),
            ("state", profile.State),
            ("learning", profile.RemainingSeconds > 0 ? $"{Left(profile.RemainingSeconds)} left" : "done"),
            ("revision", profile.Revision),
        ]);
        foreach (var container in profile.Containers)
        {
            output.WriteLine();
            output.WriteLine($"container {TerminalText.Escape(container.Name)}, revision {TerminalText.Escape(container.Revision)}, {container.State}"
                + $", learned {Time(container.LearningStartedAt)} to {Time(container.CompletesAt)}"
                + (container.Lost > 0 ? $", {container.Lost} events lost meanwhile" : ""));
            foreach (var gap in container.Gaps)
            {
                output.WriteLine($"  unwatched {Time(gap.From)} to {Time(gap.To)}");
            }

            TextTable.Write(output, ["program", "executable", "arguments"], container.Execs.Select(static exec => new[] { exec.Path, exec.Executable, string.Join(' ', exec.Args) }));
            TextTable.Write(output, ["file", "flags"], container.Opens.Select(static open => new[] { open.Path, string.Join(',', open.Flags) }));
        }
    }

    private static string Left(long seconds) => seconds > 0 ? Duration.Format(TimeSpan.FromSeconds(seconds)) : "-";

    private static string Count(int count) => count.ToString(CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset time) => time.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}

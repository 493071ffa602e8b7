using System.Globalization;
using System.Text;
using KubeCop.Core.Alerts;
using KubeCop.Core.Profiles;
using KubeCop.Host.Configuration;
using KubeCop.Host.Http;

namespace KubeCop.Host.Commands;

/// <summary>Profiles for people.</summary>
internal static class ProfileText
{
    private const int LineWidth = 78;

    private static readonly string[] ListHeaders =
        ["namespace", "name", "state", "left", "revision", "containers", "execs", "opens", "syscalls", "caps", "dns", "network"];

    public static void WriteList(IReadOnlyList<ProfileView> profiles, TextWriter output) =>
        TextTable.WriteLines(output, ListHeaders, profiles.Select(static profile => new[]
        {
            profile.Namespace,
            profile.Name,
            profile.State,
            Left(profile.RemainingSeconds),
            profile.Revision,
            string.Join(", ", profile.Containers.Select(static container => container.Name).Distinct()),
            Count(profile.Containers.Sum(static container => container.Execs.Count)),
            Count(profile.Containers.Sum(static container => container.Opens.Count)),
            Count(profile.Containers.Sum(static container => container.Syscalls.Count)),
            Count(profile.Containers.Sum(static container => container.Capabilities.Sum(static entry => entry.Caps.Count))),
            Count(profile.Containers.Sum(static container => container.Dns.Count)),
            Count(profile.Containers.Sum(static container => container.NetworkActivity.Incoming.Count + container.NetworkActivity.Outgoing.Count)),
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
                + (container.Lost > 0 ? $", {container.Lost} events lost meanwhile" : "")
                + (container.Truncated > 0 ? $", {container.Truncated} entries left out for lack of room" : ""));
            foreach (var gap in container.Gaps)
            {
                output.WriteLine($"  unwatched {Time(gap.From)} to {Time(gap.To)}");
            }

            WriteSections(container, output);
        }
    }

    private static void WriteSections(ContainerProfileView container, TextWriter output)
    {
        var unlearned = ProfileSection.Names(ProfileSections.All).Except(container.LearnedSections).ToList();
        if (unlearned.Count > 0)
        {
            output.WriteLine($"  not learned, so not judged: {string.Join(", ", unlearned)}");
        }

        TextTable.Write(output, ["program", "executable", "arguments"], container.Execs.Select(static exec =>
            new[] { exec.Path, exec.Executable, string.Join(' ', exec.Args) }));
        TextTable.Write(output, ["file", "flags", ""], container.Opens.Select(static open => new[]
        {
            open.Path, string.Join(',', open.Flags), open.Collapsed > 0 ? $"of {open.Collapsed} files" : "",
        }));
        WriteIfAny(output, ["capabilities", "in system call", "refused"], container.Capabilities.Select(static entry =>
            new[] { string.Join(' ', entry.Caps), entry.Syscall, string.Join(' ', entry.Refused) }));
        WriteIfAny(output, ["dns name", "addresses"], container.Dns.Select(static dns => new[] { dns.DnsName, string.Join(' ', dns.Addresses) }));
        WriteIfAny(output, ["direction", "protocol", "port", "peer"], Connections("in", container.NetworkActivity.Incoming)
            .Concat(Connections("out", container.NetworkActivity.Outgoing)));
        WriteIfAny(output, [$"{container.Syscalls.Count} system calls"], Lines(container.Syscalls).Select(static line => new[] { line }));
    }

    private static void WriteIfAny(TextWriter output, string[] headers, IEnumerable<string[]> rows)
    {
        if (rows.Any())
        {
            TextTable.Write(output, headers, rows);
        }
    }

    private static IEnumerable<string[]> Connections(string direction, IReadOnlyList<NetworkView> connections) =>
        connections.Select(connection => new[]
        {
            direction, connection.Protocol, Count(connection.Port), connection.DstEndpoint.Length > 0 ? connection.DstEndpoint : "any",
        });

    /// <summary>Words in lines that fit a terminal: a program makes a hundred system calls, which make no table.</summary>
    private static IEnumerable<string> Lines(IEnumerable<string> words)
    {
        var line = new StringBuilder();
        foreach (var word in words)
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > LineWidth)
            {
                yield return line.ToString();
                line.Clear();
            }

            line.Append(line.Length > 0 ? " " : "").Append(word);
        }

        if (line.Length > 0)
        {
            yield return line.ToString();
        }
    }

    private static string Left(long seconds) => seconds > 0 ? Duration.Format(TimeSpan.FromSeconds(seconds)) : "-";

    private static string Count(int count) => count.ToString(CultureInfo.InvariantCulture);

    private static string Time(DateTimeOffset time) => time.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}

using System.CommandLine;
using System.Globalization;
using KubeCop.Host.Configuration;
using KubeCop.Host.Http;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop containers</c>: what is watched.</summary>
internal static class ContainersCommand
{
    private const int MaxImage = 60;

    public static Command Create()
    {
        var json = CommonOptions.Json();
        var command = new Command("containers", "List the containers that are watched.") { json };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            if (result.GetValue(json))
            {
                await Raw.WriteAsync(node, "api/v1/containers", cancellationToken);
                return ExitCode.Success;
            }

            Write((await node.GetAsync("api/v1/containers", ApiJson.Default.ItemListContainerView, cancellationToken)).Items, Console.Out);
            return ExitCode.Success;
        });
        return command;
    }

    private static void Write(IReadOnlyList<ContainerView> containers, TextWriter output) =>
        TextTable.WriteLines(
            output,
            ["id", "workload", "container", "image", "runtime", "profile", "left", "events", "lost", "alerts"],
            containers.OrderBy(static container => container.Workload.ToString(), StringComparer.Ordinal).Select(static container => new[]
            {
                container.Id.Length == 64 ? container.Id[..12] : container.Id,
                container.Workload.ToString(),
                container.Name,
                Image(container.Image),
                container.Runtime,
                container.State,
                container.RemainingSeconds > 0 ? Duration.Format(TimeSpan.FromSeconds(container.RemainingSeconds)) : "-",
                Number(container.Events),
                Number(container.EventsLost),
                Number(container.Alerts),
            }));

    /// <summary>As people write it; all of it, and the digest, are in the JSON.</summary>
    private static string Image(string reference)
    {
        var name = reference.Split('@')[0];
        foreach (var implied in (string[])["docker.io/library/", "docker.io/"])
        {
            if (name.StartsWith(implied, StringComparison.Ordinal))
            {
                name = name[implied.Length..];
                break;
            }
        }

        return name.Length == 0 ? "-" : name.Length > MaxImage ? $"{name[..MaxImage]}…" : name;
    }

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);
}

using System.CommandLine;
using System.Globalization;
using KubeCop.Host.Configuration;
using KubeCop.Host.Http;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop status</c>: what the running silo does.</summary>
internal static class StatusCommand
{
    public static Command Create()
    {
        var json = CommonOptions.Json();
        var command = new Command("status", "Show what the silo on this machine does.") { json };
        var client = new ClientOptions(command);
        command.SetAction(async (result, cancellationToken) =>
        {
            using var node = client.Connect(result);
            if (result.GetValue(json))
            {
                await Raw.WriteAsync(node, "api/v1/node", cancellationToken);
                return ExitCode.Success;
            }

            Write(await node.GetAsync("api/v1/node", ApiJson.Default.NodeView, cancellationToken), Console.Out);
            return ExitCode.Success;
        });
        return command;
    }

    private static void Write(NodeView node, TextWriter output)
    {
        TextTable.WriteFacts(output,
        [
            ("node", node.Name),
            ("state", !node.Ready ? "starting" : node.Degraded.Count == 0 ? "ready" : "ready, degraded"),
            .. node.Degraded.Select(static degradation => ($"! {degradation.Part}", degradation.Reason)),
            ("version", node.Version),
            ("up", Duration.Format(TimeSpan.FromSeconds(node.UptimeSeconds))),
            ("data directory", node.DataDirectory),
            ("learning period", Duration.Format(TimeSpan.FromSeconds(node.LearningPeriodSeconds))),
            ("rules", Number(node.Rules)),
            ("containers", Number(node.Containers)),
            ("silo", node.Silo.State),
            ("capabilities", Describe(node.Privileges)),
            ("events", string.Join(", ", node.Sensor.Events.Select(static kind => $"{kind.Key} {Number(kind.Value)}"))),
            ("repeats", string.Join(", ", node.Sensor.Repeats.Where(static kind => kind.Value > 0).Select(static kind => $"{kind.Key} {Number(kind.Value)}"))),
            ("events lost", node.Sensor.Lost.Count == 0 ? "0" : string.Join(", ", node.Sensor.Lost.Select(static loss => $"{loss.Kind} {Number(loss.Count)} ({loss.Reason})"))),
            ("alerts", Number(node.Alerts.Raised)),
            ("alerts suppressed", node.Alerts.Suppressed.Count == 0 ? "0" : string.Join(", ", node.Alerts.Suppressed.Select(static reason => $"{reason.Key} {Number(reason.Value)}"))),
            ("alerts dropped", node.Alerts.Dropped.Count == 0 ? "0" : string.Join(", ", node.Alerts.Dropped.Select(static drop => $"{drop.Exporter} {Number(drop.Count)} ({drop.Reason})"))),
            .. node.Alerts.Exporters.Select(static exporter => ($"to {exporter.Name}", Describe(exporter))),
            ("hooks", $"{Number(node.Sensor.Hooks.Count(static hook => hook.Attached))} of {Number(node.Sensor.Hooks.Count)} attached"),
            ("runtimes", node.Runtimes.Count == 0 ? "none found" : string.Join(", ", node.Runtimes.Select(Describe))),
        ]);
    }

    private static string Describe(PrivilegesView privileges) => privileges.Capabilities.Count == 0
        ? privileges.State
        : $"{privileges.State}, left: {string.Join(", ", privileges.Capabilities.Select(static capability => capability.Name))} ({privileges.Capabilities[0].Reason})";

    private static string Describe(ExporterView exporter) =>
        $"{Number(exporter.Exported)} sent to {exporter.Receiver}"
        + (exporter.Waiting > 0 ? $", {Number(exporter.Waiting)} waiting for {exporter.LagSeconds:0} s" : "")
        + (exporter.Failure is null ? "" : ", failing");

    private static string Describe(RuntimeView runtime) => runtime switch
    {
        { State: "available" } => $"{runtime.Socket} ({runtime.Runtime} {runtime.Version})",
        { Detail.Length: > 0 } => $"{runtime.Socket} ({runtime.State}: {runtime.Detail})",
        _ => $"{runtime.Socket} ({runtime.State})",
    };

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}

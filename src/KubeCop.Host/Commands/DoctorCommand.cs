using System.CommandLine;
using KubeCop.Host.Configuration;
using KubeCop.Host.Node;
using KubeCop.Sensor;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop doctor</c>: whether and how well detection works on this machine.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        var command = new Command(
            "doctor", "Check kernel, capabilities, hooks and container runtimes of this machine; exit code 1 if detection is impossible.");
        command.SetAction(static async (_, cancellationToken) =>
        {
            var settings = Settings.Load([]);
            return Write(await SensorDoctor.RunAsync(settings.Node, settings.Containers, NodePrivileges.Of(settings), cancellationToken), Console.Out);
        });
        return command;
    }

    internal static int Write(IReadOnlyList<SensorCheck> checks, TextWriter output)
    {
        TextTable.Write(output, ["check", "result", "detail"], checks.Select(static check => new[] { check.Name, Result(check), check.Detail }));
        var failed = checks.Where(static check => !check.Ok).ToList();
        if (failed.Count > 0)
        {
            output.WriteLine();
            TextTable.Write(output, ["check", "what to do"], failed.Select(static check => new[] { check.Name, check.Remedy }));
        }

        var impossible = failed.Any(static check => check.Fatal);
        output.WriteLine();
        output.WriteLine(impossible ? "Detection is impossible on this machine as it is." : failed.Count > 0 ? "Detection works, with the limits above." : "Detection works on this machine.");
        return impossible ? ExitCode.Failure : ExitCode.Success;
    }

    private static string Result(SensorCheck check) => check.Ok ? "ok" : check.Fatal ? "FAILED" : "limited";
}

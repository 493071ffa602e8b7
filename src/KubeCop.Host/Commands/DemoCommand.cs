using System.CommandLine;
using KubeCop.Host.Demo;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop demo</c>: everything in half a minute, on a container of its own.</summary>
internal static class DemoCommand
{
    public static Command Create()
    {
        var verbose = new Option<bool>("--verbose") { Description = "Tell details on standard error." };
        var command = new Command("demo", "Show it: a throw-away container, ten seconds of learning, a scripted attack, the alerts.") { verbose };
        command.SetAction((result, cancellationToken) => DemoRun.RunAsync(result.GetValue(verbose), cancellationToken));
        return command;
    }
}

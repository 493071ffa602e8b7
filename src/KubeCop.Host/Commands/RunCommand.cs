using System.CommandLine;
using KubeCop.Host.Configuration;
using KubeCop.Host.Node;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop run</c>: the silo on this machine, until SIGTERM or Ctrl-C.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var learningPeriod = CommonOptions.LearningPeriod();
        var dataDirectory = CommonOptions.DataDirectory();
        var http = new Option<string>("--http")
        {
            Description = "Where to serve metrics, health, API and dashboard; port 0 takes a free one. Default: 127.0.0.1:9090.",
            HelpName = "ADDRESS:PORT",
        };
        var bindings = CommonOptions.Bindings();
        var output = CommonOptions.Output();
        var verbose = new Option<bool>("--verbose") { Description = "Tell details on standard error." };
        var command = new Command("run", "Watch the containers of this machine: learn, then alert.") { learningPeriod, dataDirectory, http, bindings, output, verbose };
        command.SetAction((result, cancellationToken) =>
        {
            var settings = Settings.Load(
            [
                .. CommonOptions.Value(result, learningPeriod, Keys.LearningPeriod),
                .. CommonOptions.Value(result, dataDirectory, Keys.DataDirectory, Path.GetFullPath),
                .. CommonOptions.Value(result, http, Keys.HttpAddress),
                .. CommonOptions.Value(result, bindings, Keys.Bindings, Path.GetFullPath),
                .. CommonOptions.OutputFormat(result, output),
                .. result.GetValue(verbose) ? [new(Keys.Verbose, bool.TrueString)] : Array.Empty<KeyValuePair<string, string?>>(),
            ]);
            return NodeProcess.RunAsync(settings, cancellationToken);
        });
        return command;
    }
}

using System.CommandLine;
using KubeCop.Host.Configuration;
using KubeCop.Host.Recording;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop replay</c></summary>
internal static class ReplayCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("FILE") { Description = "A recording." };
        var learningPeriod = CommonOptions.LearningPeriod();
        var bindings = CommonOptions.Bindings();
        var output = CommonOptions.Output();
        var command = new Command(
            "replay", "Learn and judge what a recording holds, by its own clock: the same alerts each time, without privileges.") { file, learningPeriod, bindings, output };
        command.SetAction((result, cancellationToken) => ReplayRun.RunAsync(
            CommonOptions.File(result, file),
            Settings.Load(
            [
                .. CommonOptions.Value(result, learningPeriod, Keys.LearningPeriod),
                .. CommonOptions.Value(result, bindings, Keys.Bindings, Path.GetFullPath),
                .. CommonOptions.OutputFormat(result, output),
            ]),
            cancellationToken));
        return command;
    }
}

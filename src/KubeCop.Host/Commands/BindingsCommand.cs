using System.CommandLine;
using System.Globalization;
using KubeCop.Core.Alerts;
using KubeCop.Host.Bindings;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop bindings</c></summary>
internal static class BindingsCommand
{
    public static Command Create() => new("bindings", "Which rules are in force for whom.") { Check() };

    private static Command Check()
    {
        var file = new Argument<string>("FILE") { Description = "A YAML file of RuntimeRuleAlertBinding objects, or a directory of them." };
        var command = new Command("check", "Check bindings as run would take them; needs no running silo. Exit code 2 if they are refused.") { file };
        command.SetAction(async (result, cancellationToken) =>
        {
            var path = CommonOptions.File(result, file);
            var bindings = new NodeBindings(new BindingFiles(Path.GetFullPath(path), TimeProvider.System), TimeProvider.System);
            await bindings.LoadAsync(cancellationToken);
            Console.Out.WriteLine(TerminalText.Escape(
                $"{path}: {Count(bindings.Rules.InForce!.Bindings.Count, "binding")} of {Count(bindings.Rules.Rules.Rules.Count, "rule")}, no errors"));
            return ExitCode.Success;
        });
        return command;
    }

    private static string Count(int number, string what) => string.Create(CultureInfo.InvariantCulture, $"{number} {what}{(number == 1 ? "" : "s")}");
}

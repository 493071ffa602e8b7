using System.CommandLine;
using KubeCop.Host.Configuration;

namespace KubeCop.Host.Commands;

internal static class CommonOptions
{
    public static Option<string> DataDirectory() => new("--data-dir")
    {
        Description = "Where everything that must survive a restart is kept. Default: /var/lib/kubecop.",
        HelpName = "DIR",
    };

    public static Option<string> LearningPeriod() => new("--learning-period")
    {
        Description = "How long a workload is watched before its profile is final: 90s, 15m, 12h, 1h30m. Default: 15m; 12h or more in production.",
        HelpName = "DURATION",
    };

    public static Option<string> Bindings() => new("--bindings")
    {
        Description = "Which rules are in force for whom: a YAML file of RuntimeRuleAlertBinding objects, or a directory of them. "
            + "Default: in Kubernetes those of the API server; else all rules, for all containers but KubeCop's own and those in the namespaces of Kubernetes.",
        HelpName = "FILE",
    };

    public static Option<string> Output() => new("--output")
    {
        Description = "Form of the alerts on standard output. Default: text on a terminal, else json (one alert a line).",
        HelpName = "text|json",
    };

    /// <returns>The configuration value of <see cref="Output"/>, when it was given.</returns>
    public static IEnumerable<KeyValuePair<string, string?>> OutputFormat(ParseResult result, Option<string> output) =>
        result.GetValue(output) is { } format && format is not ("text" or "json")
            ? throw new UsageException($"--output '{format}' is not a form of output; expected text or json.")
            : Value(result, output, Keys.OutputFormat);

    public static Option<bool> Json() => new("--json") { Description = "JSON for programs instead of text." };

    /// <exception cref="UsageException">It is empty, as a variable is in a script that did not set it.</exception>
    public static string File(ParseResult result, Argument<string> file) => result.GetRequiredValue(file) is { Length: > 0 } path ? path
        : throw new UsageException($"{file.Name} is empty; expected a file's path.");

    /// <returns>A configuration value when the option was given, else nothing.</returns>
    public static IEnumerable<KeyValuePair<string, string?>> Value(ParseResult result, Option<string> option, string key, Func<string, string>? convert = null)
    {
        if (result.GetValue(option) is { } value)
        {
            if (value.Length == 0)
            {
                throw new UsageException($"{option.Name} is empty; expected {option.HelpName}.");
            }

            yield return new(key, convert is null ? value : convert(value));
        }
    }
}

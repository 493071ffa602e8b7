using System.CommandLine;

namespace KubeCop.Host.Commands;

internal static class CommonOptions
{
    public static Option<string> DataDirectory() => new("--data-dir")
    {
        Description = "Where everything that must survive a restart is kept. Default: /var/lib/kubecop.",
        HelpName = "DIR",
    };

    public static Option<bool> Json() => new("--json") { Description = "JSON for programs instead of text." };

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

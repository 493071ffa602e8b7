using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xunit;

namespace KubeCop.Testing.Metrics;

/// <summary>A test with promtool; skipped, saying why, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class PromtoolFactAttribute : FactAttribute
{
    public PromtoolFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Skip = Promtool.Missing;
}

/// <summary>Prometheus' own check of metrics and rules: what tools/test fetched, or what this machine has.</summary>
public static class Promtool
{
    /// <summary>Why tests with it cannot run here; null when they can.</summary>
    public static string? Missing { get; } = Program is null ? "needs promtool; tools/test fetches it" : null;

    private static string? Program => Commands.FindFetched("promtool/promtool") ?? Commands.Find("promtool");

    /// <summary>What it finds wrong with what <c>/metrics</c> answers, a line each: the metric's name and what it should be.</summary>
    public static async Task<IReadOnlyList<string>> CheckMetricsAsync(string scrape)
    {
        var result = await RunAsync(["check", "metrics"], scrape);
        var lines = (result.Output + result.Error).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

        // 3: it could read them and has something to say.
        return result.ExitCode is 0 or 3 ? lines : throw new InvalidOperationException($"promtool cannot read the metrics: {string.Join(' ', lines)}");
    }

    /// <summary>Checks a file of rules.</summary>
    /// <exception cref="InvalidOperationException">They are not valid; the message says why.</exception>
    public static Task CheckRulesAsync(string file) => RequireAsync("check", "rules", file);

    /// <summary>Runs unit tests of rules.</summary>
    /// <exception cref="InvalidOperationException">One failed; the message says how.</exception>
    public static Task TestRulesAsync(string file) => RequireAsync("test", "rules", file);

    private static async Task RequireAsync(params string[] arguments)
    {
        var result = await RunAsync(arguments, "");
        if (result.ExitCode != 0)
        {
            throw new InvalidOperationException($"promtool {string.Join(' ', arguments)} exited with {result.ExitCode}: {result.Error}{result.Output}");
        }
    }

    private static async Task<CommandResult> RunAsync(IEnumerable<string> arguments, string input)
    {
        using var process = Process.Start(new ProcessStartInfo(Program!, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        return new CommandResult(process.ExitCode, await output, await error);
    }
}

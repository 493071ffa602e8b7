using System.Diagnostics;

namespace KubeCop.Tests.Host.Commands;

/// <summary>Runs the built program as scripts do, or another one.</summary>
internal static class CommandLine
{
    public static string Program { get; } = Path.Combine(AppContext.BaseDirectory, "kubecop");

    public static Task<(int ExitCode, string Output, string Error)> RunAsync(string[] arguments, params (string Name, string Value)[] environment) =>
        RunAsync(Program, arguments, environment);

    /// <param name="environment">Variables besides those of the tests.</param>
    public static async Task<(int ExitCode, string Output, string Error)> RunAsync(string program, string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Remove("KUBECOP_HTTP");
        start.Environment.Remove("KUBECOP_TOKEN");
        start.Environment.Remove("KUBECOP_COMMAND");
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        return (process.ExitCode, await output, await error);
    }
}

using System.Diagnostics;

namespace KubeCop.Host.Demo;

/// <summary>A program of the system that could not do what it was asked for.</summary>
internal sealed class ToolException(string message) : Exception(message);

/// <summary>Runs programs of the system. Arguments are passed as they are, no shell reads them.</summary>
internal static class Tool
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <returns>Whether a directory of PATH, or one where only root's tools are, holds it.</returns>
    public static bool IsInstalled(string program) =>
        $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/sbin".Split(':').Any(directory => File.Exists(Path.Combine(directory, program)));

    /// <exception cref="ToolException">It failed, with what it said.</exception>
    public static async Task<string> RunAsync(string program, params string[] arguments)
    {
        var (code, output, error) = await TryRunAsync(program, arguments);
        return code == 0 ? output : throw new ToolException($"{program} {string.Join(' ', arguments)} failed ({code}): {error.Trim()}");
    }

    public static async Task<(int ExitCode, string Output, string Error)> TryRunAsync(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        using var patience = new CancellationTokenSource(Patience);
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(patience.Token);
            var error = process.StandardError.ReadToEndAsync(patience.Token);
            await process.WaitForExitAsync(patience.Token);
            return (process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw new ToolException($"{program} {string.Join(' ', arguments)} did not end within {Patience.TotalSeconds:0} s.");
        }
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xunit;

namespace KubeCop.Testing.Kubernetes;

/// <summary>A test with helm; skipped, saying why, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class HelmFactAttribute : FactAttribute
{
    public HelmFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Skip = Helm.Missing;
}

/// <summary>The same with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class HelmTheoryAttribute : TheoryAttribute
{
    public HelmTheoryAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Skip = Helm.Missing;
}

/// <summary>helm with a home of its own: what tools/test fetched, or what this machine has.</summary>
/// <param name="kubeconfig">Of the API server it talks to; null for none.</param>
public sealed class Helm(TestDirectory directory, string? kubeconfig = null)
{
    /// <summary>Why tests with it cannot run here; null when they can.</summary>
    public static string? Missing { get; } = Program is null ? "needs helm; tools/test fetches it" : null;

    private static string? Program => Commands.FindFetched("kubectl/helm") ?? Commands.Find("helm");

    /// <summary>Runs it to its end.</summary>
    /// <returns>What it wrote to its standard output.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message says how.</exception>
    public async Task<string> RunAsync(params IEnumerable<string> arguments)
    {
        var result = await TryRunAsync(arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"helm {string.Join(' ', arguments)} exited with {result.ExitCode}: {result.Error}{result.Output}");
    }

    /// <summary>Runs it to its end, however that is.</summary>
    public async Task<CommandResult> TryRunAsync(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Program!, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["HOME"] = directory.Path,
                ["HELM_CACHE_HOME"] = directory.Combine("helm-cache"),
                ["HELM_CONFIG_HOME"] = directory.Combine("helm-config"),
                ["HELM_DATA_HOME"] = directory.Combine("helm-data"),
                ["KUBECONFIG"] = kubeconfig ?? directory.Combine("no-kubeconfig"),
            },
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new CommandResult(process.ExitCode, await output, await error);
    }
}

using System.Diagnostics;
using System.Runtime.CompilerServices;
using Xunit;

namespace KubeCop.Testing.Kubernetes;

/// <summary>A test with kubectl; skipped, saying why, where there is none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KubectlFactAttribute : FactAttribute
{
    public KubectlFactAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Skip = Kubectl.Missing;
}

/// <summary>The same with data.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class KubectlTheoryAttribute : TheoryAttribute
{
    public KubectlTheoryAttribute([CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => Skip = Kubectl.Missing;
}

/// <summary>kubectl with a kubeconfig and a home of its own: what tools/test fetched, or what this machine has.</summary>
public sealed class Kubectl(ApiServer server, TestDirectory directory)
{
    private readonly string _kubeconfig = server.WriteKubeconfig(directory.Combine("kubeconfig"));

    /// <summary>Why tests with it cannot run here; null when they can.</summary>
    public static string? Missing { get; } = Program is null ? "needs kubectl; tools/test fetches it" : null;

    private static string? Program => Commands.FindFetched("kubectl/kubectl") ?? Commands.Find("kubectl");

    /// <summary>Runs it to its end.</summary>
    /// <returns>What it wrote to its standard output.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message says how.</exception>
    public async Task<string> RunAsync(params IEnumerable<string> arguments)
    {
        var result = await TryRunAsync(arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"kubectl {string.Join(' ', arguments)} exited with {result.ExitCode}: {result.Error}{result.Output}");
    }

    /// <summary>Runs it to its end, however that is.</summary>
    public async Task<CommandResult> TryRunAsync(params IEnumerable<string> arguments)
    {
        using var process = Start(arguments);
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new CommandResult(process.ExitCode, await output, await error);
    }

    /// <summary>Starts it; the caller ends it.</summary>
    public Process Start(params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Program!, ["--kubeconfig", _kubeconfig, .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment =
            {
                ["HOME"] = directory.Path,
                ["KUBE_EDITOR"] = Editor,
            },
        };
        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    /// <summary>The program that <c>kubectl edit</c> gives the object to.</summary>
    public string Editor { get; set; } = "false";
}

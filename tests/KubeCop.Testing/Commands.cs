using System.Diagnostics;

namespace KubeCop.Testing;

/// <summary>What a program that ended left behind.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Error);

/// <summary>Runs programs of the system.</summary>
public static class Commands
{
    private static readonly string[] Directories =
        [.. (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries), "/usr/sbin", "/sbin"];

    /// <summary>Full path of a program; null when it is not installed.</summary>
    public static string? Find(string name) => Directories.Select(directory => Path.Combine(directory, name)).FirstOrDefault(File.Exists);

    /// <summary>Full path of a program that tools/test fetched; null where it did not.</summary>
    /// <param name="relative">Where it is below the directory of what is built.</param>
    public static string? FindFetched(string relative)
    {
        for (var at = new DirectoryInfo(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            var program = Path.Combine(at.FullName, relative);
            if (at.Name == "artifacts" && File.Exists(program))
            {
                return program;
            }
        }

        return null;
    }

    /// <summary>Runs a program to its end.</summary>
    /// <returns>What it wrote to its standard output.</returns>
    /// <exception cref="InvalidOperationException">It failed; the message says how.</exception>
    public static async Task<string> RunAsync(string name, params IEnumerable<string> arguments)
    {
        var result = await TryRunAsync(name, arguments);
        return result.ExitCode == 0
            ? result.Output
            : throw new InvalidOperationException($"{name} {string.Join(' ', arguments)} exited with {result.ExitCode}: {result.Error}{result.Output}");
    }

    /// <summary>Runs a program to its end, however that is.</summary>
    public static async Task<CommandResult> TryRunAsync(string name, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(Find(name) ?? throw new FileNotFoundException($"{name} is not installed."), arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        return new CommandResult(process.ExitCode, await output, await error);
    }
}

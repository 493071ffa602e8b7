using System.CommandLine;
using System.Text.Json;
using KubeCop.Grains;
using KubeCop.Host.Configuration;
using KubeCop.Host.Http;
using KubeCop.Host.Node;
using KubeCop.Host.Silo;
using KubeCop.Storage;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop storage</c></summary>
internal static class StorageCommand
{
    public static Command Create() => new("storage", "Where learned profiles are kept.") { Check() };

    private static Command Check()
    {
        var json = CommonOptions.Json();
        var dataDirectory = CommonOptions.DataDirectory();
        var command = new Command(
            "check", "Read, write, conflict and clear a throw-away state in the configured store (KubeCop:Storage); needs no running silo. Exit code 1 if a step fails.")
        {
            json, dataDirectory,
        };
        command.SetAction(async (result, cancellationToken) =>
        {
            var settings = Settings.Load([.. CommonOptions.Value(result, dataDirectory, Keys.DataDirectory, Path.GetFullPath)]);
            var steps = await RunAsync(settings, cancellationToken);
            if (result.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(
                    new StorageCheckView(Name(settings.Storage.Provider), steps.All(static step => step.Ok), steps), ApiJson.Default.StorageCheckView));
            }
            else
            {
                Write(settings, steps, Console.Out);
            }

            return steps.All(static step => step.Ok) ? ExitCode.Success : ExitCode.Failure;
        });
        return command;
    }

    private static async Task<IReadOnlyList<StorageStep>> RunAsync(Settings settings, CancellationToken cancellationToken)
    {
        using var loggers = LoggerFactory.Create(static logging => logging.ClearProviders());
        if (settings.Storage.Provider != StorageProvider.File)
        {
            return await StorageCheck.RunAsync(silo => settings.Storage.AddTo(silo, ""), loggers, cancellationToken);
        }

        // A silo that runs holds the directory, and trusts that nobody else writes there.
        try
        {
            using var held = DataDirectory.Open(settings.Node.DataDirectory);
            return await StorageCheck.RunAsync(silo => settings.Storage.AddTo(silo, NodeFiles.GrainDirectory(held.FullPath)), loggers, cancellationToken);
        }
        catch (StorageException error)
        {
            return [new StorageStep("open", false, error.Cause, error.Remedy)];
        }
    }

    private static void Write(Settings settings, IReadOnlyList<StorageStep> steps, TextWriter output)
    {
        TextTable.Write(output, ["step", "result", "detail"], steps.Select(static step => new[] { step.Step, step.Ok ? "ok" : "FAILED", step.Detail }));
        output.WriteLine();
        output.WriteLine(steps.FirstOrDefault(static step => !step.Ok) is { } failed
            ? $"Grain storage '{GrainStorage.Name}' ({Name(settings.Storage.Provider)}) cannot be used. {KubeCop.Core.Alerts.TerminalText.Escape(failed.Remedy)}"
            : $"Grain storage '{GrainStorage.Name}' ({Name(settings.Storage.Provider)}) works.");
    }

    private static string Name(StorageProvider provider) => provider.ToString().ToLowerInvariant();
}

/// <summary>What <c>storage check --json</c> writes.</summary>
internal sealed record StorageCheckView(string Provider, bool Ok, IReadOnlyList<StorageStep> Steps);

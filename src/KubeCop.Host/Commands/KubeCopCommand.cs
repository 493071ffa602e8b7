using System.CommandLine;
using System.CommandLine.Parsing;
using System.Runtime.InteropServices;
using KubeCop.Core.Alerts;
using KubeCop.Core.Bindings;
using KubeCop.Host.Client;
using KubeCop.Scanning.Quarantining;
using KubeCop.Sensor;
using KubeCop.Sensor.Recording;
using KubeCop.Storage;
using Microsoft.Extensions.Options;

namespace KubeCop.Host.Commands;

/// <summary>The root of the command line: parses, runs one verb, and turns what went wrong into a message and an exit code.</summary>
internal static class KubeCopCommand
{
    public static async Task<int> RunAsync(string[] args)
    {
        var result = Create().Parse(args);
        if (result.Errors.Count > 0)
        {
            // With a verb that there is not everything behind it is wrong too.
            var errors = result is { UnmatchedTokens: [var verb, ..], CommandResult.Command: { Action: null, Subcommands.Count: > 0 } }
                ? [$"There is no '{verb}' of {PathOf(result.CommandResult)}."]
                : result.Errors.Select(static error => error.Message);
            foreach (var error in errors)
            {
                Console.Error.WriteLine($"kubecop: {TerminalText.Escape(error)}");
            }

            Console.Error.WriteLine($"kubecop: see {PathOf(result.CommandResult)} --help");
            return ExitCode.Usage;
        }

        using var stop = new CancellationTokenSource();
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        using var hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop);
        try
        {
            // Verbs end themselves in their own order when the token says so; without a limit nothing cuts that short.
            var invocation = new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null };
            return await result.InvokeAsync(invocation, stop.Token);
        }
        catch (BindingsRefusedException exception)
        {
            foreach (var error in exception.Errors)
            {
                Console.Error.WriteLine($"kubecop: {error}");
            }

            return ExitCode.Usage;
        }
        catch (Exception exception) when (Explain(exception) is { } explained)
        {
            Console.Error.WriteLine($"kubecop: {TerminalText.Escape(explained.Message)}");
            return explained.ExitCode;
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return ExitCode.Success;
        }

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }
    }

    internal static RootCommand Create() =>
        new("Runtime threat detection for containers: learns what they normally do, and alerts on what is not.")
        {
            RunCommand.Create(),
            DemoCommand.Create(),
            DoctorCommand.Create(),
            StatusCommand.Create(),
            RulesCommand.Create(),
            CrdsCommand.Create(),
            BindingsCommand.Create(),
            ProfilesCommand.Create(),
            ContainersCommand.Create(),
            AlertsCommand.Create(),
            RecordCommand.Create(),
            ReplayCommand.Create(),
            StorageCommand.Create(),
            ScanCommand.Create(),
            QuarantineCommand.Create(),
        };

    private static string PathOf(CommandResult command) =>
        command.Parent is CommandResult parent ? $"{PathOf(parent)} {command.Command.Name}" : ProgramName.Value;

    /// <returns>Null for what is a defect of ours: its stack trace is wanted.</returns>
    private static (int ExitCode, string Message)? Explain(Exception exception) => exception switch
    {
        UsageException or OptionsValidationException => (ExitCode.Usage, exception.Message),
        NoSiloException => (ExitCode.NoSilo, exception.Message),
        SensorException sensor => (ExitCode.Failure, $"{sensor.Cause} {sensor.Remedy}"),
        StorageException or RequestRefusedException or RecordingException or QuarantineException => (ExitCode.Failure, exception.Message),
        _ => null,
    };
}

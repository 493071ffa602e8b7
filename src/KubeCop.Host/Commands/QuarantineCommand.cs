using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using KubeCop.Core.Alerts;
using KubeCop.Host.Configuration;
using KubeCop.Host.Http;
using KubeCop.Host.Node;
using KubeCop.Scanning.Quarantining;

namespace KubeCop.Host.Commands;

/// <summary><c>kubecop quarantine</c>: files with malware that were moved aside, in the data directory, whether or not a node runs on it.</summary>
internal static class QuarantineCommand
{
    private const int ShownDigits = 12;

    public static Command Create() => new("quarantine", "Files with malware that were moved aside on this machine; needs no running silo.") { List(), Restore(), Delete() };

    private static Command List()
    {
        var json = CommonOptions.Json();
        return Verb("list", "What is in the quarantine, oldest first.", [json], (store, result) =>
        {
            var files = store.List();
            if (result.GetValue(json))
            {
                Console.Out.WriteLine(JsonSerializer.Serialize(new ItemList<QuarantineView>([.. files.Select(QuarantineView.Of)]), ApiJson.Default.ItemListQuarantineView));
                return;
            }

            TextTable.WriteLines(Console.Out, ["id", "moved", "signature", "size", "sha-256", "path"], files.Select(static file => new[]
            {
                file.Id,
                file.MovedAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture),
                file.Signature,
                file.Size.ToString(CultureInfo.InvariantCulture),
                file.Sha256.Length > ShownDigits ? file.Sha256[..ShownDigits] : "-",
                file.Path,
            }));
        });
    }

    private static Command Restore()
    {
        var id = Id();
        var to = new Option<string>("--to")
        {
            Description = "Where to put it: the whole path of a file that is not there yet. Default: where it was.",
            HelpName = "PATH",
        };
        return Verb(
            "restore",
            "Put a file back, with its owner and permissions. Nothing is overwritten. The next scan finds it again.",
            [id, to],
            (store, result) => Console.Out.WriteLine($"Restored: {TerminalText.Escape(store.Restore(result.GetRequiredValue(id), result.GetValue(to)))}"));
    }

    private static Command Delete()
    {
        var id = Id();
        return Verb("delete", "Delete a file for good.", [id], (store, result) => store.Delete(result.GetRequiredValue(id)));
    }

    private static Argument<string> Id() => new("ID") { Description = "As the list and the alert name it." };

    private static Command Verb(string name, string description, Symbol[] symbols, Action<QuarantineStore, ParseResult> action)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
            {
                command.Add(argument);
            }
            else
            {
                command.Add((Option)symbol);
            }
        }

        var dataDirectory = CommonOptions.DataDirectory();
        command.Add(dataDirectory);
        command.SetAction(result =>
        {
            var settings = Settings.Load([.. CommonOptions.Value(result, dataDirectory, Keys.DataDirectory, Path.GetFullPath)]);
            var directory = NodeFiles.QuarantineDirectory(settings.Node.DataDirectory);
            try
            {
                action(new QuarantineStore(directory, settings.Node.HostRoot, settings.Malware.Quarantine, TimeProvider.System), result);
            }
            catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
            {
                throw new QuarantineException($"The quarantine in '{directory}' cannot be used: {exception.Message} Run this as the user KubeCop runs as.", exception);
            }

            return ExitCode.Success;
        });
        return command;
    }
}

/// <param name="Mode">Permissions that it had, octal.</param>
internal sealed record QuarantineView(
    string Id, string Path, string Node, string Signature, string Sha256, long Size, uint Uid, uint Gid, string Mode, DateTimeOffset Modified, DateTimeOffset Changed, DateTimeOffset MovedAt)
{
    public static QuarantineView Of(QuarantinedFile file) => new(
        file.Id, file.Path, file.Node, file.Signature, file.Sha256, file.Size, file.Owner, file.Group, Convert.ToString(file.Mode, 8).PadLeft(4, '0'), file.Modified, file.Changed, file.MovedAt);
}

using KubeCop.Core.Alerts;
using Spectre.Console;

namespace KubeCop.Host.Commands;

/// <summary>Aligned columns; what does not fit a terminal is wrapped within its column, what goes elsewhere is never wrapped.</summary>
internal static class TextTable
{
    private const int Unlimited = 100_000;

    /// <summary>Cells are escaped here: most of them come from containers.</summary>
    public static void Write(TextWriter output, string[] headers, IEnumerable<string[]> rows)
    {
        var table = new Table().NoBorder();
        foreach (var header in headers)
        {
            table.AddColumn(Column(header.ToUpperInvariant()));
        }

        Write(output, table, rows);
    }

    /// <summary>What is known of one thing, a line each.</summary>
    public static void WriteFacts(TextWriter output, IEnumerable<(string Name, string Value)> facts) =>
        Write(output, new Table().NoBorder().HideHeaders().AddColumns(Column(""), Column("")), facts.Select(static fact => new[] { fact.Name, fact.Value }));

    public static bool IsTerminal(TextWriter output) => ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;

    private static TableColumn Column(string header) => new TableColumn(new Text(header, new Style(decoration: Decoration.Bold))).PadLeft(0).PadRight(2);

    private static void Write(TextWriter output, Table table, IEnumerable<string[]> rows)
    {
        var terminal = IsTerminal(output);
        var console = AnsiConsole.Create(
            new AnsiConsoleSettings { Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No, Out = new AnsiConsoleOutput(output) });
        if (!terminal)
        {
            console.Profile.Width = Unlimited;
        }

        foreach (var row in rows)
        {
            table.AddRow([.. row.Select(static cell => new Text(TerminalText.Escape(cell)))]);
        }

        console.Write(table);
    }
}

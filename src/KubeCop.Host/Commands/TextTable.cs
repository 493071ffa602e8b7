using KubeCop.Core.Alerts;
using Spectre.Console;

namespace KubeCop.Host.Commands;

/// <summary>Aligned columns; what does not fit a terminal is wrapped within its column, what goes elsewhere is never wrapped.</summary>
internal static class TextTable
{
    private const int Unlimited = 100_000;

    /// <summary>Cells are escaped here: most of them come from containers.</summary>
    public static void Write(TextWriter output, string[] headers, IEnumerable<string[]> rows) => Write(output, headers, rows, wraps: true);

    /// <summary>Of many columns with a word each: a row is a line, which the terminal folds, and not a column of pieces of words.</summary>
    public static void WriteLines(TextWriter output, string[] headers, IEnumerable<string[]> rows) => Write(output, headers, rows, wraps: false);

    /// <summary>What is known of one thing, a line each.</summary>
    public static void WriteFacts(TextWriter output, IEnumerable<(string Name, string Value)> facts) =>
        Write(output, new Table().NoBorder().HideHeaders().AddColumns(Column(""), Column("")), facts.Select(static fact => new[] { fact.Name, fact.Value }), wraps: true);

    public static bool IsTerminal(TextWriter output) => ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;

    private static void Write(TextWriter output, string[] headers, IEnumerable<string[]> rows, bool wraps)
    {
        var table = new Table().NoBorder();
        foreach (var header in headers)
        {
            table.AddColumn(Column(header.ToUpperInvariant()));
        }

        Write(output, table, rows, wraps);
    }

    private static TableColumn Column(string header) => new TableColumn(new Text(header)).PadLeft(0).PadRight(2);

    private static void Write(TextWriter output, Table table, IEnumerable<string[]> rows, bool wraps)
    {
        using var text = new StringWriter();
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, Out = new AnsiConsoleOutput(text) });
        console.Profile.Width = wraps && IsTerminal(output) && Console.WindowWidth is > 0 and var width ? width : Unlimited;
        foreach (var row in rows)
        {
            table.AddRow([.. row.Select(static cell => new Text(TerminalText.Escape(cell)))]);
        }

        console.Write(table);
        foreach (var line in text.ToString().AsSpan().TrimEnd().EnumerateLines())
        {
            output.WriteLine(line.TrimEnd());
        }
    }
}

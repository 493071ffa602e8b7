namespace KubeCop.Exporters.Stdout;

/// <summary>
/// The last line of a terminal, rewritten in place, that gives way to everything else written there: alerts on stdout, logs on stderr.
/// </summary>
public sealed class StatusLine(TextWriter terminal)
{
    // Carriage return and "erase to the end of the line" (ECMA-48 EL).
    private const string Erase = "\r\x1b[K";

    private readonly Lock _lock = new();
    private string _text = "";

    /// <summary>Shows a text of one line that fits the terminal; empty removes the line.</summary>
    public void Show(string text)
    {
        lock (_lock)
        {
            if (text != _text)
            {
                _text = text;
                terminal.Write(Erase + text);
                terminal.Flush();
            }
        }
    }

    /// <summary>Writes something else while the line is out of the way.</summary>
    public void WriteAround(Action write)
    {
        lock (_lock)
        {
            if (_text.Length > 0)
            {
                terminal.Write(Erase);
                terminal.Flush();
            }

            write();
            if (_text.Length > 0)
            {
                terminal.Write(_text);
                terminal.Flush();
            }
        }
    }
}

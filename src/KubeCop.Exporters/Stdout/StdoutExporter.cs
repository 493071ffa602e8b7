using System.Buffers;
using KubeCop.Core.Alerts;

namespace KubeCop.Exporters.Stdout;

/// <summary>How alerts are written to standard output.</summary>
public enum OutputFormat
{
    /// <summary>For people.</summary>
    Text,

    /// <summary>One alert a line, for programs.</summary>
    Json,
}

/// <summary>Writes alerts to standard output. When nobody reads it any more, alerts are counted as dropped and everything else goes on.</summary>
public sealed class StdoutExporter(OutputFormat format, bool colour, StatusLine? statusLine, Stream output) : IAlertExporter
{
    /// <summary>The reason of drops once the reader of stdout has gone.</summary>
    public const string Closed = "stdout_closed";

    private readonly ArrayBufferWriter<byte> _buffer = new();

    public StdoutExporter(OutputFormat format, bool colour, StatusLine? statusLine)
        : this(format, colour, statusLine, new StandardOutput())
    {
    }

    public string Name => "stdout";

    public string Receiver => "standard output";

    public string Export(IReadOnlyList<Alert> batch, CancellationToken cancellationToken)
    {
        _buffer.ResetWrittenCount();
        foreach (var alert in batch)
        {
            if (format == OutputFormat.Json)
            {
                AlertJson.Write(_buffer, alert);
                _buffer.Write("\n"u8);
            }
            else
            {
                AlertText.Write(_buffer, AlertLine.From(alert), colour);
            }
        }

        try
        {
            if (statusLine is null)
            {
                output.Write(_buffer.WrittenSpan);
            }
            else
            {
                statusLine.WriteAround(() => output.Write(_buffer.WrittenSpan));
            }

            return "written";
        }
        catch (IOException exception)
        {
            throw new ExportException(Closed, batch.Count, $"Standard output cannot be written: {exception.Message}.", exception);
        }
    }
}

using System.Globalization;
using System.Text;
using KubeCop.Core.Alerts;
using KubeCop.Exporters.Stdout;

namespace KubeCop.Host.Logging;

/// <summary>
/// Logs on standard error, one line an entry (stack traces follow on their own), out of the way of the status line. .NET's console
/// logger writes to standard output by default, knows no status line and lets control characters through.
/// </summary>
internal sealed class StderrLoggerProvider(TextWriter error, bool terminal, StatusLine? statusLine, TimeProvider time) : ILoggerProvider
{
    private readonly Lock _lock = new();

    public ILogger CreateLogger(string categoryName) => new StderrLogger(this, categoryName);

    public void Dispose()
    {
    }

    private void Write(LogLevel level, string category, string message, Exception? exception)
    {
        var line = new StringBuilder();
        if (terminal)
        {
            line.Append(time.GetLocalNow().ToString("HH:mm:ss", CultureInfo.InvariantCulture)).Append("  ").Append(Colour(level)).Append(Name(level).PadRight(5)).Append("\x1b[0m  ");
        }
        else
        {
            line.Append(time.GetUtcNow().ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture)).Append(' ').Append(Name(level)).Append(' ').Append(category).Append(": ");
        }

        line.AppendLine(TerminalText.Escape(message));
        if (exception is not null)
        {
            foreach (var part in exception.ToString().Split('\n'))
            {
                line.Append("    ").AppendLine(TerminalText.Escape(part.TrimEnd('\r')));
            }
        }

        lock (_lock)
        {
            if (statusLine is null)
            {
                WriteLine();
            }
            else
            {
                statusLine.WriteAround(WriteLine);
            }
        }

        void WriteLine()
        {
            error.Write(line);
            error.Flush();
        }
    }

    private static string Name(LogLevel level) => level switch
    {
        LogLevel.Trace => "trace",
        LogLevel.Debug => "debug",
        LogLevel.Information => "info",
        LogLevel.Warning => "warn",
        _ => "error",
    };

    private static string Colour(LogLevel level) => level switch
    {
        LogLevel.Warning => "\x1b[33m",
        LogLevel.Error or LogLevel.Critical => "\x1b[31m",
        _ => "\x1b[2m",
    };

    private sealed class StderrLogger(StderrLoggerProvider provider, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            provider.Write(logLevel, category, formatter(state, exception), exception);
    }
}

using KubeCop.Host.Tls;

namespace KubeCop.Host.Logging;

/// <summary>
/// Leaves out what Orleans says of connections that TLS between silos has refused: it has a stack for each try, and all that depends on the connection tries many
/// times a second, while <see cref="PeerRefusals"/> tells of it in one line a minute. What follows for the cluster, as a member that did not answer, is told
/// without the stack; so is what follows from any connection that could not be made, of which Orleans tells by itself.
/// </summary>
internal sealed class RefusedPeersLoggerProvider(ILoggerProvider inner) : ILoggerProvider
{
    private const string Orleans = "Orleans.";

    /// <summary>How Orleans calls a connection that was not made. It rejects what it could not send with a text that begins like that, and has the stack in it.</summary>
    private const string NoConnection = "Orleans.Runtime.Messaging.ConnectionFailedException";

    /// <summary>Where each try is told of: the connections, and the directory that is spread over the silos.</summary>
    private static readonly string[] Tries = ["Orleans.Runtime.Messaging.", "Orleans.Runtime.GrainDirectory."];

    public ILogger CreateLogger(string categoryName)
    {
        var logger = inner.CreateLogger(categoryName);
        return categoryName.StartsWith(Orleans, StringComparison.Ordinal)
            ? new Logger(logger, Array.Exists(Tries, prefix => categoryName.StartsWith(prefix, StringComparison.Ordinal)))
            : logger;
    }

    public void Dispose() => inner.Dispose();

    private sealed class Logger(ILogger inner, bool isOfTries) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => inner.BeginScope(state);

        public bool IsEnabled(LogLevel logLevel) => inner.IsEnabled(logLevel);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var stack = exception?.ToString() ?? "";
            var isRefused = stack.Contains(typeof(PeerRefusedException).FullName!, StringComparison.Ordinal);
            if (!isRefused || !isOfTries)
            {
                inner.Log(logLevel, eventId, state, isRefused || stack.Contains(NoConnection, StringComparison.Ordinal) ? null : exception, formatter);
            }
        }
    }
}

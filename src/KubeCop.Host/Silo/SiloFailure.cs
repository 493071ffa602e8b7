namespace KubeCop.Host.Silo;

/// <summary>
/// What becomes of a silo that cannot go on, as one that was cut off and declared dead by the others: the process ends in order, so that
/// what was learned is in the journal, and whoever supervises it starts it again. Orleans itself would abort the process.
/// </summary>
internal sealed partial class SiloFailure(IHostApplicationLifetime process, ILogger<SiloFailure> logger) : IFatalErrorHandler
{
    private int _told;

    public bool IsUnexpected(Exception exception) => exception is not ThreadAbortException;

    public void OnFatalException(object? sender = null, string? context = null, Exception? exception = null)
    {
        if (Interlocked.Exchange(ref _told, 1) == 0)
        {
            LogCriticalFailed(context, exception);
            process.StopApplication();
        }
    }

    [LoggerMessage(
        Level = LogLevel.Critical,
        Message = "The silo cannot go on: {Context} This process ends, with exit code 1, and has to be started again.")]
    private partial void LogCriticalFailed(string? context, Exception? exception);
}

namespace KubeCop.Scanning.Clamd;

/// <summary>How clamd is asked. clamd does not tell its own limits: where <c>clamd.conf</c> sets others than its defaults, say so here.</summary>
public sealed class ClamdOptions
{
    private const long MostBytes = 1L << 31;

    /// <summary>How long to wait for a connection, 100 ms to 1 minute. Default: 2 s.</summary>
    public TimeSpan ConnectTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long to wait for the answer to what clamd answers at once (PING, VERSION, RELOAD), 100 ms to 5 minutes. Default: 10 s.</summary>
    public TimeSpan AnswerTimeout { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// How long clamd may be silent while it scans a file, or takes nothing of what is sent, 1 s to 1 hour. Default: 150 s, which is more than the two
    /// minutes it gives itself for a file (<c>MaxScanTime</c>), so that its own word on that arrives.
    /// </summary>
    public TimeSpan ReplyTimeout { get; set; } = TimeSpan.FromSeconds(150);

    /// <summary>Connections that scan at the same time, 1 to 64; less than clamd's <c>MaxThreads</c>, 10 by default. Default: 2.</summary>
    public int MaxConnections { get; set; } = 2;

    /// <summary>How much clamd takes in a stream: its <c>StreamMaxLength</c>, in bytes. What is longer is not scanned. Default: 100 MiB, as clamd's.</summary>
    public long MaxStreamBytes { get; set; } = 100L << 20;

    /// <summary>
    /// Up to which size clamd scans a file: its <c>MaxFileSize</c>, in bytes. It answers OK for what is longer, unless <c>AlertExceedsMax</c> is on;
    /// here such a file is not scanned. At most 2 GiB, which clamd cannot exceed. Default: 100 MiB, as clamd's.
    /// </summary>
    public long MaxFileBytes { get; set; } = 100L << 20;

    /// <summary>Bytes of one reply, 1 KiB to 1 MiB: who sends more is no clamd. Default: 16 KiB, for the longest path with the longest signature.</summary>
    public int MaxReplyBytes { get; set; } = 16 << 10;

    /// <returns>A sentence that begins with the option's name; null when all are right.</returns>
    public string? FindMistake() =>
        ConnectTimeout < TimeSpan.FromMilliseconds(100) || ConnectTimeout > TimeSpan.FromMinutes(1)
            ? $"{nameof(ConnectTimeout)} '{ConnectTimeout}' is not accepted; expected 00:00:00.1 to 1m."
        : AnswerTimeout < TimeSpan.FromMilliseconds(100) || AnswerTimeout > TimeSpan.FromMinutes(5)
            ? $"{nameof(AnswerTimeout)} '{AnswerTimeout}' is not accepted; expected 00:00:00.1 to 5m."
        : ReplyTimeout < TimeSpan.FromSeconds(1) || ReplyTimeout > TimeSpan.FromHours(1) ? $"{nameof(ReplyTimeout)} '{ReplyTimeout}' is not accepted; expected 1s to 1h."
        : MaxConnections is < 1 or > 64 ? $"{nameof(MaxConnections)} '{MaxConnections}' is not accepted; expected 1 to 64."
        : MaxStreamBytes is < 1 or > MostBytes ? $"{nameof(MaxStreamBytes)} '{MaxStreamBytes}' is not accepted; expected 1 to 2147483648."
        : MaxFileBytes is < 1 or > MostBytes ? $"{nameof(MaxFileBytes)} '{MaxFileBytes}' is not accepted; expected 1 to 2147483648."
        : MaxReplyBytes is < 1024 or > 1048576 ? $"{nameof(MaxReplyBytes)} '{MaxReplyBytes}' is not accepted; expected 1024 to 1048576."
        : null;
}

using Orleans.Persistence.Redis;
using StackExchange.Redis;

namespace KubeCop.Storage.Redis;

/// <summary>What of Redis' client is used. Apart from the options, so that who only reads options does not load it.</summary>
internal static class RedisClient
{
    public static bool CanParse(string connectionString)
    {
        try
        {
            return ConfigurationOptions.Parse(connectionString).EndPoints.Count > 0;
        }
        catch (Exception error) when (error is ArgumentException or FormatException)
        {
            return false;
        }
    }

    public static ConfigurationOptions Configure(RedisOptions options)
    {
        var configuration = ConfigurationOptions.Parse(options.ConnectionString);
        var timeout = (int)options.Timeout.TotalMilliseconds;
        (configuration.ConnectTimeout, configuration.AsyncTimeout, configuration.SyncTimeout) = (timeout, timeout, timeout);

        // One that is down fails its requests at once, and is connected to again in the background.
        configuration.BacklogPolicy = BacklogPolicy.FailFast;
        return configuration;
    }

    /// <summary>Where it is, without secrets.</summary>
    public static string Describe(RedisOptions options)
    {
        var servers = ConfigurationOptions.Parse(options.ConnectionString).EndPoints;
        return $"Redis at {string.Join(", ", servers.Select(static server => server.ToString()?.Replace("Unspecified/", "", StringComparison.Ordinal)))}";
    }

    /// <summary>Orleans' provider wraps what failed into its own exception, and keeps only the words.</summary>
    public static StorageFailure? Explain(Exception error)
    {
        if (error is not (RedisException or RedisTimeoutException or RedisStorageException or TimeoutException) && error.InnerException is not RedisException)
        {
            return null;
        }

        var text = error.ToString();
        return text.Contains("WRONGPASS", StringComparison.Ordinal) || text.Contains("NOAUTH", StringComparison.Ordinal)
                || text.Contains("AuthenticationFailure", StringComparison.Ordinal) || text.Contains("invalid password", StringComparison.OrdinalIgnoreCase)
            ? new StorageFailure("it does not accept the password", "Check user and password in KubeCop:Storage:Redis:ConnectionString.", false)
            : text.Contains("NOPERM", StringComparison.Ordinal)
            ? new StorageFailure("access is denied", "Allow the user the commands HGETALL, HGET, HMSET, DEL, EXPIRE, EVAL and EVALSHA on kubecop/*.", false)
            : text.Contains("OOM command", StringComparison.Ordinal)
            ? new StorageFailure("it has no memory left", "Raise Redis' maxmemory; no policy may evict keys of kubecop/*.", true)
            : text.Contains("READONLY", StringComparison.Ordinal)
            ? new StorageFailure("it is a read-only replica", "Name the primary in KubeCop:Storage:Redis:ConnectionString.", true)
            : text.Contains("MISCONF", StringComparison.Ordinal) || text.Contains("LOADING", StringComparison.Ordinal)
            ? new StorageFailure("it takes no writes now (it is loading, or cannot save to its disk)", "Look into Redis' log if this lasts; kubecop goes on trying.", true)
            : text.Contains("WRONGTYPE", StringComparison.Ordinal)
            ? new StorageFailure("what is stored there is not KubeCop's", "Give kubecop a Redis or a database of its own (defaultDatabase=N), or delete that key.", false)
            : IsConnection(text)
            ? new StorageFailure("it cannot be reached or does not answer", "Check that it runs and can be reached from this machine; kubecop goes on trying.", true)
            : new StorageFailure("what is stored does not fit, or Redis refuses it", "Run the version of KubeCop that wrote it, or delete the key to start this state anew.", false);
    }

    private static bool IsConnection(string text) => text.Contains("RedisConnectionException", StringComparison.Ordinal) || text.Contains("Timeout", StringComparison.OrdinalIgnoreCase)
        || text.Contains("ObjectDisposed", StringComparison.Ordinal);
}

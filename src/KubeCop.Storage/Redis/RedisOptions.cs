namespace KubeCop.Storage.Redis;

/// <summary>Grain state in a Redis that keeps what it is given (append-only file or replication), through Orleans' own provider.</summary>
public sealed class RedisOptions
{
    /// <summary>
    /// Servers and settings in StackExchange.Redis' form, for example <c>redis.kubecop.svc:6379,password=…,ssl=true</c>. A secret. No default.
    /// </summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>How long a connection, and each request, may take. Default: 5 s; 0.1 s to 5 min.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>What is wrong with the options, for people and without their secrets; null when nothing is.</summary>
    public string? FindMistake() =>
        ConnectionString.Length == 0 ? "ConnectionString is empty; expected a server, for example redis.kubecop.svc:6379,password=…."
        : !RedisClient.CanParse(ConnectionString) ? "ConnectionString is none; expected HOST:PORT,password=…,ssl=true. It is not shown here: it may hold a password."
        : Timeout < TimeSpan.FromMilliseconds(100) || Timeout > TimeSpan.FromMinutes(5) ? $"Timeout {Timeout} is not accepted; expected 0.1 s to 5 min."
        : null;
}

namespace KubeCop.Storage.AzureBlob;

/// <summary>
/// Grain state in blobs of one container, for silos that share an account of Azure Storage or an Azurite. One of
/// <see cref="ConnectionString"/> and <see cref="ServiceUri"/> says where.
/// </summary>
public sealed class AzureBlobOptions
{
    private const int MinContainerName = 3;
    private const int MaxContainerName = 63;

    /// <summary>Account and key, or account and shared access signature, as the Azure portal gives it. A secret. Default: empty.</summary>
    public string ConnectionString { get; set; } = "";

    /// <summary>
    /// The account's blob endpoint, for example <c>https://account.blob.core.windows.net</c>. With a shared access signature as its query
    /// that is used, and the URI is a secret; without one the machine's or pod's managed identity is. Default: empty.
    /// </summary>
    public string ServiceUri { get; set; } = "";

    /// <summary>Client id of the user-assigned managed identity to use. Default: empty, for the one that the environment names or the only one there is.</summary>
    public string ClientId { get; set; } = "";

    /// <summary>The container, made when it is absent; each cluster needs one of its own. Default: <c>kubecop</c>.</summary>
    public string Container { get; set; } = "kubecop";

    /// <summary>How often a request is repeated that got no answer, or one that says to come again. Default: 3; 0 to 10.</summary>
    public int MaxRetries { get; set; } = 3;

    /// <summary>Wait before the first repetition; each further one waits twice as long, up to 5 s. Default: 0.4 s; 10 ms to 10 s.</summary>
    public TimeSpan RetryDelay { get; set; } = TimeSpan.FromMilliseconds(400);

    /// <summary>How long one try of a request may take. Default: 5 s; 0.1 s to 5 min.</summary>
    public TimeSpan AttemptTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a read, write or clear may take with all its tries, once it has its turn. Default: 20 s; at least <see cref="AttemptTimeout"/>, at most 10 min.</summary>
    public TimeSpan Timeout { get; set; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// Reads, writes and clears of one silo at the same time, 1 to 1000; others wait for their turn, at most <see cref="Timeout"/>. After an outage all
    /// workloads write at once, and a small store (Azurite) that is given all of it answers none in time: each is sent again, and again in vain. Default: 8.
    /// </summary>
    public int MaxConcurrency { get; set; } = 8;

    /// <summary>Whether <see cref="ServiceUri"/> carries a shared access signature.</summary>
    internal bool HasSignature => Uri.TryCreate(ServiceUri, UriKind.Absolute, out var uri) && uri.Query.Contains("sig=", StringComparison.Ordinal);

    /// <summary>What is wrong with the options, for people and without their secrets; null when nothing is.</summary>
    public string? FindMistake()
    {
        if (ConnectionString.Length == 0 == (ServiceUri.Length == 0))
        {
            return ConnectionString.Length == 0
                ? "ConnectionString and ServiceUri are empty; expected one of them, for example ServiceUri https://account.blob.core.windows.net."
                : "ConnectionString and ServiceUri are both set; expected only one of them.";
        }

        return FindMistakeOfPlace()
            ?? (MaxRetries is < 0 or > 10 ? $"MaxRetries {MaxRetries} is not accepted; expected 0 to 10."
                : !IsWithin(RetryDelay, TimeSpan.FromMilliseconds(10), TimeSpan.FromSeconds(10)) ? $"RetryDelay {RetryDelay} is not accepted; expected 10 ms to 10 s."
                : !IsWithin(AttemptTimeout, TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(5)) ? $"AttemptTimeout {AttemptTimeout} is not accepted; expected 0.1 s to 5 min."
                : !IsWithin(Timeout, AttemptTimeout, TimeSpan.FromMinutes(10)) ? $"Timeout {Timeout} is not accepted; expected AttemptTimeout ({AttemptTimeout}) to 10 min."
                : MaxConcurrency is < 1 or > 1000 ? $"MaxConcurrency {MaxConcurrency} is not accepted; expected 1 to 1000."
                : null);
    }

    private string? FindMistakeOfPlace()
    {
        if (ConnectionString.Length > 0 && !AzureBlobClient.CanParse(ConnectionString))
        {
            return "ConnectionString is none; expected DefaultEndpointsProtocol=https;AccountName=…;AccountKey=… as the Azure portal gives it. It is not shown here: it holds a key.";
        }

        if (ServiceUri.Length > 0)
        {
            if (!Uri.TryCreate(ServiceUri, UriKind.Absolute, out var uri) || uri.Scheme is not ("https" or "http") || (uri.Query.Length > 0 && !HasSignature))
            {
                return "ServiceUri is none; expected https://account.blob.core.windows.net, or the same with a shared access signature behind it. It is not shown here: it may hold one.";
            }

            if (uri.Scheme == "http" && !HasSignature)
            {
                return "ServiceUri has http; expected https: a managed identity's token is sent encrypted only.";
            }
        }

        return IsContainerName(Container)
            ? null
            : $"Container '{Container}' is not accepted; expected 3 to 63 lower-case letters, digits and single hyphens, the first and last no hyphen.";
    }

    private static bool IsContainerName(string name) =>
        name.Length is >= MinContainerName and <= MaxContainerName
        && name.All(static letter => char.IsAsciiLetterLower(letter) || char.IsAsciiDigit(letter) || letter == '-')
        && name[0] != '-' && name[^1] != '-' && !name.Contains("--", StringComparison.Ordinal);

    private static bool IsWithin(TimeSpan value, TimeSpan least, TimeSpan most) => value >= least && value <= most;
}

namespace KubeCop.Host.Configuration;

/// <summary>The environment variables of KubeCop, which keep their names and meaning, and Kubernetes' own.</summary>
internal static class LegacyVariables
{
    /// <summary>Where clamd listens, unless it is told another port.</summary>
    private const string ClamdPort = "3310";

    private static readonly string[] WithoutEffect = ["_PPROF_SERVER", "GOMEMLIMIT", "SAMPLING_INTERVAL", "RUNC_PATH"];

    /// <summary>What the variables say, as configuration keys.</summary>
    public static IEnumerable<KeyValuePair<string, string?>> Translate(IReadOnlyDictionary<string, string> environment)
    {
        if (Value("FINALIZATION_DURATION") is { } period)
        {
            yield return new(Keys.LearningPeriod, period);
        }

        foreach (var (index, prefix) in (Value("OPEN_IGNORE_PREFIXES") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Index())
        {
            yield return new($"{Keys.IgnoredPrefixes}:{index}", prefix);
        }

        if (Value("OPEN_IGNORE_MOUNTS") is { } mounts)
        {
            yield return new(Keys.IgnoreMounts, mounts);
        }

        if (Value("NODE_NAME") is { } name)
        {
            yield return new(Keys.NodeName, name);
        }

        if (Value("HOST_ROOT") is { } root)
        {
            yield return new(Keys.HostRoot, root);
        }

        if (Value("KUBERNETES_SERVICE_HOST") is { } apiServer)
        {
            yield return new(Keys.ApiServer, apiServer);
        }

        if (Value("STORE_NAMESPACE") is { } store)
        {
            yield return new(Keys.StoreNamespace, store);
        }

        if (Value("DEBUG") is not null)
        {
            yield return new(Keys.Verbose, bool.TrueString);
        }

        if (Value("STDOUT_ENABLED") is "false")
        {
            yield return new(Keys.Stdout, bool.FalseString);
        }

        foreach (var (index, url) in (Value("ALERTMANAGER_URLS") ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Index())
        {
            yield return new($"{Keys.AlertmanagerUrls}:{index}", url);
        }

        if (Value("SYSLOG_HOST") is { } syslog)
        {
            yield return new(Keys.SyslogAddress, syslog);
        }

        if (Value("SYSLOG_PROTOCOL") is { } protocol)
        {
            yield return new(Keys.SyslogProtocol, protocol);
        }

        if (Value("EXPORTER_CSV_RULE_PATH") is { } csv)
        {
            yield return new(Keys.CsvPath, csv);
        }

        if (Value("EXPORTER_CSV_MALWARE_PATH") is { } malware)
        {
            yield return new(Keys.CsvMalwarePath, malware);
        }

        if (Value("HTTP_ENDPOINT_URL") is { } endpoint)
        {
            yield return new(Keys.HttpExportUrl, endpoint);
        }

        if (Value("CLAMAV_HOST") is { } clamd)
        {
            yield return new(Keys.MalwareAddress, clamd.StartsWith("unix:", StringComparison.Ordinal) ? clamd : $"{clamd}:{Value("CLAMAV_PORT") ?? ClamdPort}");
        }

        if (Value("CLAMAV_SCAN_INTERVAL") is { } interval)
        {
            yield return new(Keys.MalwareInterval, interval);
        }

        foreach (var (index, path) in (Value("CLAMAV_SCAN_PATH") ?? "").Split([',', ':'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Index())
        {
            yield return new($"{Keys.MalwarePaths}:{index}", OfHost(path));
        }

        // KubeCop scans paths as its container sees them; MalwareOptions.Paths are the host's own.
        string OfHost(string path)
        {
            var root = (Value("HOST_ROOT") ?? "").TrimEnd('/');
            return root.Length > 0 && (path == root || path.StartsWith($"{root}/", StringComparison.Ordinal)) ? $"/{path[root.Length..].TrimStart('/')}" : path;
        }

        string? Value(string variable) => environment.GetValueOrDefault(variable) is { Length: > 0 } value ? value : null;
    }

    /// <summary>One warning for each variable that is set and means nothing any more.</summary>
    public static IEnumerable<string> Warnings(IReadOnlyDictionary<string, string> environment) =>
        WithoutEffect.Where(environment.ContainsKey).Select(static variable => $"{variable} is set and has no effect here; it is accepted for compatibility with KubeCop.");
}

namespace KubeCop.Host.Configuration;

/// <summary>Configuration keys that options of the command line and variables set.</summary>
internal static class Keys
{
    public const string LearningPeriod = "KubeCop:Learning:Period";
    public const string IgnoredPrefixes = "KubeCop:Learning:IgnoredPrefixes";
    public const string IgnoreMounts = "KubeCop:Learning:IgnoreMounts";
    public const string NodeName = "KubeCop:Node:Name";
    public const string DataDirectory = "KubeCop:Node:DataDirectory";
    public const string HostRoot = "KubeCop:Node:HostRoot";
    public const string ApiServer = "KubeCop:Node:ApiServer";
    public const string RedactArguments = "KubeCop:Alerts:RedactArguments";
    public const string HttpAddress = "KubeCop:Http:Address";
    public const string Bindings = "KubeCop:Bindings:Path";
    public const string OutputFormat = "KubeCop:Output:Format";
    public const string Stdout = "KubeCop:Output:Stdout";
    public const string Verbose = "KubeCop:Output:Verbose";
    public const string Quiet = "KubeCop:Output:Quiet";
    public const string RuntimeTimeout = "KubeCop:Containers:RuntimeTimeout";
    public const string ProbeTimeout = "KubeCop:Cluster:ProbeTimeout";
    public const string RefreshPeriod = "KubeCop:Cluster:RefreshPeriod";
    public const string ApiTimeout = "KubeCop:Kubernetes:Timeout";
    public const string JoinTimeout = "KubeCop:Cluster:JoinTimeout";
    public const string RejoinPeriod = "KubeCop:Cluster:RejoinPeriod";
    public const string StoreNamespace = "KubeCop:Kubernetes:StoreNamespace";
    public const string AlertmanagerUrls = "KubeCop:Export:Alertmanager:Urls";
    public const string SyslogAddress = "KubeCop:Export:Syslog:Address";
    public const string SyslogProtocol = "KubeCop:Export:Syslog:Protocol";
    public const string CsvPath = "KubeCop:Export:Csv:Path";
    public const string CsvMalwarePath = "KubeCop:Export:Csv:MalwarePath";
    public const string HttpExportUrl = "KubeCop:Export:Http:Url";
    public const string MalwareAddress = "KubeCop:Malware:Address";
    public const string MalwarePaths = "KubeCop:Malware:Paths";
    public const string MalwareInterval = "KubeCop:Malware:Interval";
    public const string MalwarePatience = "KubeCop:Malware:Patience";
    public const string PendingTime = "KubeCop:Sensor:PendingTime";
}

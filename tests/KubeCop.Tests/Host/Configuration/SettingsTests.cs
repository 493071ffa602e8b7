using KubeCop.Exporters.Stdout;
using KubeCop.Exporters.Syslog;
using KubeCop.Host;
using KubeCop.Host.Configuration;

namespace KubeCop.Tests.Host.Configuration;

public sealed class SettingsTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("kubecop-settings-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Load_NothingGiven_Defaults()
    {
        var settings = Load([], []);

        Assert.Equal(TimeSpan.FromMinutes(15), settings.Learning.Period);
        Assert.Equal("/var/lib/kubecop", settings.Node.DataDirectory);
        Assert.Equal(100, settings.Alerts.MaxPerMinute);
        Assert.Equal("127.0.0.1:9090", settings.Http.Address);
        Assert.False(settings.Output.Verbose);
        Assert.True(settings.Output.Stdout);
        Assert.Empty(settings.Warnings);
    }

    [Theory]
    [InlineData("1m", "2m", "3m", "4m", 1)]
    [InlineData(null, "2m", "3m", "4m", 2)]
    [InlineData(null, null, "3m", "4m", 3)]
    [InlineData(null, null, null, "4m", 4)]
    [InlineData(null, null, null, null, 15)]
    public void Load_LearningPeriodFromSeveralPlaces_CommandLineThenVariableThenFileThenKubeCopsVariable(
        string? commandLine, string? variable, string? file, string? kubeCop, int minutes)
    {
        var environment = new Dictionary<string, string>();
        Add(environment, "KubeCop__Learning__Period", variable);
        Add(environment, "FINALIZATION_DURATION", kubeCop);
        if (file is not null)
        {
            File.WriteAllText(SettingsFile, $$"""{ "KubeCop": { "Learning": { "Period": "{{file}}" } } }""");
        }

        var settings = Load(commandLine is null ? [] : [(Keys.LearningPeriod, commandLine)], environment);

        Assert.Equal(TimeSpan.FromMinutes(minutes), settings.Learning.Period);
    }

    [Fact]
    public void Load_KubeCopsVariablesForExporters_KeepTheirMeaning()
    {
        var settings = Load([], new()
        {
            ["ALERTMANAGER_URLS"] = "am-0:9093, am-1:9093",
            ["SYSLOG_HOST"] = "logs:514",
            ["SYSLOG_PROTOCOL"] = "tcp",
            ["EXPORTER_CSV_RULE_PATH"] = "/tmp/alerts.csv",
            ["EXPORTER_CSV_MALWARE_PATH"] = "/tmp/malware.csv",
            ["HTTP_ENDPOINT_URL"] = "http://synchronizer.kubescape.svc.cluster.local/apis/v1/kubescape.io/v1/RuntimeAlerts",
        });

        Assert.Equal(["am-0:9093", "am-1:9093"], settings.Export.Alertmanager.Urls);
        Assert.Equal(("logs:514", SyslogProtocol.Tcp), (settings.Export.Syslog.Address, settings.Export.Syslog.Protocol));
        Assert.Equal(("/tmp/alerts.csv", "/tmp/malware.csv"), (settings.Export.Csv.Path, settings.Export.Csv.MalwarePath));
        Assert.Equal("http://synchronizer.kubescape.svc.cluster.local/apis/v1/kubescape.io/v1/RuntimeAlerts", settings.Export.Http.Url);
    }

    [Fact]
    public void Load_SettingsOfExporters_AreRead()
    {
        File.WriteAllText(SettingsFile, """
            { "KubeCop": { "Export": {
                "Delivery": { "MaxAge": "2h" },
                "Alertmanager": { "Urls": ["https://am"], "ResolveAfter": "10m", "Labels": { "cluster": "one" }, "Headers": { "X-Scope": "a" }, "Tls": { "CaFile": "/ca.pem" } } } } }
            """);

        var export = Load([], []).Export;

        Assert.Equal(TimeSpan.FromHours(2), export.Delivery.MaxAge);
        var alertmanager = export.Alertmanager;
        Assert.Equal((TimeSpan.FromMinutes(10), "one", "a", "/ca.pem"), (alertmanager.ResolveAfter, alertmanager.Labels["cluster"], alertmanager.Headers["X-Scope"], alertmanager.Tls.CaFile));
    }

    [Fact]
    public void Load_KubeCopsVariables_KeepTheirMeaning()
    {
        var settings = Load([], new() { ["NODE_NAME"] = "worker-1", ["HOST_ROOT"] = _directory, ["DEBUG"] = "1", ["STDOUT_ENABLED"] = "false", ["STORE_NAMESPACE"] = "kubescape" });

        Assert.Equal("kubescape", settings.Kubernetes.StoreNamespace);
        Assert.Equal("worker-1", settings.Node.Name);
        Assert.Equal(_directory, settings.Node.HostRoot);
        Assert.True(settings.Output.Verbose);
        Assert.False(settings.Output.Stdout);
    }

    [Fact]
    public void Load_KubeCopsScannedPaths_AreThoseOfTheHost()
    {
        var paths = string.Join(',', _directory, $"{_directory}/var/lib", $"{_directory}s/a", "/opt");

        var settings = Load([], new() { ["HOST_ROOT"] = _directory, ["CLAMAV_HOST"] = "localhost", ["CLAMAV_SCAN_PATH"] = paths });

        Assert.Equal(["/", "/var/lib", $"{_directory}s/a", "/opt"], settings.Malware.Paths);
    }

    [Fact]
    public void Load_KubeCopsIgnoredFiles_AreThoseOfLearning()
    {
        var settings = Load([], new() { ["OPEN_IGNORE_PREFIXES"] = "/proc, /tmp,", ["OPEN_IGNORE_MOUNTS"] = "true" });

        Assert.Equal(["/proc", "/tmp"], settings.Learning.IgnoredPrefixes);
        Assert.True(settings.Learning.IgnoreMounts);
    }

    [Theory]
    [InlineData("0s", 0)]
    [InlineData("30d", 30)]
    [InlineData("30.00:00:00", 30)]
    public void Load_TimeAfterWhichWorkloadsAreForgotten_IsADurationAsPeopleTypeIt(string text, int days) =>
        Assert.Equal(TimeSpan.FromDays(days), Load([], new() { ["KubeCop__Learning__ForgetAfter"] = text }).Learning.ForgetAfter);

    [Theory]
    [InlineData("_PPROF_SERVER")]
    [InlineData("GOMEMLIMIT")]
    [InlineData("SAMPLING_INTERVAL")]
    [InlineData("RUNC_PATH")]
    public void Load_VariableWithoutMeaning_IsAcceptedWithAWarningThatNamesIt(string variable) =>
        Assert.Contains(variable, Assert.Single(Load([], new() { [variable] = "x" }).Warnings), StringComparison.Ordinal);

    [Theory]
    [InlineData(Keys.LearningPeriod, "banana", "--learning-period", "90s, 15m")]
    [InlineData(Keys.LearningPeriod, "0s", "--learning-period", "at least 1s")]
    [InlineData(Keys.LearningPeriod, "10", "--learning-period", "90s, 15m")]
    [InlineData(Keys.IgnoredPrefixes + ":0", "tmp", "OPEN_IGNORE_PREFIXES", "absolute path")]
    [InlineData(Keys.IgnoredPrefixes + ":0", "/", "OPEN_IGNORE_PREFIXES", "other than /")]
    [InlineData(Keys.IgnoredPrefixes + ":0", "/tmp/../etc", "OPEN_IGNORE_PREFIXES", "absolute path")]
    [InlineData("KubeCop:Learning:KeptRevisions", "-1", "KubeCop:Learning:KeptRevisions", "at least 0")]
    [InlineData("KubeCop:Learning:ForgetAfter", "12h", "KubeCop:Learning:ForgetAfter", "at least a day")]
    [InlineData(Keys.HttpAddress, "nowhere", "--http", "ADDRESS:PORT")]
    [InlineData(Keys.HttpAddress, "127.0.0.1", "--http", "ADDRESS:PORT")]
    [InlineData(Keys.HttpAddress, "127.0.0.1:99999", "--http", "ADDRESS:PORT")]
    [InlineData(Keys.HttpAddress, "127.0.0.1:-1", "--http", "ADDRESS:PORT")]
    [InlineData(Keys.HttpAddress, "::1:9090", "--http", "ADDRESS:PORT")]
    [InlineData("KubeCop:Http:AllowedHosts:0", "*.example", "KubeCop:Http:AllowedHosts", "name without a port")]
    [InlineData("KubeCop:Http:AllowedHosts:0", "kubecop.svc:9090", "KubeCop:Http:AllowedHosts", "name without a port")]
    [InlineData(Keys.DataDirectory, "relative", "--data-dir", "starts with /")]
    [InlineData(Keys.Bindings, "relative", "--bindings", "starts with /")]
    [InlineData(Keys.HostRoot, "/there/is/nothing", "HOST_ROOT", "exists")]
    [InlineData(Keys.NodeName, "a/b", "NODE_NAME", "host name")]
    [InlineData(Keys.ApiServer, "kubernetes.default.svc", "KUBERNETES_SERVICE_HOST", "an IP address")]
    [InlineData(Keys.ApiServer, "10.96.0.1:443", "KUBERNETES_SERVICE_HOST", "an IP address")]
    [InlineData(Keys.ApiServer, "10.96.1", "KUBERNETES_SERVICE_HOST", "an IP address")]
    [InlineData(Keys.ApiServer, "10.96.0.010", "KUBERNETES_SERVICE_HOST", "an IP address")]
    [InlineData(Keys.ApiServer, "[fd00::1]:443", "KUBERNETES_SERVICE_HOST", "an IP address")]
    [InlineData(Keys.ApiServer, "fe80::1%eth0", "KUBERNETES_SERVICE_HOST", "an IP address")]
    [InlineData(Keys.StoreNamespace, "Kube Scape", "STORE_NAMESPACE", "the name of a namespace")]
    [InlineData(Keys.OutputFormat, "xml", "KubeCop:Output:Format 'xml'", "text or json")]
    [InlineData("KubeCop:Alerts:MaxPerMinute", "99999999999", "KubeCop:Alerts:MaxPerMinute '99999999999'", "a whole number up to 2147483647")]
    [InlineData("KubeCop:Sensor:BatchSize", "1.5", "KubeCop:Sensor:BatchSize '1.5'", "a whole number")]
    [InlineData("KubeCop:Journal:MaxDiskBytes", "256M", "KubeCop:Journal:MaxDiskBytes '256M'", "a whole number")]
    [InlineData("KubeCop:Journal:SyncInterval", "soon", "KubeCop:Journal:SyncInterval 'soon'", "a duration")]
    [InlineData("KubeCop:Export:Alertmanager:Urls:0", "alertmanager", "KubeCop:Export:Alertmanager:Urls (ALERTMANAGER_URLS) 'alertmanager'", "HOST:PORT")]
    [InlineData(Keys.SyslogAddress, "syslog://logs", "KubeCop:Export:Syslog:Address (SYSLOG_HOST) 'syslog://logs'", "HOST[:PORT]")]
    [InlineData(Keys.SyslogProtocol, "tpc", "KubeCop:Export:Syslog:Protocol 'tpc'", "udp or tcp or tls")]
    [InlineData(Keys.CsvPath, "alerts.csv", "KubeCop:Export:Csv:Path (EXPORTER_CSV_RULE_PATH) 'alerts.csv'", "starts with /")]
    [InlineData(Keys.CsvMalwarePath, "/tmp", "KubeCop:Export:Csv:MalwarePath (EXPORTER_CSV_MALWARE_PATH) '/tmp'", "that is a directory")]
    [InlineData(Keys.CsvPath, "/tmp", "KubeCop:Export:Csv:Path (EXPORTER_CSV_RULE_PATH) '/tmp'", "that is a directory")]
    [InlineData(Keys.CsvPath, "/there/is/none/alerts.csv", "KubeCop:Export:Csv:Path (EXPORTER_CSV_RULE_PATH) '/there/is/none/alerts.csv'", "a directory that exists")]
    [InlineData(Keys.HttpExportUrl, "synchronizer:80", "KubeCop:Export:Http:Url (HTTP_ENDPOINT_URL) 'synchronizer:80'", "http(s)://")]
    [InlineData("KubeCop:Export:Http:Timeout", "10", "KubeCop:Export:Http:Timeout '10'", "a duration")]
    [InlineData("KubeCop:Export:Delivery:MaxAge", "1s", "KubeCop:Export:Delivery:MaxAge", "at least 1m")]
    [InlineData("KubeCop:Export:Sylog:Address", "logs", "'KubeCop:Export:Sylog'", "KubeCop:Export has Delivery")]
    [InlineData(Keys.Verbose, "loud", "KubeCop:Output:Verbose 'loud'", "true or false")]
    [InlineData("KubeCop:Alerts:MaxPerMinute", "0", "KubeCop:Alerts:MaxPerMinute", "at least 1")]
    [InlineData("KubeCop:Learning:Perod", "1m", "'KubeCop:Learning:Perod'", "KubeCop:Learning has Period, MaxEntriesPerKind")]
    [InlineData("KubeCop:Http:EndPoint", "x", "'KubeCop:Http:EndPoint'", "Address, AllowedHosts")]
    [InlineData("KubeCop:Lerning:Period", "1m", "KubeCop:Lerning", "KubeCop:Learning")]
    public void Load_NonsenseValue_MessageNamesOptionValueAndWhatIsAccepted(string key, string value, string option, string accepted)
    {
        var error = Assert.Throws<UsageException>(() => Load([(key, value)], []));

        Assert.Contains(option, error.Message, StringComparison.Ordinal);
        Assert.Contains(accepted, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("kubernetes", "kubecop", "kubecop", "", null)]
    [InlineData("kubernetes", "", "kubecop", "", "KubeCop:Cluster:KubernetesNamespace")]
    [InlineData("kubernetes", "kubecop", "My_Cluster", "", "'My_Cluster'")]
    [InlineData("redis", "", "My_Cluster", "redis:6379", null)]
    [InlineData("redis", "kubecop", "kubecop", "", "KubeCop:Cluster:ConnectionString")]
    public void Load_Membership_NeedsWhatItsTableNeeds(string membership, string @namespace, string clusterId, string connectionString, string? named)
    {
        (string, string)[] given =
        [
            ("KubeCop:Cluster:Membership", membership), ("KubeCop:Cluster:KubernetesNamespace", @namespace), ("KubeCop:Cluster:ClusterId", clusterId),
            ("KubeCop:Cluster:ConnectionString", connectionString), ("KubeCop:Cluster:AdvertisedAddress", "10.0.0.1"), ("KubeCop:Kubernetes:Enabled", "true"),
            ("KubeCop:Cluster:Tls:Mode", "none"),
        ];

        if (named is null)
        {
            Assert.Equal(clusterId, Load(given, []).Cluster.ClusterId);
        }
        else
        {
            Assert.Contains(named, Assert.Throws<UsageException>(() => Load(given, [])).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("required", "/tls.crt", "/tls.key", "/ca.crt", "kubecop-silo", null)]
    [InlineData("required", "", "", "", "kubecop-silo", "KubeCop:Cluster:Tls:Mode is none")]
    [InlineData("required", "/tls.crt", "/tls.key", "", "kubecop-silo", "KubeCop:Cluster:Tls:CaFile")]
    [InlineData("required", "/tls.crt", "tls.key", "/ca.crt", "kubecop-silo", "KubeCop:Cluster:Tls:KeyFile")]
    [InlineData("required", "/tls.crt", "/tls.key", "/ca.crt", "10.0.0.1", "KubeCop:Cluster:Tls:PeerName")]
    [InlineData("none", "", "", "", "kubecop-silo", null)]
    [InlineData("none", "/tls.crt", "/tls.key", "/ca.crt", "kubecop-silo", "KubeCop:Cluster:Tls:Mode")]
    [InlineData("off", "", "", "", "kubecop-silo", "required or none")]
    public void Load_Membership_WantsAllOfTlsOrThatItIsNotWanted(string mode, string certificate, string key, string authorities, string name, string? named)
    {
        (string, string)[] given =
        [
            ("KubeCop:Cluster:Membership", "redis"), ("KubeCop:Cluster:ConnectionString", "redis:6379"), ("KubeCop:Cluster:AdvertisedAddress", "10.0.0.1"),
            ("KubeCop:Cluster:Tls:Mode", mode), ("KubeCop:Cluster:Tls:CertificateFile", certificate), ("KubeCop:Cluster:Tls:KeyFile", key),
            ("KubeCop:Cluster:Tls:CaFile", authorities), ("KubeCop:Cluster:Tls:PeerName", name),
        ];

        if (named is null)
        {
            Assert.Equal(certificate, Load(given, []).Cluster.Tls.CertificateFile);
        }
        else
        {
            Assert.Contains(named, Assert.Throws<UsageException>(() => Load(given, [])).Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/tls.crt", "")]
    [InlineData("", "/tls.key")]
    [InlineData("tls.crt", "tls.key")]
    public void Load_HalfOfACertificateForTheEndpoints_IsRefused(string certificate, string key)
    {
        (string, string)[] given = [("KubeCop:Http:CertificateFile", certificate), ("KubeCop:Http:KeyFile", key)];

        Assert.Contains("KubeCop:Http:CertificateFile, KeyFile", Assert.Throws<UsageException>(() => Load(given, [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_MembershipOnAnApiServerThatIsNotThere_IsRefused()
    {
        (string, string)[] given =
        [
            ("KubeCop:Cluster:Membership", "kubernetes"), ("KubeCop:Cluster:KubernetesNamespace", "kubecop"), ("KubeCop:Cluster:AdvertisedAddress", "10.0.0.1"),
            ("KubeCop:Kubernetes:Enabled", "false"), ("KubeCop:Cluster:Tls:Mode", "none"),
        ];

        Assert.Contains("KubeCop:Kubernetes:Kubeconfig", Assert.Throws<UsageException>(() => Load(given, [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_EventsOnAnApiServerThatIsNotThere_AreRefused()
    {
        Assert.False(Load([], []).Kubernetes.Events, "nobody has asked for Events");
        Assert.True(Load([("KubeCop:Kubernetes:Events", "true"), ("KubeCop:Kubernetes:Kubeconfig", "/etc/kubeconfig")], []).Kubernetes.Events, "Events were asked for");

        var refusal = Assert.Throws<UsageException>(() => Load([("KubeCop:Kubernetes:Events", "true"), ("KubeCop:Kubernetes:Enabled", "false")], []));
        Assert.Contains("KubeCop:Kubernetes:Events", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.96.0.1", "10.96.0.1")]
    [InlineData("::ffff:10.96.0.1", "10.96.0.1")]
    [InlineData("FD00:0:0::1", "fd00::1")]
    [InlineData("", "")]
    public void Load_ApiServer_IsWrittenAsEventsHaveIt(string text, string address)
    {
        Assert.Equal(address, Load([(Keys.ApiServer, text)], new() { ["KUBERNETES_SERVICE_HOST"] = "10.0.0.1" }).Node.ApiServer);
        Assert.Equal(text.Length == 0 ? Load([], []).Node.ApiServer : address, Load([], new() { ["KUBERNETES_SERVICE_HOST"] = text }).Node.ApiServer);
    }

    [Fact]
    public void Load_PatternsOfSecrets_AreInsteadOfTheDefaultsAndNoneWhereTheListIsEmpty()
    {
        Assert.Equal(["--password=***"], Load([], []).Alerts.Redaction.Hide(["--password=x"]));
        Assert.Equal(["--password=x"], Load([], new() { ["KubeCop__Alerts__RedactArguments__0"] = "abc" }).Alerts.Redaction.Hide(["--password=x"]));
        Assert.Equal(["--password=x"], Load([], new() { ["KubeCop__Alerts__RedactArguments"] = "" }).Alerts.Redaction.Hide(["--password=x"]));
        File.WriteAllText(SettingsFile, """{ "KubeCop": { "Alerts": { "RedactArguments": [] } } }""");
        Assert.Equal(["--password=x"], Load([], []).Alerts.Redaction.Hide(["--password=x"]));
        Assert.Contains("KubeCop:Alerts:RedactArguments is an empty list", Assert.Single(Load([], []).Warnings), StringComparison.Ordinal);

        File.WriteAllText(SettingsFile, """{ "KubeCop": { "Alerts": { "RedactArguments": null } } }""");
        Assert.Equal(["--password=***"], Load([], []).Alerts.Redaction.Hide(["--password=x"]));
        Assert.Empty(Load([], []).Warnings);
    }

    [Fact]
    public void Load_OnePatternInsteadOfAList_IsRefused() => Assert.Contains(
        "KubeCop:Alerts",
        Assert.Throws<UsageException>(() => Load([], new() { ["KubeCop__Alerts__RedactArguments"] = "abc" })).Message,
        StringComparison.Ordinal);

    [Theory]
    [InlineData("(")]
    [InlineData("(?<!a)b")]
    public void Load_PatternThatCannotBeUsed_IsNamedWithItsKey(string pattern)
    {
        var refusal = Assert.Throws<UsageException>(() => Load([], new() { ["KubeCop__Alerts__RedactArguments__0"] = "fine", ["KubeCop__Alerts__RedactArguments__1"] = pattern }));

        Assert.Contains($"KubeCop:Alerts:RedactArguments '{pattern}'", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Load_FileIsNoJson_MessageNamesTheFile()
    {
        File.WriteAllText(SettingsFile, "{ \"KubeCop\": ");

        Assert.Contains(SettingsFile, Assert.Throws<UsageException>(() => Load([], [])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("127.0.0.1:0", "127.0.0.1:0")]
    [InlineData("localhost:9090", "127.0.0.1:9090")]
    [InlineData("[::1]:9090", "[::1]:9090")]
    [InlineData("0.0.0.0:80", "0.0.0.0:80")]
    public void HttpAddress_Address_IsUnderstood(string text, string endPoint) => Assert.Equal(endPoint, HttpOptions.Parse(text).ToString());

    [Fact]
    public void Load_OutputFormat_AnyCase() => Assert.Equal(OutputFormat.Json, Load([(Keys.OutputFormat, "json")], []).Output.Format);

    private string SettingsFile => Path.Combine(_directory, "appsettings.json");

    private Settings Load((string Key, string Value)[] commandLine, Dictionary<string, string> environment) =>
        Settings.Load(commandLine.Select(static option => KeyValuePair.Create(option.Key, (string?)option.Value)), environment, SettingsFile);

    private static void Add(Dictionary<string, string> environment, string name, string? value)
    {
        if (value is not null)
        {
            environment[name] = value;
        }
    }
}

using System.Collections;
using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using KubeCop.Core.Alerts;
using KubeCop.Core.Bindings;
using KubeCop.Core.Profiles;
using KubeCop.Core.Workloads;
using KubeCop.Exporters;
using KubeCop.Exporters.Alertmanager;
using KubeCop.Exporters.Csv;
using KubeCop.Exporters.Delivery;
using KubeCop.Exporters.Http;
using KubeCop.Exporters.Syslog;
using KubeCop.Kubernetes;
using KubeCop.Kubernetes.Api;
using KubeCop.Kubernetes.Membership;
using KubeCop.Sensor;
using KubeCop.Sensor.Containers;
using KubeCop.Sensor.Journal;
using KubeCop.Storage.AzureBlob;
using KubeCop.Storage.Redis;

namespace KubeCop.Host.Configuration;

/// <summary>
/// Everything that can be set, from the command line, else .NET configuration (variables <c>KubeCop__Section__Name</c>, then
/// <see cref="File"/>), else KubeCop's variables, else defaults.
/// </summary>
internal sealed class Settings
{
    /// <summary>Where an administrator puts settings, in the form of .NET's appsettings.json. It may be absent.</summary>
    public const string File = "/etc/kubecop/appsettings.json";

    private const string Root = "KubeCop";
    private const string VariablePrefix = "KubeCop__";
    private const string HidesNothing = $"{Keys.RedactArguments} is an empty list, so alerts show passwords and other secrets in arguments as they are.";

    private static readonly string[] Durations =
    [
        Keys.LearningPeriod, $"{LearningOptions.Section}:{nameof(LearningOptions.ForgetAfter)}",
        Keys.PendingTime, Keys.RuntimeTimeout, Keys.ProbeTimeout, Keys.RefreshPeriod, Keys.JoinTimeout, Keys.RejoinPeriod, Keys.ApiTimeout,
        $"{StorageOptions.AzureBlobSection}:{nameof(AzureBlobOptions.RetryDelay)}", $"{StorageOptions.AzureBlobSection}:{nameof(AzureBlobOptions.AttemptTimeout)}",
        $"{StorageOptions.AzureBlobSection}:{nameof(AzureBlobOptions.Timeout)}", $"{StorageOptions.RedisSection}:{nameof(RedisOptions.Timeout)}",
        $"{DeliveryOptions.Section}:{nameof(DeliveryOptions.MaxAge)}", $"{DeliveryOptions.Section}:{nameof(DeliveryOptions.SpillAfter)}",
        $"{DeliveryOptions.Section}:{nameof(DeliveryOptions.FirstPause)}", $"{DeliveryOptions.Section}:{nameof(DeliveryOptions.LongestPause)}",
        $"{AlertmanagerOptions.Section}:{nameof(AlertmanagerOptions.Timeout)}", $"{AlertmanagerOptions.Section}:{nameof(AlertmanagerOptions.ResolveAfter)}",
        $"{SyslogOptions.Section}:{nameof(SyslogOptions.Timeout)}", $"{HttpExporterOptions.Section}:{nameof(HttpExporterOptions.Timeout)}",
    ];

    private Settings(IConfiguration configuration)
    {
        Configuration = configuration;
        Bind(configuration, NodeOptions.Section, Node);
        Bind(configuration, LearningOptions.Section, Learning);
        Bind(configuration, AlertOptions.Section, Alerts);
        if (configuration.GetSection(Keys.RedactArguments) is { Value: not null } redacted && !redacted.GetChildren().Any())
        {
            // The binder takes an empty list for none that was given. What is null was not given.
            Alerts.RedactArguments = [];
        }

        Bind(configuration, SensorOptions.Section, Sensor);
        Bind(configuration, ContainersOptions.Section, Containers);
        Bind(configuration, JournalOptions.Section, new JournalOptions());
        Bind(configuration, HttpOptions.Section, Http);
        Bind(configuration, OutputOptions.Section, Output);
        Bind(configuration, BindingOptions.Section, Bindings);
        Bind(configuration, StorageOptions.AzureBlobSection, Storage.AzureBlob);
        Bind(configuration, StorageOptions.RedisSection, Storage.Redis);
        Bind(configuration, StorageOptions.PostgreSqlSection, Storage.PostgreSql);
        Bind(configuration, StorageOptions.Section, Storage);
        Bind(configuration, ClusterTlsOptions.Section, Cluster.Tls);
        Bind(configuration, ClusterOptions.Section, Cluster);
        Bind(configuration, KubernetesOptions.Section, Kubernetes);
        Bind(configuration, PrivilegeOptions.Section, Privileges);
        Bind(configuration, DeliveryOptions.Section, Export.Delivery);
        Bind(configuration, AlertmanagerOptions.Section, Export.Alertmanager);
        Bind(configuration, SyslogOptions.Section, Export.Syslog);
        Bind(configuration, CsvOptions.Section, Export.Csv);
        Bind(configuration, HttpExporterOptions.Section, Export.Http);
        RequireNames(configuration, ExportOptions.Section, Export);
        foreach (var section in configuration.GetSection(Root).GetChildren())
        {
            string[] known =
            [
                NodeOptions.Section, LearningOptions.Section, AlertOptions.Section, SensorOptions.Section, ContainersOptions.Section, JournalOptions.Section, HttpOptions.Section,
                OutputOptions.Section, BindingOptions.Section, StorageOptions.Section, ClusterOptions.Section, KubernetesOptions.Section,
                PrivilegeOptions.Section, ExportOptions.Section,
            ];
            if (!known.Contains(section.Path, StringComparer.OrdinalIgnoreCase))
            {
                throw new UsageException($"'{section.Path}' is no section of the configuration; there are {string.Join(", ", known)}.");
            }
        }
    }

    /// <summary>All values by their keys, durations in .NET's form.</summary>
    public IConfiguration Configuration { get; }

    public NodeOptions Node { get; } = new();

    public LearningOptions Learning { get; } = new();

    public AlertOptions Alerts { get; } = new();

    public SensorOptions Sensor { get; } = new();

    public ContainersOptions Containers { get; } = new();

    public HttpOptions Http { get; } = new();

    public OutputOptions Output { get; } = new();

    public BindingOptions Bindings { get; } = new();

    public StorageOptions Storage { get; } = new();

    public ClusterOptions Cluster { get; } = new();

    public KubernetesOptions Kubernetes { get; } = new();

    public PrivilegeOptions Privileges { get; } = new();

    public ExportOptions Export { get; } = new();

    /// <summary>What the user should know although everything can go on.</summary>
    public IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <param name="commandLine">Configuration keys with the values of options that were given.</param>
    /// <exception cref="UsageException">A value is wrong; the message names it and what is accepted.</exception>
    public static Settings Load(IEnumerable<KeyValuePair<string, string?>> commandLine) => Load(commandLine, ProcessEnvironment(), File);

    /// <inheritdoc cref="Load(IEnumerable{KeyValuePair{string, string?}})"/>
    internal static Settings Load(IEnumerable<KeyValuePair<string, string?>> commandLine, IReadOnlyDictionary<string, string> environment, string file)
    {
        var builder = new ConfigurationBuilder().AddInMemoryCollection(LegacyVariables.Translate(environment));
        if (System.IO.File.Exists(file))
        {
            builder.AddJsonFile(file, optional: false, reloadOnChange: false);
        }

        builder.AddInMemoryCollection(environment
            .Where(static variable => variable.Key.StartsWith(VariablePrefix, StringComparison.OrdinalIgnoreCase))
            .Select(static variable => KeyValuePair.Create(variable.Key.Replace("__", ":", StringComparison.Ordinal), (string?)variable.Value)));
        builder.AddInMemoryCollection(commandLine);
        try
        {
            var configuration = builder.Build();
            var settings = new Settings(WithReadableDurations(configuration));
            settings.Validate();
            settings.Warnings = [.. LegacyVariables.Warnings(environment), .. settings.Alerts.RedactArguments is { Count: 0 } ? [HidesNothing] : Array.Empty<string>()];
            return settings;
        }
        catch (InvalidDataException exception)
        {
            throw new UsageException($"{file} is not readable as JSON: {exception.InnerException?.Message ?? exception.Message}");
        }
    }

    private static Dictionary<string, string> ProcessEnvironment()
    {
        var environment = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
        {
            environment[(string)variable.Key] = (string?)variable.Value ?? "";
        }

        return environment;
    }

    /// <summary>The binder knows only .NET's own form of durations (00:15:00), and takes a number for days.</summary>
    private static IConfigurationRoot WithReadableDurations(IConfigurationRoot configuration)
    {
        foreach (var key in Durations)
        {
            if (configuration[key] is { } text)
            {
                var isClear = Duration.TryParse(text, out var duration)
                    || (text.Contains(':', StringComparison.Ordinal) && TimeSpan.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out duration));
                configuration[key] = isClear
                    ? duration.ToString("c")
                    : throw new UsageException($"{SourceOf(key)} '{text}' is not {Duration.Accepted}.");
            }
        }

        return configuration;
    }

    private static string SourceOf(string key) => key switch
    {
        Keys.LearningPeriod => $"--learning-period ({key}, FINALIZATION_DURATION)",
        Keys.IgnoredPrefixes => $"{key} (OPEN_IGNORE_PREFIXES)",
        Keys.ApiServer => $"{key} (KUBERNETES_SERVICE_HOST)",
        _ => key,
    };

    private static void Bind(IConfiguration configuration, string section, object options)
    {
        RequireNames(configuration, section, options);
        try
        {
            configuration.GetSection(section).Bind(options, static binder => binder.ErrorOnUnknownConfiguration = true);
        }
        catch (InvalidOperationException exception)
        {
            throw new UsageException($"Configuration section {section}: {exception.Message}{(exception.InnerException is { } inner ? $" {inner.Message}" : "")}");
        }
    }

    // The binder refuses the same, in words about our code.
    private static void RequireNames(IConfiguration configuration, string section, object options)
    {
        var known = options.GetType().GetProperties().Where(static property => property.CanWrite || property.PropertyType.IsGenericType).ToList();
        foreach (var given in configuration.GetSection(section).GetChildren())
        {
            var property = known.FirstOrDefault(property => string.Equals(property.Name, given.Key, StringComparison.OrdinalIgnoreCase))
                ?? throw new UsageException($"'{given.Path}' is no setting; {section} has {string.Join(", ", known.Select(static property => property.Name))}.");
            Require(given.Value is not { } text || IsOf(property.PropertyType, text), given.Path, given.Value ?? "", Accepted(property.PropertyType));
        }
    }

    private static bool IsOf(Type type, string text)
    {
        try
        {
            return type.IsGenericType || TypeDescriptor.GetConverter(type).ConvertFromInvariantString(text) is not null;
        }
        catch (Exception exception) when (exception is ArgumentException or FormatException)
        {
            return false;
        }
    }

    private static string Accepted(Type type) =>
        type == typeof(bool) ? "true or false"
        : type == typeof(int) ? $"a whole number up to {int.MaxValue}"
        : type == typeof(long) ? $"a whole number up to {long.MaxValue}"
        : type == typeof(TimeSpan) ? "a duration as 00:00:10"
        : type.IsEnum ? string.Join(" or ", Enum.GetNames(type).Select(static name => name.ToLowerInvariant()))
        : "a text";

    private void Validate()
    {
        Require(Learning.Period >= TimeSpan.FromSeconds(1), SourceOf(Keys.LearningPeriod), Duration.Format(Learning.Period), "at least 1s");
        Require(Learning.MaxEntriesPerKind > 0, $"{LearningOptions.Section}:{nameof(Learning.MaxEntriesPerKind)}", Learning.MaxEntriesPerKind, "at least 1");
        Require(Learning.MaxVariableNames >= 0, $"{LearningOptions.Section}:{nameof(Learning.MaxVariableNames)}", Learning.MaxVariableNames, "at least 0");
        Require(Learning.MaxProfileBytes >= 1024, $"{LearningOptions.Section}:{nameof(Learning.MaxProfileBytes)}", Learning.MaxProfileBytes, "at least 1024");
        foreach (var prefix in Learning.IgnoredPrefixes)
        {
            Require(IgnoredOpens.IsPrefix(prefix), SourceOf(Keys.IgnoredPrefixes), prefix, "the absolute path of a directory other than /");
        }

        Require(Learning.KeptRevisions >= 0, $"{LearningOptions.Section}:{nameof(Learning.KeptRevisions)}", Learning.KeptRevisions, "at least 0");
        Require(
            Learning.ForgetAfter == TimeSpan.Zero || Learning.ForgetAfter >= TimeSpan.FromDays(1),
            $"{LearningOptions.Section}:{nameof(Learning.ForgetAfter)}", Duration.Format(Learning.ForgetAfter), "0s, or at least a day (1d)");
        Require(Alerts.MaxPerMinute > 0, $"{AlertOptions.Section}:{nameof(Alerts.MaxPerMinute)}", Alerts.MaxPerMinute, "at least 1");
        foreach (var pattern in Alerts.RedactArguments ?? [])
        {
            RequirePattern(pattern);
        }

        Require(Path.IsPathFullyQualified(Node.DataDirectory), "--data-dir", Node.DataDirectory, "a directory's path that starts with /");
        Require(
            Bindings.Path.Length == 0 || Path.IsPathFullyQualified(Bindings.Path), "--bindings", Bindings.Path, "a file's or directory's path that starts with /");
        // One in /proc is not to be seen without a capability, which is told by who needs it.
        Require(Directory.Exists(Node.HostRoot) || Node.HostRoot.StartsWith("/proc/", StringComparison.Ordinal), "HOST_ROOT", Node.HostRoot, "a directory that exists");

        Require(TryReadAddress(Node.ApiServer, out var apiServer), SourceOf(Keys.ApiServer), Node.ApiServer, "an IP address such as 10.96.0.1, or nothing");
        Node.ApiServer = apiServer;

        foreach (var socket in Containers.RuntimeSockets)
        {
            Require(
                ContainersOptions.IsSocket(socket),
                $"{ContainersOptions.Section}:{nameof(Containers.RuntimeSockets)}",
                socket,
                "a socket's path that starts with / or unix:///");
        }

        if ((Storage.FindMistake() ?? Export.FindMistake()) is { } mistake)
        {
            throw new UsageException(mistake);
        }

        Require(!Directory.Exists(Export.Csv.Path), $"{Keys.CsvPath} (EXPORTER_CSV_RULE_PATH)", Export.Csv.Path, "a file, and that is a directory");
        Require(
            Export.Csv.Path.Length == 0 || Directory.Exists(Path.GetDirectoryName(Export.Csv.Path)),
            $"{Keys.CsvPath} (EXPORTER_CSV_RULE_PATH)",
            Export.Csv.Path,
            "a file in a directory that exists");
        Require(Containers.HasTimeout, Keys.RuntimeTimeout, Containers.RuntimeTimeout, "0.1 s (00:00:00.1) to 5s");

        // The name is the first part of container grain keys.
        Require(Node.Name.Length is > 0 and <= 253 && !Node.Name.Contains('/'), "NODE_NAME", Node.Name, "a host name");
        _ = Http.EndPoint;
        foreach (var host in Http.AllowedHosts)
        {
            Require(HttpOptions.IsHostName(host), $"{HttpOptions.Section}:{nameof(Http.AllowedHosts)}", host, "a host's name without a port, for example kubecop.kubecop.svc");
        }

        Require(
            (Http.CertificateFile.Length == 0 && Http.KeyFile.Length == 0) || (Path.IsPathFullyQualified(Http.CertificateFile) && Path.IsPathFullyQualified(Http.KeyFile)),
            $"{HttpOptions.Section}:{nameof(Http.CertificateFile)}, {nameof(Http.KeyFile)}",
            $"{Http.CertificateFile}, {Http.KeyFile}",
            "two files' paths that start with /, or neither");

        if (Cluster.Membership != Membership.None)
        {
            ValidateCluster();
            ValidateClusterTls(Cluster.Tls);
        }

        Require(Kubernetes.Timeout >= TimeSpan.FromSeconds(1) && Kubernetes.Timeout <= TimeSpan.FromMinutes(5), Keys.ApiTimeout, Kubernetes.Timeout, "1s to 5m");
        Require(
            Kubernetes.Kubeconfig.Length == 0 || Path.IsPathFullyQualified(Kubernetes.Kubeconfig),
            $"{KubernetesOptions.Section}:{nameof(Kubernetes.Kubeconfig)}",
            Kubernetes.Kubeconfig,
            "a file's path that starts with /");
        Require(
            !Kubernetes.Events || KubernetesServiceCollectionExtensions.IsEnabled(Kubernetes),
            $"{KubernetesOptions.Section}:{nameof(Kubernetes.Events)}",
            "true",
            $"false outside of a cluster's pods, or {KubernetesOptions.Section}:{nameof(Kubernetes.Kubeconfig)}");
        Require(
            Kubernetes.StoreNamespace.Length == 0 || KubernetesSyntax.IsName(Kubernetes.StoreNamespace),
            $"{Keys.StoreNamespace} (STORE_NAMESPACE)",
            Kubernetes.StoreNamespace,
            "the name of a namespace, or nothing for all");
    }

    private static void RequirePattern(string pattern)
    {
        try
        {
            ArgumentRedaction.Compile(pattern);
        }
        catch (ArgumentException exception)
        {
            throw new UsageException($"{Keys.RedactArguments} '{pattern}' is not a regular expression that can be used: {exception.Message}");
        }
    }

    private void ValidateCluster()
    {
        // Its value may hold a password.
        Require(
            Cluster.Membership != Membership.Redis || Cluster.ConnectionString.Length > 0,
            $"{ClusterOptions.Section}:{nameof(Cluster.ConnectionString)}",
            "",
            "where the membership table is, for example redis:6379");
        Require(
            Cluster.Membership != Membership.Kubernetes || KubernetesServiceCollectionExtensions.IsEnabled(Kubernetes),
            $"{ClusterOptions.Section}:{nameof(Cluster.Membership)}",
            "kubernetes",
            $"another one outside of a cluster's pods, or {KubernetesOptions.Section}:{nameof(Kubernetes.Kubeconfig)}");
        if (Cluster.Membership == Membership.Kubernetes && KubernetesMembershipOptions.FindMistake(Cluster.KubernetesNamespace, Cluster.ClusterId) is { } mistake)
        {
            throw new UsageException($"{mistake} ({ClusterOptions.Section}:{nameof(Cluster.KubernetesNamespace)}, {nameof(Cluster.ClusterId)})");
        }

        Require(
            Cluster.HasAddress,
            $"{ClusterOptions.Section}:{nameof(Cluster.AdvertisedAddress)} (POD_IP)",
            Cluster.AdvertisedAddress,
            "the IP address at which other nodes reach this one");
        Require(Cluster.SiloPort is > 0 and < 65536, $"{ClusterOptions.Section}:{nameof(Cluster.SiloPort)}", Cluster.SiloPort, "1 to 65535");
        Require(
            Cluster.GatewayPort is >= 0 and < 65536 && Cluster.GatewayPort != Cluster.SiloPort,
            $"{ClusterOptions.Section}:{nameof(Cluster.GatewayPort)}",
            Cluster.GatewayPort,
            "0 to 65535, another than SiloPort");
        Require(Cluster.ClusterId.Trim().Length > 0, $"{ClusterOptions.Section}:{nameof(Cluster.ClusterId)}", Cluster.ClusterId, "a name");
        Require(
            Cluster.ProbeTimeout >= TimeSpan.FromSeconds(0.5) && Cluster.ProbeTimeout <= TimeSpan.FromMinutes(1),
            Keys.ProbeTimeout,
            Cluster.ProbeTimeout,
            "0.5 s (00:00:00.5) to 1m");
        Require(
            Cluster.RefreshPeriod >= TimeSpan.FromSeconds(1) && Cluster.RefreshPeriod <= TimeSpan.FromMinutes(10),
            Keys.RefreshPeriod,
            Cluster.RefreshPeriod,
            "1s to 10m");
        Require(Cluster.JoinTimeout >= TimeSpan.FromSeconds(1) && Cluster.JoinTimeout <= TimeSpan.FromMinutes(5), Keys.JoinTimeout, Cluster.JoinTimeout, "1s to 5m");
        Require(Cluster.RejoinPeriod >= TimeSpan.FromSeconds(1) && Cluster.RejoinPeriod <= TimeSpan.FromHours(1), Keys.RejoinPeriod, Cluster.RejoinPeriod, "1s to 1h");
    }

    private static void ValidateClusterTls(ClusterTlsOptions tls)
    {
        if (tls.Mode == TlsMode.None)
        {
            Require(!tls.NamesFiles, $"{ClusterTlsOptions.Section}:{nameof(tls.Mode)}", "none", "required where certificates are named");
            return;
        }

        foreach (var (name, file) in (IEnumerable<(string, string)>)[(nameof(tls.CertificateFile), tls.CertificateFile), (nameof(tls.KeyFile), tls.KeyFile), (nameof(tls.CaFile), tls.CaFile)])
        {
            Require(
                Path.IsPathFullyQualified(file),
                $"{ClusterTlsOptions.Section}:{name}",
                file,
                $"a PEM file's path that starts with /; silos of a cluster prove to each other who they are, unless {ClusterTlsOptions.Section}:{nameof(tls.Mode)} is none");
        }

        Require(HttpOptions.IsHostName(tls.PeerName), $"{ClusterTlsOptions.Section}:{nameof(tls.PeerName)}", tls.PeerName, "a DNS name, for example kubecop-silo");
    }

    /// <param name="address">As events have it; empty when the text is.</param>
    private static bool TryReadAddress(string text, out string address)
    {
        address = "";
        if (text.Length == 0)
        {
            return true;
        }

        // What parses besides (octal and shortened IPv4, ports, scopes) is a typing error here.
        if (!IPAddress.TryParse(text, out var parsed) || (parsed.AddressFamily == AddressFamily.InterNetwork ? parsed.ToString() != text : text.AsSpan().ContainsAny("[]%")))
        {
            return false;
        }

        address = (parsed.IsIPv4MappedToIPv6 ? parsed.MapToIPv4() : parsed).ToString();
        return true;
    }

    private static void Require(bool condition, string option, object value, string accepted)
    {
        if (!condition)
        {
            throw new UsageException($"{option} '{value}' is not accepted; expected {accepted}.");
        }
    }
}

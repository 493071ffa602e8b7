namespace KubeCop.Tests.Chart;

/// <summary>Combinations of values, each as arguments of <c>--set</c>.</summary>
internal static class ChartCases
{
    /// <summary>What has to be rendered.</summary>
    public static IReadOnlyDictionary<string, string[]> Accepted { get; } = new Dictionary<string, string[]>
    {
        ["default"] = [],
        ["namespaced"] = ["isNamespaced=true", "isClusterScoped=false"],
        ["namespaced-alone"] = ["isNamespaced=true", "isClusterScoped=false", "cluster.membership=none", "storage.provider=file"],
        ["alone"] = ["cluster.membership=none", "storage.provider=file"],
        ["azureblob-secret"] = ["storage.provider=azureblob", "storage.existingSecret=store"],
        ["azureblob-key"] = ["storage.provider=azureblob", "storage.existingSecret=store", "storage.existingSecretKey=blob"],
        ["azureblob-string"] = ["storage.provider=azureblob", "storage.connectionString=UseDevelopmentStorage=true"],
        ["azureblob-identity"] = ["storage.provider=azureblob", "storage.azureBlob.serviceUri=https://a.blob.core.windows.net", "storage.azureBlob.clientId=0b1c"],
        ["redis"] = ["storage.provider=redis", "storage.existingSecret=store"],
        ["redis-both"] = ["storage.provider=redis", "storage.existingSecret=store", "cluster.membership=redis", "cluster.redis.existingSecret=table"],
        ["postgresql"] = ["storage.provider=postgresql", "storage.connectionString=Host=db"],
        ["azurite-class"] = ["storage.azurite.storageClass=fast", "storage.azurite.size=20Gi", "storage.azurite.nodeSelector.disk=ssd"],
        ["azurite-elsewhere-guarded"] = ["networkPolicy.enabled=false", "storage.azurite.withoutNetworkPolicy=true"],
        ["tls-cert-manager"] = ["tls.mode=certManager"],
        ["tls-cert-manager-issuer"] = ["tls.mode=certManager", "tls.certManager.issuerRef.name=corp", "tls.certManager.issuerRef.kind=ClusterIssuer"],
        ["tls-secret"] = ["tls.mode=secret", "tls.existingSecret=silos"],
        ["tls-none"] = ["tls.mode=none"],
        ["tls-peer"] = ["tls.peerName=silo.corp", "tls.generated.validityDays=30"],
        ["https"] = ["http.tlsSecret=web", "http.allowedHosts[0]=kubecop.corp"],
        ["alertmanager"] = ["kubecop.alertmanager.enabled=true", "kubecop.alertmanager.endpoints=am:9093"],
        ["syslog"] = ["kubecop.syslog.enabled=true", "kubecop.syslog.protocol=tls", "kubecop.syslog.endpoint=logs"],
        ["csv"] = ["kubecop.csv.enabled=true"],
        ["csv-volume"] =
        [
            "kubecop.csv.enabled=true", "kubecop.csv.path=/out/a.csv", "kubecop.csv.malwarePath=/out/m.csv",
            "extraVolumes[0].name=out", "extraVolumes[0].emptyDir.medium=Memory", "extraVolumeMounts[0].name=out", "extraVolumeMounts[0].mountPath=/out",
        ],
        ["http-endpoint"] = ["kubecop.httpEndpoint.enabled=true", "kubecop.httpEndpoint.url=https://hooks/x"],
        ["all-exporters"] =
        [
            "kubecop.alertmanager.enabled=true", "kubecop.syslog.enabled=true", "kubecop.csv.enabled=true", "kubecop.httpEndpoint.enabled=true",
            "kubecop.events.enabled=true", "kubecop.stdout.enabled=false",
        ],
        ["events"] = ["kubecop.events.enabled=true"],
        ["monitored"] = ["kubecop.prometheusExporter.enabled=true", "prometheusRule.enabled=true", "grafanaDashboard.enabled=true"],
        ["monitored-public"] = ["kubecop.prometheusExporter.enabled=true", "kubecop.prometheusExporter.publicMetrics=true"],
        ["monitored-annotations"] = ["kubecop.prometheusExporter.enabled=true", "podMonitor.enabled=false"],
        ["monitored-https"] = ["kubecop.prometheusExporter.enabled=true", "http.tlsSecret=web", "podMonitor.tlsConfig.serverName=kubecop.kubescape.svc"],
        ["clamd"] = ["clamAV.enabled=true"],
        ["clamd-readme-name"] = ["kubecop.clamav.enabled=true"],
        ["clamd-elsewhere"] = ["clamAV.enabled=true", "clamAV.sidecar=false", "clamAV.host=clamd.av.svc"],
        ["privileged"] = ["securityContext.privileged=true"],
        ["selinux"] = ["securityContext.seLinuxOptions.type=spc_t", "securityContext.seccompProfile.type=Unconfined"],
        ["placed"] = ["nodeSelector.pool=a", "priorityClassName=high", "updateStrategy.type=OnDelete", "updateStrategy.rollingUpdate=null", "podAnnotations.a=b", "podLabels.c=d"],
        ["configured"] = ["config.Alerts.MaxPerMinute=100", "extraEnv[0].name=A", "extraEnv[0].value=b", "kubecop.debug=true"],
        ["named"] = ["fullnameOverride=", "nameOverride=cop"],
        ["given-account"] = ["serviceAccount.create=false", "serviceAccount.name=mine", "rbac.create=false"],
        ["no-definitions"] = ["crds.install=false", "installDefaultAlertRuleBinding=false", "canary.enabled=false"],
        ["definitions-go"] = ["crds.keep=false"],
        ["kubecop-names-without-effect"] = ["kubecop.gomemlimit.limit=1GiB", "kubecop.recording.samplingInterval=30s", "kubecop.pprofserver.enabled=true", "securityContextNormal.runAsUser=1"],
        ["digest"] = [$"image.digest=sha256:{new string('a', 64)}", "imagePullSecrets[0].name=pull"],
    };

    /// <summary>What has to be refused, with a part of the message.</summary>
    public static IReadOnlyList<(string[] Values, string Message)> Refused { get; } =
    [
        (["isNamespaced=true"], "exactly one of them has to be true"),
        (["isClusterScoped=false"], "exactly one of them has to be true"),
        (["serviceAccount.create=false", "serviceAccount.name="], "serviceAccount.name is empty"),
        (["storage.provider=file"], "silos of a cluster need a store that all share"),
        (["cluster.membership=none"], "use storage.provider=file instead of azurite"),
        (["storage.provider=redis"], "storage.provider redis needs storage.existingSecret"),
        (["storage.provider=postgresql"], "storage.provider postgresql needs storage.existingSecret"),
        (["storage.provider=azureblob"], "storage.provider azureblob needs storage.existingSecret"),
        (["storage.provider=azureblob", "storage.existingSecret=s", "storage.azureBlob.serviceUri=https://a"], "give one of them"),
        (["storage.provider=azureblob", "storage.azureBlob.serviceUri=https://a?sig=x"], "has a signature in it"),
        (["storage.azureBlob.serviceUri=https://a"], "are for storage.provider azureblob"),
        (["storage.provider=redis", "storage.existingSecret=s", "storage.connectionString=c"], "which of them counts"),
        (["storage.connectionString=c"], "storage.provider azurite needs no connection string"),
        (["networkPolicy.enabled=false"], "bundled Azurite is not encrypted"),
        (["cluster.membership=redis"], "needs cluster.redis.existingSecret"),
        (["cluster.redis.existingSecret=s"], "is for cluster.membership redis"),
        (["http.port=11111"], "are both 11111"),
        (["tls.mode=secret"], "needs tls.existingSecret"),
        (["tls.existingSecret=s"], "is for tls.mode secret"),
        (["tls.certManager.issuerRef.name=i"], "is for tls.mode certManager"),
        (["tls.mode=none", "networkPolicy.enabled=false", "storage.azurite.withoutNetworkPolicy=true"], "any pod could then call the silos"),
        (["kubecop.prometheusExporter.enabled=true", "http.tlsSecret=w"], "podMonitor.tlsConfig has to tell"),
        (["kubecop.prometheusExporter.publicMetrics=true"], "kubecop.prometheusExporter.enabled false"),
        (["kubecop.alertmanager.enabled=true", "kubecop.alertmanager.endpoints="], "needs kubecop.alertmanager.endpoints"),
        (["kubecop.syslog.enabled=true", "kubecop.syslog.endpoint="], "needs kubecop.syslog.endpoint"),
        (["kubecop.httpEndpoint.enabled=true", "kubecop.httpEndpoint.url="], "needs kubecop.httpEndpoint.url"),
        (["kubecop.csv.enabled=true", "kubecop.csv.path=/a.csv"], "the container's root is read-only"),
        (["kubecop.csv.enabled=true", "kubecop.csv.malwarePath=/tmp/kubecop.csv"], "are the same file"),
        (["kubecop.stdout.enabled=false"], "nobody would be told of an alert"),
        (["clamAV.enabled=true", "clamAV.host=clamd"], "set clamAV.sidecar=false"),
        (["clamAV.enabled=true", "clamAV.sidecar=false"], "nobody would listen there"),
        (["clamAV.enabled=true", "clamAV.port=9090"], "is used by KubeCop itself"),
        (["securityContext.privileged=true", "securityContext.allowPrivilegeEscalation=false"], "Kubernetes refuses allowPrivilegeEscalation=false"),
        (["updateStrategy.type=OnDelete"], "set updateStrategy.rollingUpdate=null"),
        (["extraVolumeMounts[0].name=x", "extraVolumeMounts[0].mountPath=/host"], "/host is the chart's own"),
        (["extraEnv[0].name=HOST_ROOT", "extraEnv[0].value=/"], "HOST_ROOT is the chart's own"),
        (["extraEnv[0].name=DB_PASSWORD", "extraEnv[0].value=x"], "take it from a Secret"),
        (["config.Storage.Provider=redis"], "config.Storage.Provider: the chart sets it"),
        (["config.Export.X.Password=x"], "config has a secret in it"),
        (["storage.provider=mysql"], "/storage/provider"),
        (["clamAv.enabled=true"], "clamAv"),
        (["kubecop.recording.finalizationDuration=soon"], "/kubecop/recording/finalizationDuration"),
        (["kubecop.syslog.protocol=smoke"], "/kubecop/syslog/protocol"),
        (["http.port=70000"], "/http/port"),
        (["image.pullPolicy=Sometimes"], "/image/pullPolicy"),
        (["cluster.id=A_B"], "/cluster/id"),
        (["config.Storrage.Provider=file"], "Storrage"),
        (["dataDirectory=data"], "/dataDirectory"),
    ];

    /// <summary>Those whose text is kept beside the tests.</summary>
    public static IReadOnlyList<string> Kept { get; } = ["default", "namespaced", "redis-both", "tls-cert-manager", "monitored", "clamd", "all-exporters", "alone"];

    /// <summary>helm's arguments for these values.</summary>
    public static IEnumerable<string> Arguments(IEnumerable<string> values) => values.SelectMany(static value => (string[])["--set", value]);
}

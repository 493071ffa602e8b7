{{/* What cannot work together, each with what to do. What a single value may be is in values.schema.json. */}}
{{- define "kubecop.validate" -}}
{{- $v := .Values -}}
{{- $isMember := include "kubecop.isMember" . -}}
{{- $scans := include "kubecop.scans" . -}}

{{- if eq $v.isNamespaced $v.isClusterScoped -}}
{{- fail (printf "isNamespaced and isClusterScoped are both %t: exactly one of them has to be true" $v.isNamespaced) -}}
{{- end -}}
{{- if and (not $v.serviceAccount.create) (not $v.serviceAccount.name) -}}
{{- fail "serviceAccount.name is empty: name the ServiceAccount to use, or let the chart make one (serviceAccount.create=true)" -}}
{{- end -}}
{{- if gt (len .Release.Namespace) 63 -}}
{{- fail "the namespace's name is longer than 63 characters" -}}
{{- end -}}

{{- if and $isMember (eq $v.storage.provider "file") -}}
{{- fail "storage.provider file is one node's own: silos of a cluster need a store that all share. Use azurite, azureblob, redis or postgresql, or let each node be alone (cluster.membership=none)" -}}
{{- end -}}
{{- if and (not $isMember) (ne $v.storage.provider "file") -}}
{{- fail (printf "cluster.membership is none, so silos would overwrite each other's profiles in a shared store: use storage.provider=file instead of %s, or cluster.membership=kubernetes" $v.storage.provider) -}}
{{- end -}}
{{- if has $v.storage.provider (list "redis" "postgresql") -}}
{{- if not (or $v.storage.connectionString $v.storage.existingSecret) -}}
{{- fail (printf "storage.provider %s needs storage.existingSecret, a Secret with the connection string, or storage.connectionString" $v.storage.provider) -}}
{{- end -}}
{{- end -}}
{{- if eq $v.storage.provider "azureblob" -}}
{{- if not (or $v.storage.connectionString $v.storage.existingSecret $v.storage.azureBlob.serviceUri) -}}
{{- fail "storage.provider azureblob needs storage.existingSecret, storage.connectionString, or storage.azureBlob.serviceUri for a managed identity" -}}
{{- end -}}
{{- if and $v.storage.azureBlob.serviceUri (or $v.storage.connectionString $v.storage.existingSecret) -}}
{{- fail "storage.azureBlob.serviceUri is for a managed identity, and a connection string says the same thing another way: give one of them" -}}
{{- end -}}
{{- if contains "?" $v.storage.azureBlob.serviceUri -}}
{{- fail "storage.azureBlob.serviceUri has a signature in it, which is secret: put a connection string with it into a Secret and name that (storage.existingSecret)" -}}
{{- end -}}
{{- else if or $v.storage.azureBlob.serviceUri $v.storage.azureBlob.clientId -}}
{{- fail (printf "storage.azureBlob.serviceUri and clientId are for storage.provider azureblob, and that is %s" $v.storage.provider) -}}
{{- end -}}
{{- if and $v.storage.connectionString $v.storage.existingSecret -}}
{{- fail "storage.connectionString and storage.existingSecret are both given: which of them counts? Give one" -}}
{{- end -}}
{{- if and (has $v.storage.provider (list "azurite" "file")) (or $v.storage.connectionString $v.storage.existingSecret) -}}
{{- fail (printf "storage.provider %s needs no connection string: choose azureblob, redis or postgresql, or take storage.connectionString and storage.existingSecret away" $v.storage.provider) -}}
{{- end -}}
{{- if and (eq $v.storage.provider "azurite") (not $v.networkPolicy.enabled) (not $v.storage.azurite.withoutNetworkPolicy) -}}
{{- fail "networkPolicy.enabled is false, and the bundled Azurite is not encrypted: set storage.azurite.withoutNetworkPolicy=true where something else keeps others away from it" -}}
{{- end -}}
{{- if and (eq $v.storage.provider "azurite") (not $v.storage.azurite.storageClass) (include "kubecop.isConnected" .) -}}
{{- $hasDefault := false -}}
{{- range (lookup "storage.k8s.io/v1" "StorageClass" "" "").items -}}
{{- if eq (get (.metadata.annotations | default dict) "storageclass.kubernetes.io/is-default-class") "true" -}}
{{- $hasDefault = true -}}
{{- end -}}
{{- end -}}
{{- if not $hasDefault -}}
{{- fail "this cluster has no default StorageClass, so the bundled Azurite would never get its volume: name one (storage.azurite.storageClass), or use another store (storage.provider)" -}}
{{- end -}}
{{- end -}}

{{- if and (eq $v.cluster.membership "redis") (not $v.cluster.redis.existingSecret) -}}
{{- fail "cluster.membership redis needs cluster.redis.existingSecret, a Secret with the connection string of the membership table" -}}
{{- end -}}
{{- if and (ne $v.cluster.membership "redis") $v.cluster.redis.existingSecret -}}
{{- fail (printf "cluster.redis.existingSecret is for cluster.membership redis, and that is %s" $v.cluster.membership) -}}
{{- end -}}
{{- if eq (int $v.cluster.siloPort) (int $v.http.port) -}}
{{- fail (printf "cluster.siloPort and http.port are both %d: each needs its own" (int $v.http.port)) -}}
{{- end -}}
{{- if and (eq $v.tls.mode "secret") (not $v.tls.existingSecret) -}}
{{- fail "tls.mode secret needs tls.existingSecret, a Secret with tls.crt, tls.key and ca.crt" -}}
{{- end -}}
{{- if and (ne $v.tls.mode "secret") $v.tls.existingSecret -}}
{{- fail (printf "tls.existingSecret is for tls.mode secret, and that is %s" $v.tls.mode) -}}
{{- end -}}
{{- if and (ne $v.tls.mode "certManager") $v.tls.certManager.issuerRef.name -}}
{{- fail (printf "tls.certManager.issuerRef is for tls.mode certManager, and that is %s" $v.tls.mode) -}}
{{- end -}}
{{- if and (eq $v.tls.mode "none") $isMember (not $v.networkPolicy.enabled) -}}
{{- fail "tls.mode is none and networkPolicy.enabled is false: any pod could then call the silos and change what is detected. Turn one of them on" -}}
{{- end -}}
{{- if and (eq $v.tls.mode "certManager") $isMember (include "kubecop.isConnected" .) (not (.Capabilities.APIVersions.Has "cert-manager.io/v1")) -}}
{{- fail "tls.mode is certManager, and this cluster has no cert-manager: install it, or use tls.mode=generated" -}}
{{- end -}}

{{- if and (include "kubecop.isConnected" .) (or (and $v.kubecop.prometheusExporter.enabled $v.podMonitor.enabled) $v.prometheusRule.enabled) (not (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}
{{- fail "this cluster has no Prometheus operator: set podMonitor.enabled=false and prometheusRule.enabled=false; pods keep the prometheus.io annotations" -}}
{{- end -}}
{{- if and $v.http.tlsSecret $v.kubecop.prometheusExporter.enabled $v.podMonitor.enabled (not $v.podMonitor.tlsConfig) -}}
{{- fail "http.tlsSecret is set: podMonitor.tlsConfig has to tell Prometheus the authority and a serverName that is in the certificate" -}}
{{- end -}}
{{- if and (not $v.kubecop.prometheusExporter.enabled) $v.kubecop.prometheusExporter.publicMetrics -}}
{{- fail "kubecop.prometheusExporter.publicMetrics is true, and kubecop.prometheusExporter.enabled false" -}}
{{- end -}}

{{- if and $v.kubecop.alertmanager.enabled (not $v.kubecop.alertmanager.endpoints) -}}
{{- fail "kubecop.alertmanager.enabled needs kubecop.alertmanager.endpoints: host:port or URLs, with commas between" -}}
{{- end -}}
{{- if and $v.kubecop.syslog.enabled (not $v.kubecop.syslog.endpoint) -}}
{{- fail "kubecop.syslog.enabled needs kubecop.syslog.endpoint: host[:port]" -}}
{{- end -}}
{{- if and $v.kubecop.httpEndpoint.enabled (not $v.kubecop.httpEndpoint.url) -}}
{{- fail "kubecop.httpEndpoint.enabled needs kubecop.httpEndpoint.url" -}}
{{- end -}}
{{- if $v.kubecop.csv.enabled -}}
{{- if eq $v.kubecop.csv.path $v.kubecop.csv.malwarePath -}}
{{- fail "kubecop.csv.path and kubecop.csv.malwarePath are the same file" -}}
{{- end -}}
{{- range $key := list "path" "malwarePath" -}}
{{- $path := get $v.kubecop.csv $key -}}
{{- $fits := or (hasPrefix "/tmp/" $path) (hasPrefix "/var/lib/kubecop/" $path) -}}
{{- range $v.extraVolumeMounts -}}
{{- if hasPrefix (printf "%s/" (trimSuffix "/" .mountPath)) $path -}}
{{- $fits = true -}}
{{- end -}}
{{- end -}}
{{- if not $fits -}}
{{- fail (printf "kubecop.csv.%s %s: the container's root is read-only. Use /tmp/…, /var/lib/kubecop/…, or a volume of your own (extraVolumes, extraVolumeMounts)" $key $path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (not $v.kubecop.stdout.enabled) (not (or $v.kubecop.alertmanager.enabled $v.kubecop.syslog.enabled $v.kubecop.csv.enabled $v.kubecop.httpEndpoint.enabled $v.kubecop.events.enabled $v.config.Export)) -}}
{{- fail "kubecop.stdout.enabled is false and no exporter is on: nobody would be told of an alert" -}}
{{- end -}}
{{- if and $scans $v.clamAV.sidecar (not (has $v.clamAV.host (list "localhost" "127.0.0.1"))) -}}
{{- fail (printf "clamAV.host is %s: with clamAV.sidecar=true clamd is in the same pod (localhost). For another one set clamAV.sidecar=false" $v.clamAV.host) -}}
{{- end -}}
{{- if and $scans (not $v.clamAV.sidecar) (has $v.clamAV.host (list "localhost" "127.0.0.1")) -}}
{{- fail "clamAV.sidecar is false and clamAV.host localhost: nobody would listen there. Name the host of clamd" -}}
{{- end -}}
{{- if and $scans (has (int $v.clamAV.port) (list (int $v.http.port) (int $v.cluster.siloPort))) -}}
{{- fail (printf "clamAV.port %d is used by KubeCop itself (http.port, cluster.siloPort)" (int $v.clamAV.port)) -}}
{{- end -}}

{{- if and $v.securityContext.privileged (hasKey $v.securityContext "allowPrivilegeEscalation") (not $v.securityContext.allowPrivilegeEscalation) -}}
{{- fail "securityContext: Kubernetes refuses allowPrivilegeEscalation=false beside privileged=true. KubeCop needs neither: leave privileged out" -}}
{{- end -}}
{{- if and $v.updateStrategy.rollingUpdate (eq $v.updateStrategy.type "OnDelete") -}}
{{- fail "updateStrategy.rollingUpdate is for the type RollingUpdate, and that is OnDelete: set updateStrategy.rollingUpdate=null" -}}
{{- end -}}
{{- range tuple "/" "/host" "/tmp" "/var/lib/kubecop" "/etc/kubecop" "/etc/kubecop-tls" "/etc/kubecop-http" -}}
{{- $path := . -}}
{{- range $v.extraVolumeMounts -}}
{{- if eq $path (default "/" (trimSuffix "/" .mountPath)) -}}
{{- fail (printf "extraVolumeMounts: %s is the chart's own" .mountPath) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $v.extraEnv -}}
{{- if has .name (list "NODE_NAME" "POD_NAME" "POD_IP" "STORE_NAMESPACE" "HOST_ROOT") -}}
{{- fail (printf "extraEnv: %s is the chart's own" .name) -}}
{{- end -}}
{{- if and (hasKey . "value") (regexMatch "(?i)(connectionstring|password|token)$" .name) -}}
{{- fail (printf "extraEnv: %s is secret, and everybody who may see the DaemonSet would: take it from a Secret (valueFrom.secretKeyRef)" .name) -}}
{{- end -}}
{{- end -}}
{{- range $section, $names := dict "Node" (list "Name" "DataDirectory" "HostRoot") "Http" (list "Address" "AllowedHosts" "CertificateFile" "KeyFile" "PublicMetrics") "Cluster" (list "Membership" "ConnectionString" "SiloPort" "ClusterId" "Tls" "KubernetesNamespace") "Storage" (list "Provider") "Kubernetes" (list "StoreNamespace" "Events") -}}
{{- range $names -}}
{{- if hasKey (get $v.config $section | default dict) . -}}
{{- fail (printf "config.%s.%s: the chart sets it, by a value of its own" $section .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if regexMatch "(?i)\"(connectionstring|password|token)\":" (toJson $v.config) -}}
{{- fail "config has a secret in it, and becomes a ConfigMap: use storage.existingSecret, cluster.redis.existingSecret, or extraEnv with valueFrom.secretKeyRef" -}}
{{- end -}}
{{- end -}}

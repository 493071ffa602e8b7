{{/* KubeCop's names: the chart's, unless fullnameOverride says otherwise, which by default it does. */}}
{{- define "kubecop.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* At most 40 characters: names of parts and of their pods are made of it. */}}
{{- define "kubecop.fullname" -}}
{{- default (printf "%s-%s" .Release.Name (include "kubecop.name" .)) .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "kubecop.selector" -}}
app.kubernetes.io/name: {{ include "kubecop.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kubecop.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "kubecop.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* Azurite's pods are no silos: their labels are their own, so that no policy and no monitor takes one for the other. */}}
{{- define "kubecop.azurite.selector" -}}
app.kubernetes.io/name: {{ include "kubecop.name" . }}-azurite
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "kubecop.azurite.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "kubecop.azurite.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "kubecop.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "kubecop.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "kubecop.image" -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ required "a tag" .tag }}
{{- end -}}
{{- end -}}

{{/* Whether there is an API server that lookup can ask: not with "helm template" and "--dry-run=client". */}}
{{- define "kubecop.isConnected" -}}
{{- if lookup "v1" "Namespace" "" "kube-system" }}true{{ end -}}
{{- end -}}

{{/* KubeCop's README says kubecop.clamav.enabled, its chart clamAV.enabled: both mean the same. */}}
{{- define "kubecop.scans" -}}
{{- if or .Values.clamAV.enabled .Values.kubecop.clamav.enabled }}true{{ end -}}
{{- end -}}

{{- define "kubecop.hasClamd" -}}
{{- if and (include "kubecop.scans" .) .Values.clamAV.sidecar }}true{{ end -}}
{{- end -}}

{{- define "kubecop.isMember" -}}
{{- if ne .Values.cluster.membership "none" }}true{{ end -}}
{{- end -}}

{{- define "kubecop.usesTls" -}}
{{- if and (include "kubecop.isMember" .) (ne .Values.tls.mode "none") }}true{{ end -}}
{{- end -}}

{{/* The Secret with tls.crt, tls.key and ca.crt. */}}
{{- define "kubecop.tlsSecret" -}}
{{- if eq .Values.tls.mode "secret" -}}
{{ .Values.tls.existingSecret }}
{{- else -}}
{{ include "kubecop.fullname" . }}-silo-tls
{{- end -}}
{{- end -}}

{{- define "kubecop.storageProvider" -}}
{{- if eq .Values.storage.provider "azurite" }}azureblob{{ else }}{{ .Values.storage.provider }}{{ end -}}
{{- end -}}

{{/* The variable with the store's connection string; empty where it has none. */}}
{{- define "kubecop.storageVariable" -}}
{{- $names := dict "azureblob" "AzureBlob" "redis" "Redis" "postgresql" "PostgreSql" -}}
{{- with get $names (include "kubecop.storageProvider" .) -}}
{{- if not (and (eq . "AzureBlob") $.Values.storage.azureBlob.serviceUri) -}}
KubeCop__Storage__{{ . }}__ConnectionString
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "kubecop.storageSecret" -}}
{{- if eq .Values.storage.provider "azurite" -}}
{{ include "kubecop.fullname" . }}-azurite
{{- else -}}
{{ default (printf "%s-storage" (include "kubecop.fullname" .)) .Values.storage.existingSecret }}
{{- end -}}
{{- end -}}

{{/*
Not privileged: what the kernel asks for, and no more. The program gives up what it no longer needs once its hooks are attached.
A securityContext of the values is laid over it; with "privileged" nothing of this is left, since Kubernetes refuses such a mixture.
*/}}
{{- define "kubecop.securityContext" -}}
{{- if .Values.securityContext.privileged -}}
{{- toYaml .Values.securityContext -}}
{{- else -}}
{{- $add := list "BPF" "PERFMON" "NET_ADMIN" -}}
{{- if include "kubecop.scans" . -}}
{{- $add = concat $add (list "DAC_READ_SEARCH" "SYS_PTRACE") -}}
{{- end -}}
{{- $own := dict
  "privileged" false
  "allowPrivilegeEscalation" false
  "readOnlyRootFilesystem" true
  "runAsUser" 0
  "capabilities" (dict "drop" (list "ALL") "add" $add)
  "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- toYaml (mergeOverwrite $own (deepCopy .Values.securityContext)) -}}
{{- end -}}
{{- end -}}

{{/* Names and labels. Lists are cut to what Kubernetes allows; suffixes of ours take 12 characters at most. */}}

{{- define "tokenlease.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 50 | trimSuffix "-" }}
{{- end }}

{{- define "tokenlease.fullname" -}}
{{- $name := include "tokenlease.name" . }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What a set of pods is selected by: fixed for ever, selectors cannot be changed. Takes (list . component). */}}
{{- define "tokenlease.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ include "tokenlease.name" $root }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end }}

{{/* Takes (list . component). */}}
{{- define "tokenlease.labels" -}}
{{- $root := index . 0 -}}
{{ include "tokenlease.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: tokenlease
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Of pods: without the chart's version, which would restart them for nothing. Takes (list . component). */}}
{{- define "tokenlease.podLabels" -}}
{{- $root := index . 0 -}}
{{ include "tokenlease.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The metadata of an object, labels last. Takes (list . component suffix), and annotations of its own if it has some. */}}
{{- define "tokenlease.metadata" -}}
{{- $root := index . 0 -}}
name: {{ include "tokenlease.fullname" $root }}{{ index . 2 }}
namespace: {{ $root.Release.Namespace }}
{{- include "tokenlease.annotations" (list $root (ternary (last .) dict (gt (len .) 3))) }}
labels:
  {{- include "tokenlease.labels" (list $root (index . 1)) | nindent 2 }}
{{- end }}

{{/* An object's own, over those of every object. Takes (list . annotations). */}}
{{- define "tokenlease.annotations" -}}
{{- with merge (deepCopy (index . 1)) (index . 0).Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "tokenlease.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "tokenlease.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- default "default" .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "tokenlease.image" -}}
{{- $image := .Values.image -}}
{{- with default $image.registry .Values.global.imageRegistry }}{{ . }}/{{ end }}{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ default .Chart.AppVersion $image.tag }}{{ end }}
{{- end }}

{{/* Where the servers are, one address for each: clients go from one to the next. */}}
{{- define "tokenlease.serversUrl" -}}
{{- $scheme := ternary "https" "http" (not (empty .Values.tls.secret)) -}}
{{ $scheme }}://{{ include "tokenlease.fullname" . }}-servers.{{ .Release.Namespace }}.svc:{{ .Values.server.port }}
{{- end }}

{{/* What the release's own claim for audit logs is called by, after its name. A claim's access mode is fixed, so each has its own. */}}
{{- define "tokenlease.auditClaim" -}}
{{- ternary "-audit" "-audit-shared" (eq .Values.ledger.kind "embedded") }}
{{- end }}
